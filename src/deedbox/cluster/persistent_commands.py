"""Stored commands on their way: taken from the database for whoever serves the device, and noted there.

What is only to be noted (that a device has a command, or did not get it) is written in the background: nobody
waits for it, and if it is lost, the command's time for that step runs out.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from deedbox.core import persistent_commands
from deedbox.core.command_limits import CommandLimits
from deedbox.core.errors import StorageUnavailable
from deedbox.core.persistent_commands import PersistentCommandStore
from deedbox.core.rpc import Delivery
from deedbox.core.storage import Storage, Stores

_MOST_AT_ONCE = 200
_PAUSE_S = 1.0

_log = logging.getLogger(__name__)

Note = Callable[[PersistentCommandStore, UUID, int], Awaitable[object]]


class StoredCommands:
    """Stored commands of all devices. `wake(device_id)` has whoever serves the device look for them."""

    def __init__(self, storage: Storage, limits: CommandLimits, wake: Callable[[UUID], None]) -> None:
        self._storage = storage
        self._limits = limits
        self._wake = wake
        self._notes: set[asyncio.Task[None]] = set()

    async def is_waiting(self, device_id: UUID) -> bool:
        """Tell whether there may be something to take."""

        async def work(stores: Stores) -> bool:
            return await stores.persistent_commands.is_waiting(device_id)

        return await self._storage.look(work)

    async def take(self, device_id: UUID) -> Delivery | None:
        """Take the device's next command. Raises StorageUnavailable."""

        async def work(stores: Stores) -> Delivery | None:
            return await persistent_commands.take(stores.persistent_commands, device_id, self._limits)

        return await self._storage.write(work)

    def delivered(self, device_id: UUID, delivery_id: int) -> None:
        """Note that the device has the command; then the next one may follow."""
        self._note(persistent_commands.deliver, device_id, delivery_id, 0.0)

    def failed(self, device_id: UUID, delivery_id: int) -> None:
        """Note that an attempt came to nothing. The next follows after a pause, lest all fail at once."""
        self._note(persistent_commands.fail, device_id, delivery_id, _PAUSE_S)

    def give_back(self, device_id: UUID, delivery_id: int) -> None:
        """Note that the command was not sent at all."""
        self._note(persistent_commands.give_back, device_id, delivery_id, 0.0)

    async def reply(self, device_id: UUID, delivery_id: int, reply: bytes) -> None:
        """Store the device's reply, if it is waited for. Raises StorageUnavailable."""

        async def work(stores: Stores) -> bool:
            return await stores.persistent_commands.note_reply(device_id, delivery_id, reply)

        if await self._storage.write(work):
            self._wake(device_id)

    async def time_out(self) -> None:
        """End steps that took too long, wherever they began. Raises StorageUnavailable."""

        async def find(stores: Stores) -> list[UUID]:
            return await stores.persistent_commands.overdue_devices(_MOST_AT_ONCE)

        for device_id in await self._storage.look(find):
            await self._storage.write(partial(_settle, device_id))
            self._wake(device_id)

    async def close(self) -> None:
        """Wait until everything is noted."""
        while self._notes:
            await asyncio.wait(self._notes)

    def _note(self, note: Note, device_id: UUID, delivery_id: int, pause_s: float) -> None:
        task = asyncio.get_running_loop().create_task(self._noted(note, device_id, delivery_id, pause_s))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _noted(self, note: Note, device_id: UUID, delivery_id: int, pause_s: float) -> None:
        async def work(stores: Stores) -> None:
            await note(stores.persistent_commands, device_id, delivery_id)

        try:
            await self._storage.write(work)
        except StorageUnavailable:
            _log.warning("what became of a command can't be written; it will be tried again")
            return
        if pause_s:
            asyncio.get_running_loop().call_later(pause_s, self._wake, device_id)
        else:
            self._wake(device_id)


async def _settle(device_id: UUID, stores: Stores) -> None:
    await persistent_commands.settle(stores.persistent_commands, device_id)
