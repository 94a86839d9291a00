"""Notes when devices were last heard of, some seconds behind and at most once a minute per device."""

import asyncio
import logging
from contextvars import Context
from uuid import UUID

from deedbox.core.activity import NOTED_EVERY_MS
from deedbox.core.errors import StorageUnavailable
from deedbox.core.storage import Storage, Stores

_WRITTEN_AFTER_S = 2.0
MOST_REMEMBERED = 200_000

_log = logging.getLogger(__name__)


class ActivityNotes:
    """Collects who was heard of and writes it down together."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._noted_at: dict[UUID, int] = {}
        self._unwritten: dict[UUID, int] = {}
        self._writing: asyncio.Task[None] | None = None

    @property
    def unwritten(self) -> int:
        """How many devices were heard of and are not written down yet."""
        return len(self._unwritten)

    @property
    def remembered(self) -> int:
        """How many devices it is known of when they were noted, of MOST_REMEMBERED."""
        return len(self._noted_at)

    def note(self, device_id: UUID, now_ms: int) -> None:
        """Note that a device was heard of at `now_ms`; costs next to nothing when it was noted lately."""
        if now_ms - self._noted_at.get(device_id, 0) < NOTED_EVERY_MS:
            return
        if len(self._noted_at) >= MOST_REMEMBERED:
            self._noted_at.clear()
        self._noted_at[device_id] = self._unwritten[device_id] = now_ms
        if self._writing is None:
            # For many devices: lines of the log must not name the request that happened to be first.
            self._writing = asyncio.create_task(self._write_soon(), context=Context())

    async def close(self) -> None:
        """Write what is not written yet."""
        if self._writing:
            self._writing.cancel()
            await asyncio.wait([self._writing])
        await self._write()

    async def _write_soon(self) -> None:
        await asyncio.sleep(_WRITTEN_AFTER_S)
        self._writing = None
        await self._write()

    async def _write(self) -> None:
        heard_at, self._unwritten = self._unwritten, {}
        if not heard_at:
            return

        async def work(stores: Stores) -> None:
            await stores.activity.note_activity(heard_at)

        try:
            await self._storage.write_beside(work)
        except StorageUnavailable as error:
            # Only a hint for people; the devices will be heard of again.
            _log.warning("last activity of %d devices was not stored: %s", len(heard_at), error)
