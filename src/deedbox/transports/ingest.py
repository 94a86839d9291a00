"""Takes telemetry from every transport: messages that wait at the same time are stored in one transaction.

A message is acknowledged after the commit, never before. There is no timer and no long queue: the next commit
begins when the last one has ended, and when too much waits, transports stop reading from their sockets.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from contextvars import Context
from typing import Any, NamedTuple
from uuid import UUID

from deedbox.core import telemetry_journal
from deedbox.core.errors import NotFound, Refusal, StorageUnavailable, TooBusy
from deedbox.core.live import LiveChanges, PointsArrived
from deedbox.core.storage import Storage, Stores
from deedbox.core.telemetry_journal import Entry, Message, Moved
from deedbox.core.value_limits import NameBudget, ValueLimits
from deedbox.core.values import checked_name
from deedbox.transports.journal_moving import JournalMover
from deedbox.transports.settings import JournalSettings
from deedbox.transports.telemetry_batches import Batch, Done, NewShape, Sender

_log = logging.getLogger(__name__)
_NOTHING_MOVED = Moved((), 0)
#: From a connection that does not wait for acknowledgements, between two commits.
_MOST_TAKEN_BYTES = 65_536


class _Stored(NamedTuple):
    """What came of a batch: its entries, the answers to its new shapes, and what was moved beside."""

    entries: Sequence[Entry]
    refusals: Sequence[Refusal | None] = ()
    moved: Moved = _NOTHING_MOVED


class TelemetryIngest:
    """The one way of telemetry into the database; to be used on the event loop."""

    def __init__(
        self, storage: Storage, limits: ValueLimits, live: LiveChanges, settings: JournalSettings
    ) -> None:
        self._storage = storage
        self._live = live
        self._most_waiting = settings.most_waiting
        self._budget = NameBudget(limits.most_series, "time series")
        self._mover = JournalMover(storage, settings)
        #: What is stored next.
        self.batch = Batch()
        self._wake = asyncio.Event()
        self._resumes: list[Callable[[], None]] = []
        self._mover.after_move = self._make_room
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False
        #: How many batches came to their end.
        self.commits = 0
        #: Hears how many messages each commit has stored.
        self.stored: Callable[[int], object] = _ignore
        #: Hears of each batch that came to its end: how many messages, after how many seconds.
        self.ended: Callable[[int, float], object] | None = None

    @property
    def unmoved(self) -> int:
        """How many messages are in the journal only."""
        return self._mover.messages

    @property
    def unmoved_bytes(self) -> int:
        """How long these messages are together."""
        return self._mover.size_bytes

    @property
    def paused(self) -> int:
        """How many connections wait until messages are taken again."""
        return len(self._resumes)

    async def open(self) -> None:
        """Find what an earlier run left in the journal, so that reads find it from now on."""
        await self._mover.open()

    async def close(self) -> None:
        """Store what waits; what is in the journal is safe there."""
        self._is_closing = True
        self._wake.set()
        if self._task:
            await self._task
        await self._mover.close()

    async def settle(self, device_ids: Iterable[UUID]) -> None:
        """Bring all that these devices have sent so far to where reads of time series look."""
        await self._mover.settle(device_ids)

    @property
    def is_full(self) -> bool:
        """Tell whether transports shall stop reading, and come back with `when_there_is_room`."""
        batch = self.batch
        return len(batch.done) + len(batch.new) >= self._most_waiting or self._mover.is_full

    def is_too_much(self, taken_bytes: int) -> bool:
        """Tell it to a connection from which so much was taken since the last of `commits`: one of many."""
        return (taken_bytes >= _MOST_TAKEN_BYTES and self.batch.size > 0) or self.is_full

    def when_there_is_room(self, resume: Callable[[], None]) -> None:
        """Call `resume` once, when messages are taken again."""
        self._resumes.append(resume)

    def wake(self) -> None:
        """Store the batch as soon as the last one is stored."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), context=Context())
        self._wake.set()

    def is_known(self, device_id: UUID, names: tuple[str, ...]) -> bool:
        """Tell whether the device has been seen to use these names."""
        return self._budget.has_passed(device_id, frozenset(names))

    def add_new(
        self, device_id: UUID, message: Message, names: tuple[str, ...], done: Done, token: Any
    ) -> None:
        """Take a message whose names are to be checked first. Raises InvalidValue for one that can't be."""
        for name in names:
            checked_name(name)
        self.batch.new.append(NewShape(device_id, message, frozenset(names), done, token))
        self.wake()

    async def store(self, device_id: UUID, message: Message, names: tuple[str, ...]) -> None:
        """Take a message and wait until it is stored.

        Raises TooBusy where too much waits, NotFound, InvalidValue, StorageUnavailable.
        """
        if self.is_full:
            raise TooBusy("Devices send more than can be stored at this moment. Try again later.")
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        Sender(self, device_id).add(message, names, _resolve, stored)
        await stored

    async def _run(self) -> None:
        while not self._is_closing:
            await self._wake.wait()
            self._wake.clear()
            while self.batch.size:
                batch, self.batch = self.batch, Batch()
                batch.close()
                began_s = time.perf_counter()
                try:
                    await self._store(batch)
                except Exception:  # one device's fault must not cost all others their answers from now on
                    _log.exception("not everybody was told what came of their telemetry")
                self.commits += 1
                if self.ended is not None:
                    with suppress(Exception):  # whoever observes must not end what stores
                        self.ended(batch.size, time.perf_counter() - began_s)
                self._make_room()

    async def _store(self, batch: Batch) -> None:
        async def work(stores: Stores) -> _Stored:
            entries = await stores.journal.append(batch.known)
            return await self._store_new(stores, batch, entries) if batch.new else _Stored(entries)

        storage = self._storage
        try:
            # The same entry twice is moved to the same points.
            stored = await (storage.write_beside(work) if batch.new else storage.write_at_once(work))
        except Refusal as refusal:
            self._refuse_all(batch, refusal)
        except Exception:
            _log.exception("telemetry could not be stored")
            self._refuse_all(batch, StorageUnavailable())
        else:
            count = _stored_count(batch, stored)
            self._mover.add(stored.entries, count, batch.size_bytes)
            self.stored(count)
            self._mover.moved(stored.moved)
            self._acknowledge(batch, stored)
            self._tell(batch, stored)

    async def _store_new(self, stores: Stores, batch: Batch, entries: list[Entry]) -> _Stored:
        """Decide about new names by what is stored, the journal included, then append what may be."""
        devices = {it.device_id for it in batch.new}
        waiting = await self._mover.unmoved_of(devices, stores.journal)
        unread = {*waiting, *(it.id for it in entries if it.device_id in devices)}
        moved = await telemetry_journal.move(stores.journal, unread)
        asked = [(it.device_id, it.names) for it in batch.new]
        refusals = await self._budget.refusals(asked, stores.journal.series_names)
        passed = [it for it, no in zip(batch.new, refusals, strict=True) if no is None]
        entries += await stores.journal.append([(it.device_id, [it.message]) for it in passed])
        return _Stored(entries, refusals, moved)

    def _acknowledge(self, batch: Batch, stored: _Stored) -> None:
        gone: set[UUID] = set()
        if len(stored.entries) < len(batch.known) + len(batch.new):
            there = {it.device_id for it in stored.entries}
            gone = {it for it, _ in batch.known} | {it.device_id for it in batch.new}
            gone -= there
        for sender, done, token in batch.done:
            done(token, NotFound() if gone and sender.device_id in gone else None)
        for it, refusal in zip(batch.new, stored.refusals, strict=True):
            it.done(it.token, refusal or (NotFound() if it.device_id in gone else None))

    def _refuse_all(self, batch: Batch, refusal: Refusal) -> None:
        for _, done, token in batch.done:
            done(token, refusal)
        for it in batch.new:
            it.done(it.token, refusal)

    def _tell(self, batch: Batch, stored: _Stored) -> None:
        watched = {it.device_id: it.epoch for it in stored.entries if self._live.is_watched(it.device_id)}
        if not watched:
            return
        told: dict[UUID, list[Message]] = {it: [] for it in watched}
        for device_id, messages in batch.known:
            if device_id in told:
                told[device_id] += messages
        for it, refusal in zip(batch.new, stored.refusals, strict=True):
            if refusal is None and it.device_id in told:
                told[it.device_id].append(it.message)
        for device_id, messages in told.items():
            points = tuple(point for it in messages for point in telemetry_journal.points_of(it))
            self._live.tell(PointsArrived(device_id, watched[device_id], points))

    def _make_room(self) -> None:
        if self._resumes and not self.is_full:
            resumes, self._resumes = self._resumes, []
            for resume in resumes:
                resume()


def _stored_count(batch: Batch, stored: _Stored) -> int:
    """Return how many messages of the batch are in the journal now."""
    if len(stored.entries) == len(batch.known) + len(batch.new):
        return batch.size
    there = {it.device_id for it in stored.entries}
    known = [messages for device_id, messages in batch.known if device_id in there]
    return sum(map(len, known)) + len(stored.entries) - len(known)


def _ignore(_count: int) -> None:
    pass


def _resolve(stored: "asyncio.Future[None]", refusal: Refusal | None) -> None:
    if stored.done():
        return
    if refusal is None:
        stored.set_result(None)
    else:
        stored.set_exception(refusal)
