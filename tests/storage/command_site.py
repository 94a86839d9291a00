"""Stored commands on the examiner's bench: one device with an owner, a clock that is set by hand."""

from typing import Any, TypeVar
from uuid import UUID

from deedbox.core import persistent_commands
from deedbox.core.command_limits import CommandLimits
from deedbox.core.persistent_commands import PersistentCommand, Wish
from deedbox.core.rpc import Delivery
from deedbox.storage.stores import Stores
from deedbox.testing.claim_scene import ACME, TENANT, ClaimScene, made_device
from tests.storage.sqlite_bench import StorageBench

T = TypeVar("T")
GADGET = made_device(1)
DEVICE = GADGET.id
LIMITS = CommandLimits(most_pending=3)
HOUR_MS = 3_600_000


class CommandSite:
    """Core functions about commands, one transaction per call."""

    def __init__(self, sqlite: StorageBench, limits: CommandLimits = LIMITS) -> None:
        self.sqlite = sqlite
        self.scene = ClaimScene(sqlite)
        self.limits = limits

    async def prepare(self) -> None:
        """Let a customer own the device."""
        await self.scene.prepare(2)
        await self.scene.assign(GADGET, ACME)

    async def add(self, method: str = "m", device_id: UUID = DEVICE, **more: Any) -> UUID:
        """Store a command; by default a one-way one that lives for an hour."""
        wish = Wish(method, {"on": True}, **{"one_way": True, "timeout_ms": HOUR_MS} | more)

        async def work(stores: Stores) -> UUID:
            return await persistent_commands.add(
                stores.persistent_commands, TENANT, device_id, wish, self.limits
            )

        return await self.sqlite.storage.write(work)

    async def take(self) -> Delivery | None:
        """The device asks for its next command."""

        async def work(stores: Stores) -> Delivery | None:
            return await persistent_commands.take(stores.persistent_commands, DEVICE, self.limits)

        return await self.sqlite.storage.write(work)

    async def taken(self) -> Delivery:
        """The device's next command, which is there."""
        delivery = await self.take()
        assert delivery is not None
        return delivery

    async def deliver(self, delivery: Delivery) -> None:
        """The device has it."""

        async def work(stores: Stores) -> None:
            await persistent_commands.deliver(stores.persistent_commands, DEVICE, delivery.id)

        await self.sqlite.storage.write(work)

    async def fail(self, delivery: Delivery) -> None:
        """The device did not get it."""

        async def work(stores: Stores) -> None:
            await persistent_commands.fail(stores.persistent_commands, DEVICE, delivery.id)

        await self.sqlite.storage.write(work)

    async def give_back(self, delivery: Delivery) -> None:
        """It was not sent at all."""

        async def work(stores: Stores) -> None:
            await persistent_commands.give_back(stores.persistent_commands, DEVICE, delivery.id)

        await self.sqlite.storage.write(work)

    async def reply(self, delivery: Delivery, reply: bytes = b"1", device_id: UUID = DEVICE) -> bool:
        """The device replies."""

        async def work(stores: Stores) -> bool:
            return await stores.persistent_commands.note_reply(device_id, delivery.id, reply)

        return await self.sqlite.storage.write(work)

    async def command(self, command_id: UUID) -> PersistentCommand:
        """The command as it is now."""

        async def work(stores: Stores) -> PersistentCommand | None:
            return await stores.persistent_commands.command(command_id)

        found = await self.sqlite.storage.look(work)
        assert found is not None
        return found

    async def status(self, command_id: UUID) -> str:
        """Where the command is now."""
        return (await self.command(command_id)).status.value
