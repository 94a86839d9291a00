"""Moves telemetry from the journal to where reads look: soon, in small bites, and at once for who reads.

While devices send, moving takes a small share of the time, so that acknowledgements need not wait for it;
when the journal grows long it takes more, and a full journal stops the devices.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from deedbox.core import telemetry_journal
from deedbox.core.errors import Refusal
from deedbox.core.storage import Storage, Stores, Work
from deedbox.core.telemetry_journal import Entry, Moved
from deedbox.transports.settings import JournalSettings

_log = logging.getLogger(__name__)

#: Entries of a bite: more in one transaction cost less each, but make everybody else wait longer.
_FEWEST, _MOST = 16, 4_096
_BITE_S = 0.004
#: The share of the time that bites may take while devices send: little, and more when the journal is long.
_SHARE, _LARGE_SHARE = 0.05, 0.5
_AFTER_TROUBLE_S = 5.0


class JournalMover:
    """Knows which entries of which device are in the journal. To be used on the event loop."""

    def __init__(self, storage: Storage, settings: JournalSettings) -> None:
        self._storage = storage
        self._settings = settings
        self._unmoved: dict[UUID, list[int]] = {}
        #: How many messages are in the journal, as far as is known here.
        self.messages = 0
        self._added_at_s = 0.0
        self._bite = 64
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        #: Called after each bite.
        self.after_move: Callable[[], None] = _nothing

    @property
    def is_full(self) -> bool:
        """Tell whether the journal holds all that it may."""
        return self.messages >= self._settings.most_messages

    async def open(self) -> None:
        """Find what an earlier run left."""

        async def index(stores: Stores) -> list[tuple[int, UUID]]:
            return await stores.journal.index()

        left = await self._storage.read(index)
        self.add([Entry(entry_id, device_id, 0) for entry_id, device_id in left], len(left))

    async def close(self) -> None:
        """End; what is in the journal stays there."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def add(self, entries: Sequence[Entry], messages: int) -> None:
        """Remember entries that were committed."""
        unmoved = self._unmoved
        for it in entries:
            known = unmoved.get(it.device_id)
            if known is None:
                unmoved[it.device_id] = [it.id]
            else:
                known.append(it.id)
        self.messages += messages
        self._added_at_s = time.monotonic()
        if self._task is None and unmoved:
            self._task = asyncio.get_running_loop().create_task(self._run())
        self._wake.set()

    def entries_of(self, device_id: UUID) -> Sequence[int]:
        """Return the entries of the device that may not have been moved yet; may be asked in any thread."""
        return tuple(self._unmoved.get(device_id, ()))

    def moved(self, moved: Moved) -> None:
        """Hear that entries were moved."""
        self._forget((it.device_id, it.id) for it in moved.entries)
        # What was erased was never counted back: an empty journal is where counting begins anew.
        self.messages = max(0, self.messages - moved.messages) if self._unmoved else 0
        self.after_move()

    def _forget(self, entries: Iterable[tuple[UUID, int]]) -> None:
        for device_id, entry_id in entries:
            known = self._unmoved.get(device_id, [])
            with contextlib.suppress(ValueError):
                known.remove(entry_id)
            if not known:
                self._unmoved.pop(device_id, None)

    async def settle(self, device_ids: Iterable[UUID]) -> None:
        """Move all that these devices have sent so far."""
        wanted = [(it, entry_id) for it in device_ids for entry_id in self._unmoved.get(it, ())]
        if not wanted:
            return

        async def work(stores: Stores) -> Moved:
            return await telemetry_journal.move(stores.journal, [entry_id for _, entry_id in wanted])

        moved = await self._storage.write(work)
        self._forget(wanted)  # whoever moved or erased them
        self.moved(moved)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            if not self._unmoved:
                await self._wake.wait()
            await asyncio.sleep(self._settings.delay_ms / 1000)
            try:
                await self._move_all()
            except Refusal as refusal:
                _log.warning("telemetry stays in the journal for now: %s", refusal.message)
                await asyncio.sleep(_AFTER_TROUBLE_S)
            except Exception:
                _log.exception("telemetry stays in the journal for now")
                await asyncio.sleep(_AFTER_TROUBLE_S)

    async def _move_all(self) -> None:
        """Take bites until the journal is empty, resting in between while devices send."""

        async def work(stores: Stores) -> Moved:
            return await telemetry_journal.move_oldest(stores.journal, self._bite)

        while self._unmoved:
            began_s = time.monotonic()
            moved = await self._move(work)
            duration_s = time.monotonic() - began_s
            if not moved.entries:
                await self.settle(list(self._unmoved))
            self._bite = _next_bite(self._bite, duration_s)
            await asyncio.sleep(self._rest_s(duration_s))

    def _rest_s(self, duration_s: float) -> float:
        if time.monotonic() - self._added_at_s > _BITE_S + duration_s:
            return 0.0
        share = _SHARE if self.messages * 2 < self._settings.most_messages else _LARGE_SHARE
        return duration_s * (1 - share) / share

    async def _move(self, work: Work[Moved]) -> Moved:
        moved = await self._storage.write(work)
        self.moved(moved)
        return moved


def _next_bite(bite: int, duration_s: float) -> int:
    """Return how many entries to take next, so that a bite lasts about as long as it should."""
    wanted = int(bite * _BITE_S / duration_s)
    return min(max(wanted, bite // 2, _FEWEST), bite * 2, _MOST)


def _nothing() -> None:
    pass
