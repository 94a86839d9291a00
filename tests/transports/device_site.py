"""What is behind the device side on the bench, whatever the transport: the real core over SQLite."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from deedbox.cluster.attribute_changes import AttributeHints
from deedbox.cluster.live import BusLiveChanges
from deedbox.cluster.local import LocalBus
from deedbox.cluster.rpc import MOST_PER_DEVICE, CommandExchange
from deedbox.core.attributes import Attribute, NewAttribute, Scope, Writer, write
from deedbox.core.credential_kinds import CredentialsDraft
from deedbox.core.credentials import change_credentials
from deedbox.core.deed_ends import follow_deed_end
from deedbox.core.device_limits import DeviceLimits
from deedbox.core.devices import Device
from deedbox.core.gateways import GatewayLimits
from deedbox.core.holders import Extent
from deedbox.core.provision_attempts import ProvisioningPolicy
from deedbox.core.rpc import Command, Outcome
from deedbox.core.telemetry import Point
from deedbox.core.transport_configuration import checked_transport
from deedbox.core.value_limits import ValueLimits
from deedbox.core.windows import Announced
from deedbox.storage.stores import Stores
from deedbox.testing.claim_scene import ClaimScene, made_device
from deedbox.transports.activity import ActivityNotes
from deedbox.transports.device_manners import DeviceManners
from deedbox.transports.device_messages import DeviceMessages
from deedbox.transports.gateways import GatewayMessages
from deedbox.transports.ingest import TelemetryIngest
from deedbox.transports.provisioning import DeviceProvisioning
from deedbox.transports.rate_limits import RateLimits
from deedbox.transports.settings import JournalSettings
from tests.storage.sqlite_bench import SQLiteBench

TOKEN = "A1_TEST_TOKEN"
#: Longer than anything here takes; nobody waits for it unless something is broken.
PATIENCE_MS = 20_000
EVERYTHING = Extent(0, 1_000_000)


class DeviceSite:
    """The parts that transports are handed. The clock is the storage bench's."""

    def __init__(
        self,
        sqlite: SQLiteBench,
        journal: JournalSettings | None = None,
        commands_per_device: int = MOST_PER_DEVICE,
    ) -> None:
        self.sqlite = sqlite
        self.scene = ClaimScene(sqlite)
        self.device = made_device(1)
        self.other = made_device(2)
        self.heard: list[Announced] = []
        self.journal = journal or JournalSettings()
        self.value_limits = ValueLimits()
        self.gateway_limits = GatewayLimits()
        self.refused: list[tuple[str, str]] = []
        self.provisioned: list[str] = []
        self.provisioning = DeviceProvisioning(
            sqlite.storage, self.scene.keys, ProvisioningPolicy(), self.provisioned.append
        )
        self.rate_limits = self.limits_of_all(DeviceLimits())
        self.manners = DeviceManners(sqlite.storage)
        bus = LocalBus()
        self.exchange = CommandExchange(bus, "bench", sqlite.storage, commands_per_device)
        self.changes, self.live = AttributeHints(bus), BusLiveChanges(bus)
        self.activity = ActivityNotes(sqlite.storage)
        self.wire()

    def wire(self) -> None:
        """Make the ways in anew, as a start does, with the settings of the moment."""
        storage, limits = self.sqlite.storage, self.value_limits
        self.messages = DeviceMessages(
            storage, self.scene.keys, self.scene.policy, limits, self.live, self.heard.append
        )
        self.gateways = GatewayMessages(
            storage, self.scene.keys, self.scene.policy, self.gateway_limits, self.live, self.heard.append
        )
        self.ingest = TelemetryIngest(storage, limits, self.live, self.journal)
        storage.settle_by(self.ingest.settle)

    def limits_of_all(self, limits: DeviceLimits) -> RateLimits:
        """Return limits of the deployment on what devices send."""
        return RateLimits(self.sqlite.storage, limits, lambda *it: self.refused.append(it))

    async def prepare(self) -> None:
        """Store `device`, with the token TOKEN, and `other`, without one."""
        await self.scene.prepare(2)
        await self.give_token(self.device, TOKEN)

    async def give_token(self, device: Device, token: str) -> None:
        """Give the device an access token in the place of the one it had."""

        async def work(stores: Stores) -> None:
            draft = CredentialsDraft(credentials_id=token)
            await change_credentials(stores.credentials, self.scene.keys, device.id, draft, None)

        await self.sqlite.storage.write(work)

    async def speak(self, device: Device | None = None, **configuration: Any) -> None:
        """Give the profile of a device a transport configuration, as an administrator does."""
        checked = checked_transport(configuration["type"], configuration)
        settings = {
            "transportType": configuration["type"],
            "profileData": {"transportConfiguration": checked},
        }
        self.sqlite.sql(
            "update device_profile set settings = ?, version = version + 1 where id = ?",
            msgspec.json.encode(settings).decode(),
            (device or self.device).profile_id.bytes,
        )
        await self.manners.reload()

    async def token_of_another(self) -> str:
        """Give `other` a token and return it."""
        await self.give_token(self.other, "ANOTHER_TOKEN")
        return "ANOTHER_TOKEN"

    async def latest(self, device: Device | None = None) -> dict[str, Any]:
        """Return the newest value of each series of the device."""
        device_id = (device or self.device).id
        await self.sqlite.storage.settle([device_id])
        points = await self.look(lambda stores: stores.time_series.latest_points(device_id, EVERYTHING))
        return {point.key: point.value for point in points}

    async def points(self) -> Sequence[Point]:
        """Return the newest points of the device's series."""
        await self.sqlite.storage.settle([self.device.id])
        found: list[Point] = await self.look(
            lambda stores: stores.time_series.latest_points(self.device.id, EVERYTHING)
        )
        return found

    async def reported(self) -> dict[str, Any]:
        """Return what the device reported about itself."""
        scopes = [Scope.CLIENT_SCOPE]
        found: list[Attribute] = await self.look(
            lambda stores: stores.attributes.attributes_of(self.device.id, scopes, EVERYTHING)
        )
        return {it.name: it.value for it in found}

    async def share(self, writer: Writer = Writer.TENANT, **values: Any) -> None:
        """Write shared attributes and tell the device."""
        await self.store_shared(writer, **values)
        self.changes.tell(self.device.id, list(values))

    async def store_shared(self, writer: Writer, **values: Any) -> None:
        """Write shared attributes and tell nobody."""

        async def work(stores: Stores) -> None:
            rows = [self._shared(name, writer, value) for name, value in values.items()]
            await write(stores.attributes, rows)

        await self.sqlite.storage.write(work)

    async def follow_deed_end(self) -> None:
        """Do what follows the end of a deed."""
        await follow_deed_end(self.device.id, self.sqlite.storage, self.exchange, self.changes, self.live)

    async def drop_shared(self, *names: str) -> None:
        """Delete shared attributes and tell the device."""

        async def work(stores: Stores) -> None:
            await stores.attributes.drop_attributes(self.device.id, Scope.SHARED_SCOPE, names)

        await self.sqlite.storage.write(work)
        self.changes.tell(self.device.id, names)

    async def call(self, method: str, params: Any = None, timeout_ms: int = PATIENCE_MS) -> Outcome:
        """Ask the device something, in its present epoch."""
        command = await self.command(method, params)
        return await self.exchange.call(command, timeout_ms)

    async def offer(self, method: str, timeout_ms: int = PATIENCE_MS) -> asyncio.Task[Outcome]:
        """Offer a command, go on, and return what will be its outcome."""
        call = self.exchange.call(await self.command(method), timeout_ms)
        offered = asyncio.create_task(call)
        await asyncio.sleep(0)
        return offered

    async def command(self, method: str, params: Any = None, one_way: bool = False) -> Command:
        """Return a command to the device in its present epoch."""
        epoch = (await self.scene.state(self.device)).epoch
        return Command(self.device.id, epoch, method, params, one_way)

    async def look(self, ask: Callable[[Stores], Any]) -> Any:
        """Ask the stores something."""

        async def work(stores: Stores) -> Any:
            return await ask(stores)

        return await self.sqlite.storage.look(work)

    async def last_activity_at(self, device_id: UUID) -> int | None:
        """Return when the device was last heard of, None for never."""
        rows = self.sqlite._rows(
            "select last_activity_at from device_activity where device_id = ?", device_id
        )
        return rows[0]["last_activity_at"] if rows else None

    def _shared(self, name: str, writer: Writer, value: Any) -> NewAttribute:
        return NewAttribute(self.device.id, Scope.SHARED_SCOPE, name, writer, value, self.sqlite.now_ms)
