"""Moves telemetry from the journal to where reads look: soon, in small bites, and at once for who reads.

While devices send, moving takes a small share of the time, so that acknowledgements need not wait for it;
when the journal grows long it takes more, and a full journal stops the devices.
"""

import asyncio
import contextlib
import logging
import time
from bisect import bisect
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from uuid import UUID

from deedbox.core import telemetry_journal
from deedbox.core.errors import Refusal
from deedbox.core.storage import Storage, Stores
from deedbox.core.telemetry_journal import Entry, JournalStore, Moved
from deedbox.transports.settings import JournalSettings

_log = logging.getLogger(__name__)

#: Entries of a bite: more in one transaction cost less each, but make everybody else wait longer.
_FEWEST, _MOST = 1, 4_096
_BITE_S = 0.004
#: Of a database that is some way off. Fewer entries would take as long there and back; more would keep
#: everybody here waiting while they are packed. In between others have their turn: the longer the journal,
#: the shorter, and not at all from that part of a full one on.
_SHARED_BITE, _SHARED_REST_S, _LONG_SHARED = 512, 0.05, 1 / 8
#: The share of the time that bites may take while devices send: little, and more when the journal is long.
_SHARE, _LARGE_SHARE = 0.05, 0.5
_AFTER_TROUBLE_S = 5.0
#: Of what somebody waits for to be moved.
_FIRST_SETTLED, _SETTLING_S = 64, 0.02
#: How long what a dead node left in the journal lies there, until somebody asks for it, at the latest.
_OTHERS_S = 5.0
_NOTHING = Moved((), 0)


class JournalMover:
    """Knows which entries of which device are in the journal. To be used on the event loop."""

    def __init__(self, storage: Storage, settings: JournalSettings) -> None:
        self._storage = storage
        self._settings = settings
        self._unmoved: dict[UUID, list[int]] = {}
        #: How many messages are in the journal, as far as is known here.
        self.messages = 0
        self._bytes = 0
        #: Whether the journal holds all that it may. An attribute, as every read from a socket looks at it.
        self.is_full = False
        self._added_at_s = 0.0
        self._bite = _SHARED_BITE if storage.is_shared else 64
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        #: Called after each bite.
        self.after_move: Callable[[], None] = _nothing

    @property
    def size_bytes(self) -> int:
        """How much is in the journal, as far as is known here."""
        return self._bytes

    async def open(self) -> None:
        """Find what an earlier run left."""

        async def index(stores: Stores) -> list[tuple[int, UUID]]:
            return await stores.journal.index()

        left = await self._storage.read(index)
        self.add([Entry(entry_id, device_id, 0) for entry_id, device_id in left], len(left), 0)

    async def close(self) -> None:
        """End; what is in the journal stays there."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def add(self, entries: Sequence[Entry], messages: int, size_bytes: int) -> None:
        """Remember entries that were committed, so many messages of that size together."""
        unmoved = self._unmoved
        for it in entries:
            known = unmoved.get(it.device_id)
            if known is None:
                unmoved[it.device_id] = [it.id]
            else:
                known.append(it.id)
        self.messages += messages
        self._bytes += size_bytes
        self._weigh()
        self._added_at_s = time.monotonic()
        if self._task is None and (unmoved or self._storage.is_shared):
            self._task = asyncio.get_running_loop().create_task(self._run())
        self._wake.set()

    async def unmoved_of(self, device_ids: Iterable[UUID], journal: JournalStore) -> list[int]:
        """Return the entries of these devices that may not have been moved; may be asked in any thread."""
        if self._storage.is_shared:
            return [entry_id for entry_id, _ in await journal.index_of([*device_ids])]
        return [entry_id for it in device_ids for entry_id in tuple(self._unmoved.get(it, ()))]

    def moved(self, moved: Moved) -> None:
        """Hear that entries were moved."""
        self._forget((it.device_id, it.id) for it in moved.entries)
        # What was erased was never counted back: an empty journal is where counting begins anew.
        self.messages = max(0, self.messages - moved.messages) if self._unmoved else 0
        self._bytes = max(0, self._bytes - moved.size_bytes) if self._unmoved else 0
        self._weigh()
        self.after_move()

    def _weigh(self) -> None:
        settings = self._settings
        self.is_full = self.messages >= settings.most_messages or self._bytes >= settings.most_bytes

    def _forget(self, entries: Iterable[tuple[UUID, int]]) -> None:
        for device_id, entry_id in entries:
            known = self._unmoved.get(device_id, [])
            with contextlib.suppress(ValueError):
                known.remove(entry_id)
            if not known:
                self._unmoved.pop(device_id, None)

    async def settle(self, device_ids: Iterable[UUID]) -> None:
        """Move all that these devices have sent so far."""
        asked = [*device_ids]
        known = [(it, entry_id) for it in asked for entry_id in self._unmoved.get(it, ())]
        wanted = await self._entries_of(asked) if self._storage.is_shared else [it for _, it in known]
        await self._move_in_bites(wanted)
        if known:
            self._forget(known)  # whoever moved or erased them
            self.moved(_NOTHING)

    async def _move_in_bites(self, entry_ids: Sequence[int]) -> None:
        """Move these, however many: whoever else writes comes in between."""
        is_shared = self._storage.is_shared
        left, count = sorted(entry_ids), _SHARED_BITE if is_shared else _FIRST_SETTLED
        while left:
            began_s = time.monotonic()
            moved = await self._storage.write_beside(partial(_move_some, left[:count]), must_last=False)
            self.moved(moved)
            left = left[bisect(left, moved.entries[-1].id) if moved.entries else count :]
            if not is_shared:
                count = _next_bite(count, time.monotonic() - began_s, _SETTLING_S)

    async def _entries_of(self, device_ids: Sequence[UUID]) -> list[int]:
        async def work(stores: Stores) -> list[int]:
            return await self.unmoved_of(device_ids, stores.journal)

        return await self._storage.look(work)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            if not self._unmoved:
                await self._until_there_is_more()
            await asyncio.sleep(self._settings.delay_ms / 1000)
            try:
                await self._move_all()
            except Refusal as refusal:
                _log.warning("telemetry stays in the journal for now: %s", refusal.message)
                await asyncio.sleep(_AFTER_TROUBLE_S)
            except Exception:
                _log.exception("telemetry stays in the journal for now")
                await asyncio.sleep(_AFTER_TROUBLE_S)

    async def _until_there_is_more(self) -> None:
        """Wait for an entry; where others write, too, no longer than it takes to notice that one has died."""
        others_s = _OTHERS_S if self._storage.is_shared else None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), others_s)

    async def _move_all(self) -> None:
        """Take bites until the journal is empty, resting in between while devices send."""

        async def work(stores: Stores) -> Moved:
            return await telemetry_journal.move_oldest(stores.journal, self._bite)

        while True:
            began_s = time.monotonic()
            moved = await self._storage.write_beside(work, must_last=False)
            self.moved(moved)
            duration_s = time.monotonic() - began_s
            if not moved.entries:
                await self.settle(list(self._unmoved))
            if not self._unmoved and (not moved.entries or not self._storage.is_shared):
                return
            if not self._storage.is_shared:
                self._bite = _next_bite(self._bite, duration_s)
            await asyncio.sleep(self._rest_s(duration_s))

    def _rest_s(self, duration_s: float) -> float:
        if time.monotonic() - self._added_at_s > _BITE_S + duration_s:
            return 0.0
        settings = self._settings
        fullness = max(self.messages / settings.most_messages, self._bytes / settings.most_bytes)
        if self._storage.is_shared:
            return _SHARED_REST_S * max(0.0, 1 - fullness / _LONG_SHARED)
        share = _LARGE_SHARE if fullness >= 0.5 else _SHARE
        return duration_s * (1 - share) / share


async def _move_some(entry_ids: Sequence[int], stores: Stores) -> Moved:
    return await telemetry_journal.move_some(stores.journal, entry_ids)


def _next_bite(bite: int, duration_s: float, bite_s: float = _BITE_S) -> int:
    """Return how many entries to take next, so that a bite lasts about as long as it should."""
    wanted = int(bite * bite_s / duration_s)
    return min(max(wanted, bite // 2, _FEWEST), bite * 2, _MOST)


def _nothing() -> None:
    pass
