"""The journal of telemetry: epochs stamped inside the insert, moved to the time series once."""

import asyncio
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from deedbox.core import telemetry_journal
from deedbox.core.errors import InvalidValue, StorageUnavailable
from deedbox.core.holders import Extent
from deedbox.core.storage import Stores
from deedbox.core.telemetry import Point
from deedbox.core.telemetry_journal import Entry, Message, Moved, as_payload
from deedbox.transports.payloads import telemetry_message
from tests.storage.values_bench import DATABASES, ValuesBench, opened_values_bench


@pytest.fixture(params=DATABASES)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ValuesBench]:
    async with opened_values_bench(request.param, tmp_path) as bench:
        yield bench


async def append(bench: ValuesBench, *told: tuple[UUID, list[Message]]) -> list[Entry]:
    return await bench.storage.write(lambda it: it.journal.append(told))


async def move(bench: ValuesBench, most: int = 100) -> Moved:
    return await bench.storage.write(lambda it: telemetry_journal.move_oldest(it.journal, most))


async def test_an_entry_carries_the_epoch_of_its_own_transaction(bench: ValuesBench) -> None:
    """Behaviour §5.3."""
    device = bench.device()
    before = await append(bench, (device, [Message(1, b'{"t":1}')]))
    bench.set_epoch(device, 1)
    after = await append(bench, (device, [Message(2, b'{"t":2}')]))
    assert [it.epoch for it in before + after] == [0, 1]


async def test_what_is_moved_keeps_the_epoch_it_was_received_in(bench: ValuesBench) -> None:
    """Behaviour §5.3: moving happens later, perhaps under another owner."""
    device = bench.device()
    await append(bench, (device, [Message(1, b'{"t":1}')]))
    bench.set_epoch(device, 2)
    await append(bench, (device, [Message(5, b'{"t":5}')]))
    await move(bench)
    assert [it.value for it in await bench.points(device, "t", Extent(2, 2))] == [5]
    assert [it.value for it in await bench.points(device, "t", Extent(0, 2))] == [1, 5]
    assert await bench.latest(device, Extent(2, 2)) == {"t": (5, 5)}
    assert await bench.latest(device, Extent(0, 0)) == {"t": (5, 5)}


async def test_messages_of_one_entry_keep_their_moments(bench: ValuesBench) -> None:
    device = bench.device()
    points = [Point("h", 7, 1.5), Point("t", 8, "x")]
    await append(bench, (device, [Message(1, b'{"t":1,"u":"2"}'), Message(2, as_payload(points))]))
    moved = await move(bench)
    assert moved.messages == 2
    assert await bench.latest(device) == {"h": (7, 1.5), "t": (8, "x"), "u": (1, 2)}


async def test_devices_that_are_gone_have_no_entry_and_nothing_of_theirs_is_moved(bench: ValuesBench) -> None:
    device, gone = bench.device(), uuid4()
    entries = await append(bench, (gone, [Message(1, b'{"t":1}')]), (device, [Message(1, b'{"t":1}')]))
    assert [it.device_id for it in entries] == [device]


async def test_moving_twice_is_moving_once(bench: ValuesBench) -> None:
    device = bench.device()
    entries = await append(bench, (device, [Message(1, b'{"t":1}')]))
    ids = [it.id for it in entries]
    first = await bench.storage.write(lambda it: telemetry_journal.move(it.journal, ids))
    second = await bench.storage.write(lambda it: telemetry_journal.move(it.journal, ids))
    assert (first.messages, second.messages) == (1, 0)
    assert (await move(bench)).entries == []


async def test_the_oldest_are_moved_first(bench: ValuesBench) -> None:
    devices = [bench.device() for _ in range(5)]
    for ts, device in enumerate(devices):
        await append(bench, (device, [Message(ts, b'{"t":1}')]))
    assert [it.device_id for it in (await move(bench, 2)).entries] == devices[:2]
    assert [device for _, device in await bench.storage.read(lambda it: it.journal.index())] == devices[2:]


async def test_erasing_takes_the_journal_too(bench: ValuesBench) -> None:
    """Behaviour §5.3: erase on reclaim; what was not moved yet must not come back."""
    device = bench.device()
    await append(bench, (device, [Message(1, b'{"t":1}')]))
    bench.set_epoch(device, 1)
    await append(bench, (device, [Message(2, b'{"t":2}')]))
    bench.plain.execute(
        "insert into erasure_task (device_id, below_epoch, from_epoch, queued_at) values (?, 1, 0, 0)",
        (device,),
    )
    await bench.storage.write(lambda it: it.value_erasure.erase_next(1, 100))
    await move(bench)
    assert [it.value for it in await bench.points(device, "t", Extent(0, 1))] == [2]


@pytest.mark.parametrize("bench", ["sqlite"], indirect=True)
async def test_what_cannot_be_moved_is_read_nevertheless(bench: ValuesBench) -> None:
    """A full disk hides nothing that was acknowledged, and nothing of what is done to show it is kept."""
    device, other = bench.device(), bench.device()
    await append(bench, (device, [Message(1, b'{"t":1}')]), (other, [Message(1, b'{"t":1}')]))
    is_full = True

    async def settle(_: Collection[UUID]) -> None:
        if is_full:
            raise StorageUnavailable

    bench.storage.settle_by(settle)
    await bench.storage.settle([device])
    assert [it.value for it in await bench.points(device, "t", Extent(0, 0))] == [1]
    assert not await bench.points(other, "t", Extent(0, 0))
    is_full = False
    await bench.storage.settle([other])
    assert not await bench.points(device, "t", Extent(0, 0))
    assert len(await bench.storage.read(lambda it: it.journal.index())) == 2


@pytest.mark.parametrize("bench", ["postgresql"], indirect=True)
async def test_nodes_share_the_moving_and_nothing_is_moved_twice(bench: ValuesBench) -> None:
    """Issue 4: an entry that another node is moving is left to it; who reads waits until it is moved."""
    device, other = bench.device(), bench.device()
    await bench.record(bench.device(), [Point("t", 1, 1)])  # whoever adds a name lets others wait
    await append(bench, (device, [Message(1, b'{"t":1}')]))
    await append(bench, (other, [Message(2, b'{"t":2}')]))
    began, may_end = asyncio.Event(), asyncio.Event()

    async def slowly(stores: Stores) -> Moved:
        moved = await telemetry_journal.move_oldest(stores.journal, 1)
        began.set()
        await may_end.wait()
        return moved

    first = asyncio.ensure_future(bench.storage.write_beside(slowly))
    await began.wait()
    ids = [it for it, _ in await bench.storage.look(lambda it: it.journal.index_of([device]))]
    reader = asyncio.ensure_future(
        bench.storage.write_beside(lambda it: telemetry_journal.move(it.journal, ids))
    )
    second = await bench.storage.write_beside(lambda it: telemetry_journal.move_oldest(it.journal, 10))
    assert not reader.done()
    may_end.set()
    assert [it.device_id for it in (await first).entries] == [device]
    assert [it.device_id for it in second.entries] == [other]
    assert (await reader).entries == []
    assert await bench.latest(device) == {"t": (1, 1)}


@pytest.mark.parametrize(
    ("body", "kept_as_it_came"),
    [
        (b'{"ts":7,"values":{"t":1,"u":"2"}}', True),
        (b'{"ts":7,"values":{"t":1,"u":"2"},"metadata":{}}', True),
        (b'{"ts":7.5,"values":{"t":1,"u":2}}', False),
        (b'{"ts":"7","values":{"t":1,"u":2}}', False),
        (b'{"values":{"t":1,"u":2},"ts":7}', False),
        (b'{"ts":7,"values":{"t":1,"u":2,"v":null}}', False),
        (b'[{"ts":7,"values":{"t":1}},{"ts":7,"values":{"u":2}}]', False),
    ],
)
def test_messages_with_a_moment_of_their_own(body: bytes, kept_as_it_came: bool) -> None:
    """Thingsboard §3.3: the plain form is kept as it came, any other brought into one; both say the same."""
    found = telemetry_message(body, 1)
    assert found is not None
    message, names, count = found
    assert (message.payload == body, names, count) == (kept_as_it_came, ("t", "u"), 2)
    assert telemetry_journal.points_of(message) == [Point("t", 7, 1), Point("u", 7, 2)]


@pytest.mark.parametrize("ts", [b"-1", b"253402300800000", b"1e400"])
def test_moments_that_no_calendar_has_are_refused(ts: bytes) -> None:
    with pytest.raises(InvalidValue):
        telemetry_message(b'{"ts":%s,"values":{"t":1}}' % ts, 1)


def test_a_series_may_be_called_ts() -> None:
    found = telemetry_message(b'{"ts":7,"t":1}', 1)
    assert found is not None
    assert telemetry_journal.points_of(found[0]) == [Point("ts", 1, 7), Point("t", 1, 1)]
