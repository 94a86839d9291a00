"""Devices that take commands on this node; finds in the database what other nodes could not tell of."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from deedbox.cluster.bus import Bus
from deedbox.core.errors import StorageUnavailable
from deedbox.core.storage import Storage, Stores

LOOKED_EVERY_S = 3.0
_DEVICES_AT_ONCE = 500


class ServedDevices:
    """Devices by how often they listen here. `wake(device_id)` has stored commands offered to one."""

    def __init__(self, bus: Bus, storage: Storage, wake: Callable[[UUID], None]) -> None:
        self._bus = bus
        self._storage = storage
        self._wake = wake
        self._listening: dict[UUID, int] = {}
        self._missed = False

    def enter(self, device_id: UUID) -> None:
        """Count a device that listens."""
        self._listening[device_id] = self._listening.get(device_id, 0) + 1

    def leave(self, device_id: UUID) -> None:
        """Count a device that listens no more; once for each `enter`."""
        self._listening[device_id] -= 1
        if not self._listening[device_id]:
            del self._listening[device_id]

    async def keep(self, every_s: float = LOOKED_EVERY_S) -> None:
        """Look into the database while other nodes are out of reach, and once when they are back."""
        stop = self._bus.when_back(self._miss)
        try:
            while True:
                await asyncio.sleep(every_s)
                is_whole = self._bus.is_whole
                if self._missed or not is_whole:
                    self._missed = not is_whole
                    await self._look_at_all()
        finally:
            stop()

    async def _look_at_all(self) -> None:
        devices = list(self._listening)
        for start in range(0, len(devices), _DEVICES_AT_ONCE):
            try:
                await self._look(devices[start : start + _DEVICES_AT_ONCE])
            except StorageUnavailable:
                self._missed = True
                return

    async def _look(self, devices: list[UUID]) -> None:
        async def work(stores: Stores) -> list[UUID]:
            return await stores.persistent_commands.waiting_devices(devices)

        for device_id in await self._storage.read(work):
            self._wake(device_id)

    def _miss(self) -> None:
        self._missed = True
