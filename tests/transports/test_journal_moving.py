"""Telemetry moves from the journal to where reads look: all of it, once, whoever asks for it meanwhile."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deedbox.core import telemetry_journal
from deedbox.core.errors import StorageUnavailable
from deedbox.core.telemetry_journal import Entry, Message, Moved, size_bytes
from deedbox.storage.sqlite import SQLiteStorage
from deedbox.transports import journal_moving
from deedbox.transports.journal_moving import JournalMover
from deedbox.transports.settings import JournalSettings
from tests.storage.values_bench import ValuesBench

AT_ONCE = JournalSettings(most_messages=1_000, delay_ms=0)
NEVER = JournalSettings(most_messages=1_000, delay_ms=600_000)


class Site:
    """A mover over a real database. `moved` counts messages, also those moved twice."""

    def __init__(self, folder: Path, journal: JournalSettings = NEVER) -> None:
        self.values = ValuesBench(folder)
        self.journal = journal
        self.moved = 0
        self._ts = 0
        self.start()

    def start(self) -> None:
        """Begin as a process does."""
        self.mover = JournalMover(self.values.storage, self.journal)
        self._count_moves()

    def _count_moves(self) -> None:
        hear = self.mover.moved

        def count(moved: Moved) -> None:
            self.moved += moved.messages
            hear(moved)

        self.mover.moved = count  # type: ignore[method-assign]

    async def append(self, device_id: UUID, count: int = 1, *, is_known: bool = True) -> list[Entry]:
        """Commit an entry of so many messages, each with a moment of its own; tell the mover of it."""
        messages = [Message(self._ts + it + 1, b'{"t":%d}' % (self._ts + it + 1)) for it in range(count)]
        self._ts += count
        entries = await self.values.storage.write(lambda it: it.journal.append([(device_id, messages)]))
        if is_known:
            self.mover.add(entries, count, size_bytes(messages))
        return entries

    async def emptied(self) -> None:
        """Wait until the mover has moved all that it knows of."""
        room = asyncio.Event()
        self.mover.after_move = room.set
        async with asyncio.timeout(20):
            while self.mover._unmoved:
                room.clear()
                await room.wait()

    def points(self, device_id: UUID) -> list[int]:
        """Return the moments of the points that were moved, oldest first."""
        sql = "select ts from time_series where entity_id = ? order by ts"
        return [row[0] for row in self.values.plain.execute(sql, (device_id,))]

    def left(self) -> int:
        """Return how many entries the journal has."""
        count: int = self.values.plain.execute("select count(*) from telemetry_journal").fetchone()[0]
        return count

    async def close(self) -> None:
        """End."""
        await self.mover.close()
        await self.values.close()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def moving(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path, AT_ONCE)
    yield made
    await made.close()


async def test_who_reads_finds_what_was_acknowledged(site: Site) -> None:
    one, other = site.values.device(), site.values.device()
    for _ in range(3):
        await site.append(one, 2)
        await site.append(other)
    await site.mover.settle([one])
    assert (site.points(one), site.points(other)) == ([1, 2, 4, 5, 7, 8], [])
    await site.mover.settle([one, other])
    assert (site.points(other), site.left(), site.moved) == ([3, 6, 9], 0, 9)


async def test_settling_what_nobody_sent_needs_no_transaction(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = site.values.device()
    await site.append(device)
    await site.mover.settle([device])
    for way in ("write", "write_beside"):
        monkeypatch.setattr(site.values.storage, way, None, raising=False)
    await site.mover.settle([device, site.values.device()])
    await site.mover.settle([])


async def test_what_a_device_has_piled_up_is_moved_in_pieces(site: Site, monkeypatch: Any) -> None:
    """Whoever else writes comes in between; what is larger than a piece is a piece of its own."""
    monkeypatch.setattr(telemetry_journal, "_MOST_BYTES", 100)
    device, pieces = site.values.device(), []
    for count in (5, 5, 50, *[5] * 15):
        await site.append(device, count)
    hear = site.mover.moved

    def note(moved: Moved) -> None:
        pieces.append(moved.messages)
        hear(moved)

    monkeypatch.setattr(site.mover, "moved", note)
    await site.mover.settle([device])
    assert len(site.points(device)) == 135
    assert (site.left(), sorted(pieces)[-1], sorted(pieces)[-2] <= 15) == (0, 50, True)


async def test_everything_is_moved_soon(moving: Site) -> None:
    devices = [moving.values.device() for _ in range(7)]
    for number in range(100):
        await moving.append(devices[number % 7], 3)
    await moving.emptied()
    assert sum(len(moving.points(it)) for it in devices) == moving.moved == 300
    assert moving.left() == 0


async def test_it_is_moved_in_bites(moving: Site) -> None:
    """A long journal must not stop everybody else for as long as it takes."""
    device = moving.values.device()
    for _ in range(300):
        await moving.append(device, is_known=False)
    jobs: list[int] = []
    moving.values.storage.observe_commits(lambda count, *_: jobs.append(count))
    await moving.mover.open()
    await moving.emptied()
    assert len(jobs) > 1
    assert moving.points(device) == list(range(1, 301))


async def test_leftovers_of_an_earlier_run_are_found(site: Site) -> None:
    device = site.values.device()
    for _ in range(5):
        await site.append(device)
    await site.mover.close()
    site.start()
    await site.mover.settle([device])
    assert site.points(device) == [], "nobody has looked yet"
    await site.mover.open()
    await site.mover.settle([device])
    assert (site.points(device), site.left()) == ([1, 2, 3, 4, 5], 0)


async def test_leftovers_are_moved_without_anybody_asking(moving: Site) -> None:
    device = moving.values.device()
    await moving.append(device, 4, is_known=False)
    await moving.mover.open()
    await moving.emptied()
    assert moving.points(device) == [1, 2, 3, 4]


async def test_a_full_journal_is_one_that_holds_as_many_messages_as_it_may(site: Site) -> None:
    device = site.values.device()
    seen = []
    for count in (999, 1):
        await site.append(device, count)
        seen.append(site.mover.is_full)
    await site.mover.settle([device])
    assert [*seen, site.mover.is_full] == [False, True, False]


async def test_what_was_erased_is_not_waited_for(moving: Site) -> None:
    """Behaviour §5.3: erase on reclaim takes what is in the journal, and nobody tells the mover."""
    device, other = moving.values.device(), moving.values.device()
    entries = await moving.append(device, 900, is_known=False)
    entries += await moving.append(other, 100, is_known=False)
    moving.values.plain.execute("delete from telemetry_journal where device_id = ?", (device,))
    moving.mover.add(entries, 1_000, 7_000)
    await moving.emptied()
    assert (moving.points(device), len(moving.points(other)), moving.mover.is_full) == ([], 100, False)


async def test_settling_what_was_erased_makes_room(site: Site) -> None:
    device = site.values.device()
    await site.append(device, 1_000)
    site.values.plain.execute("delete from telemetry_journal")
    await site.mover.settle([device])
    assert not site.mover.is_full


async def test_storage_trouble_is_waited_for(
    moving: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal_moving, "_AFTER_TROUBLE_S", 0.001)
    device = moving.values.device()
    await moving.append(device, 500, is_known=False)
    await set_most_pages(moving, 1)
    failed = asyncio.Event()
    moving.values.storage.observe_commits(_from_thread(failed))
    await moving.mover.open()
    async with asyncio.timeout(20):
        while "stays in the journal" not in caplog.text:
            failed.clear()
            await failed.wait()
    assert (moving.points(device), moving.left()) == ([], 1)
    await set_most_pages(moving, 1 << 30)
    await moving.emptied()
    assert len(moving.points(device)) == 500


async def set_most_pages(site: Site, count: int) -> None:
    """Limit the size of the database: 1 leaves no room for anything new."""
    storage = site.values.storage
    assert isinstance(storage, SQLiteStorage)

    async def work(_: Any) -> None:
        storage._writer.execute(f"pragma max_page_count = {count}")

    while True:  # it may share its transaction with a bite that finds no room
        with contextlib.suppress(StorageUnavailable):
            await site.values.storage.write(work)
            return


def _from_thread(event: asyncio.Event) -> Any:
    loop = asyncio.get_running_loop()
    return lambda *_: loop.call_soon_threadsafe(event.set)


async def test_the_end_leaves_what_is_not_moved(site: Site) -> None:
    device = site.values.device()
    await site.append(device, 3)
    await site.mover.close()
    assert (site.left(), site.points(device)) == (1, [])


#: What happens: so many messages of a device, somebody reads some devices, the loop goes on, a restart.
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 2), st.integers(1, 4)),
        st.tuples(st.just("settle"), st.sets(st.integers(0, 2)), st.just(0)),
        st.tuples(st.just("breathe"), st.integers(1, 20), st.just(0)),
        st.tuples(st.just("restart"), st.just(0), st.just(0)),
    ),
    max_size=25,
)


@given(EVENTS, st.booleans())
@settings(max_examples=40)
def test_nothing_is_lost_and_nothing_moved_twice(events: list[Any], in_background: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_play(Path(folder), events, AT_ONCE if in_background else NEVER))


async def _play(folder: Path, events: list[Any], journal: JournalSettings) -> None:
    site = Site(folder, journal)
    devices = [site.values.device() for _ in range(3)]
    sent: dict[UUID, list[int]] = {it: [] for it in devices}
    reading: list[asyncio.Task[None]] = []
    for kind, what, count in events:
        if kind == "append":
            before = site._ts
            await site.append(devices[what], count)
            sent[devices[what]] += range(before + 1, site._ts + 1)
        elif kind == "settle":
            reading.append(asyncio.create_task(_read(site, [devices[it] for it in what], sent)))
        elif kind == "breathe":
            for _ in range(what):
                await asyncio.sleep(0)
        else:
            await asyncio.gather(*reading)
            await site.mover.close()
            site.start()
            await site.mover.open()
    await asyncio.gather(*reading)
    await _read(site, devices, sent)
    assert (site.left(), site.mover._unmoved, site.mover.messages) == (0, {}, 0)
    await site.close()


async def _read(site: Site, devices: list[UUID], sent: dict[UUID, list[int]]) -> None:
    """Read what these devices have sent so far: all that was acknowledged by now is there."""
    acknowledged = {it: list(sent[it]) for it in devices}
    await site.mover.settle(devices)
    for device_id, moments in acknowledged.items():
        assert set(moments) <= set(site.points(device_id))


async def test_few_large_messages_fill_the_journal_too(tmp_path: Path) -> None:
    """A bound on messages alone would let 64 KiB each fill the disk."""
    storage = ValuesBench(tmp_path).storage
    mover = JournalMover(storage, JournalSettings(most_bytes=2**20, delay_ms=600_000))
    entry = Entry(1, uuid4(), 0)
    mover.add([entry], 16, 2**20)
    full = [mover.is_full]
    mover.moved(Moved([entry], 16, 2**20))
    assert [*full, mover.is_full] == [True, False]
    await mover.close()
    await storage.close()
