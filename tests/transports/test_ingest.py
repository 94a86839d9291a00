"""Telemetry on its way into the journal: batches, refusals within them, limits on names, back-pressure."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from deedbox.cluster.live import BusLiveChanges
from deedbox.cluster.local import LocalBus
from deedbox.core.errors import InvalidValue, NotFound, Refusal, StorageUnavailable, TooBusy
from deedbox.core.telemetry import Point
from deedbox.core.telemetry_journal import Message
from deedbox.core.value_limits import ValueLimits
from deedbox.storage.sqlite import SQLiteStorage
from deedbox.transports.ingest import TelemetryIngest
from deedbox.transports.payloads import telemetry_message
from deedbox.transports.settings import JournalSettings
from deedbox.transports.telemetry_batches import Sender
from tests.storage.values_bench import ValuesBench

NOW_MS = 1_700_000_000_000
#: Nothing is moved in the background: tests say when.
JOURNAL = JournalSettings(most_waiting=100, most_messages=1_000, delay_ms=600_000)


class Site:
    """An ingest over a real database, and what came of each message: (token, refusal) in order."""

    def __init__(self, folder: Path) -> None:
        self.values = ValuesBench(folder)
        self.live = BusLiveChanges(LocalBus())
        self.limits = ValueLimits()
        self.outcomes: list[tuple[Any, Refusal | None]] = []
        self.start()

    def start(self) -> None:
        """Begin as a process does."""
        self.ingest = TelemetryIngest(self.values.storage, self.limits, self.live, JOURNAL)
        self.values.storage.settle_by(self.ingest.settle)

    def add(self, sender: Sender, token: int, **values: Any) -> None:
        """Hand a message over; its moment is its token."""
        told = telemetry_message(msgspec.json.encode(values), token)
        assert told is not None
        sender.add(told[0], told[1], lambda it, refusal: self.outcomes.append((it, refusal)), token)

    async def all_done(self, count: int) -> None:
        """Wait until so many messages have their answer."""
        async with asyncio.timeout(20):
            while len(self.outcomes) < count:
                with contextlib.suppress(StorageUnavailable):
                    await self.values.storage.write(_nothing)
                await asyncio.sleep(0)

    async def latest(self, device_id: UUID) -> dict[str, tuple[int, Any]]:
        """Return moment and value of all series, after what was sent so far."""
        await self.ingest.settle([device_id])
        return await self.values.latest(device_id)

    def journal(self) -> int:
        """Return how many entries the journal has."""
        count: int = self.values.plain.execute("select count(*) from telemetry_journal").fetchone()[0]
        return count

    async def set_most_pages(self, count: int) -> None:
        """Limit the size of the database: 1 leaves no room for anything new."""
        storage = self.values.storage
        assert isinstance(storage, SQLiteStorage)

        async def work(_: Any) -> None:
            storage._writer.execute(f"pragma max_page_count = {count}")

        await self.values.storage.write(work)


async def _nothing(_: Any) -> None:
    pass


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    yield made
    await made.ingest.close()
    await made.values.close()


async def known(site: Site, device_id: UUID, *names: str) -> Sender:
    """Return the sender of a device that has sent these names before."""
    sender = Sender(site.ingest, device_id)
    before = len(site.outcomes)
    site.add(sender, 1, **dict.fromkeys(names or ("t",), 0))
    await site.all_done(before + 1)
    site.outcomes.clear()
    return sender


async def test_what_waits_at_the_same_time_is_one_entry_per_device(site: Site) -> None:
    devices = [site.values.device() for _ in range(5)]
    senders = [await known(site, it) for it in devices]
    before = site.journal()
    for token in range(100, 150):
        site.add(senders[token % 5], token, t=token)
    await site.all_done(50)
    assert site.journal() == before + 5
    assert site.outcomes == [(it, None) for it in range(100, 150)]
    assert [(await site.latest(it))["t"] for it in devices] == [(it, it) for it in range(145, 150)]


async def test_nobody_is_answered_before_the_commit(site: Site) -> None:
    """Behaviour §2.6."""
    sender = await known(site, site.values.device())
    seen = asyncio.get_running_loop().create_future()
    before = site.journal()
    message = Message(2, b'{"t":1}')
    sender.add(message, ("t",), lambda *_: seen.set_result(site.journal() - before), None)
    assert await asyncio.wait_for(seen, 20) == 1, "seen by another connection to the database"


async def test_a_device_that_is_gone_costs_the_others_nothing(site: Site) -> None:
    device, gone = site.values.device(), site.values.device()
    senders = [await known(site, it) for it in (device, gone)]
    site.values.plain.execute("delete from device_state where device_id = ?", (gone,))
    for token in range(10, 20):
        site.add(senders[token % 2], token, t=token)
    site.add(Sender(site.ingest, uuid4()), 20, new=1)
    await site.all_done(11)
    refused = {token for token, refusal in site.outcomes if isinstance(refusal, NotFound)}
    assert refused == {11, 13, 15, 17, 19, 20}
    assert await site.latest(device) == {"t": (18, 18)}


async def test_devices_that_are_gone_do_not_fill_the_journal(site: Site) -> None:
    gone = site.values.device()
    sender = await known(site, gone)
    site.values.plain.execute("delete from device_state where device_id = ?", (gone,))
    for round_number in range(20):
        for token in range(99):
            site.add(sender, token, t=1)
        await site.all_done(99 * (round_number + 1))
    assert not site.ingest.is_full


async def test_refused_names_do_not_fill_the_journal(site: Site) -> None:
    site.limits = ValueLimits(most_series=1)
    site.start()
    sender = await known(site, site.values.device())
    for token in range(1_200):
        site.add(sender, token, **{f"n{token}": 1})
        if token % 90 == 89:
            await site.all_done(token + 1)
    await site.all_done(1_200)
    assert all(isinstance(refusal, InvalidValue) for _, refusal in site.outcomes)
    assert not site.ingest.is_full


async def test_what_is_moved_beside_a_batch_does_not_fill_the_journal(site: Site) -> None:
    device = site.values.device()
    sender = Sender(site.ingest, device)
    for token in range(1, 1_300):
        site.add(sender, token, **{f"n{token % 100}-{token % 3}": token})
        if token % 90 == 0:
            await site.all_done(token)
            await site.ingest.settle([device])
    await site.all_done(1_299)
    assert not site.ingest.is_full


async def test_names_are_counted_across_the_journal_and_what_is_stored(site: Site) -> None:
    site.limits = ValueLimits(most_series=3)
    site.start()
    device = site.values.device()
    await site.values.record(device, [Point("stored", 1, 1)])
    sender = Sender(site.ingest, device)
    for token, name in enumerate(["in_journal", "same_batch", "one_too_many", "stored"], 1):
        site.add(sender, token, **{name: token})
        if token == 1:
            await site.all_done(1)
    await site.all_done(4)
    assert [refusal is None for _, refusal in site.outcomes] == [True, True, False, True]
    assert set(await site.latest(device)) == {"stored", "in_journal", "same_batch"}


async def test_names_are_counted_across_a_restart(site: Site) -> None:
    site.limits = ValueLimits(most_series=1)
    device = site.values.device()
    site.start()
    await known(site, device, "t")
    await site.ingest.close()
    site.start()
    await site.ingest.open()
    sender = Sender(site.ingest, device)
    site.add(sender, 2, u=1)
    site.add(sender, 3, t=1)
    await site.all_done(2)
    assert [type(refusal) for _, refusal in site.outcomes] == [InvalidValue, type(None)]


@pytest.mark.parametrize("name", ["", " ", "x" * 256])
async def test_names_that_can_not_be_stored(site: Site, name: str) -> None:
    sender = Sender(site.ingest, site.values.device())
    with pytest.raises(InvalidValue):
        site.add(sender, 1, **{name: 1})
    site.add(sender, 2, t=1)
    await site.all_done(1)
    assert site.outcomes == [(2, None)]


async def test_messages_of_two_connections_of_a_device_are_all_stored(site: Site) -> None:
    device = site.values.device()
    senders = [await known(site, device) for _ in range(2)]
    for token in range(10, 30):
        site.add(senders[token % 2], token, t=token)
    await site.all_done(20)
    await site.ingest.settle([device])
    count = site.values.plain.execute("select count(*) from time_series where ts >= 10").fetchone()[0]
    assert count == 20


async def test_storage_trouble_refuses_all_and_is_over_when_it_is_over(site: Site) -> None:
    device = site.values.device()
    sender = await known(site, device)
    await site.set_most_pages(1)
    large = "x" * 50_000
    for token in (2, 3):
        site.add(sender, token, t=large)
    site.add(Sender(site.ingest, device), 4, u=1)
    await site.all_done(3)
    assert [type(refusal) for _, refusal in site.outcomes] == [StorageUnavailable] * 3
    await site.set_most_pages(1 << 30)
    site.add(sender, 5, t=large)
    await site.all_done(4)
    assert site.outcomes[3] == (5, None)
    assert await site.latest(device) == {"t": (5, large)}


async def test_a_fault_of_one_answer_costs_no_other_batch(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    sender = await known(site, site.values.device())

    def fail(*_: Any) -> None:
        raise ValueError("the answer can't be written")

    sender.add(Message(2, b'{"t":1}'), ("t",), fail, None)
    await asyncio.sleep(0)
    await site.values.storage.write(_nothing)
    site.add(sender, 3, t=1)
    await site.all_done(1)
    assert site.outcomes == [(3, None)]
    assert "not everybody was told" in caplog.text


async def test_too_much_waiting_says_so_and_who_waits_is_called_once(site: Site) -> None:
    sender = await known(site, site.values.device())
    resumed: list[int] = []
    seen = []
    for token in range(100):
        site.add(sender, token, t=1)
        seen.append(site.ingest.is_full)
    assert seen == [False] * 99 + [True]
    for it in range(3):
        site.ingest.when_there_is_room(partial(resumed.append, it))
    await site.all_done(100)
    assert (site.ingest.is_full, resumed) == (False, [0, 1, 2])
    site.add(sender, 100, t=1)
    await site.all_done(101)
    assert resumed == [0, 1, 2]


async def test_a_full_journal_says_so_until_it_is_moved(site: Site) -> None:
    device = site.values.device()
    sender = await known(site, device)
    resumed: list[bool] = []
    for token in range(2, 1_002):
        site.add(sender, token, t=token)
    await site.all_done(1_000)
    assert site.ingest.is_full
    with pytest.raises(TooBusy):
        await site.ingest.store(device, Message(1, b'{"t":1}'), ("t",))
    site.ingest.when_there_is_room(lambda: resumed.append(True))
    await site.ingest.settle([device])
    assert (site.ingest.is_full, resumed) == (False, [True])


async def test_the_end_stores_what_waits(site: Site) -> None:
    device = site.values.device()
    sender = await known(site, device)
    site.add(sender, 5, t=5)
    await site.ingest.close()
    assert site.outcomes == [(5, None)]
    site.start()
    await site.ingest.open()
    assert await site.latest(device) == {"t": (5, 5)}


async def test_only_what_was_stored_is_told_to_who_watches(site: Site) -> None:
    """Behaviour §5.3: with the epoch it was stored in."""
    site.limits = ValueLimits(most_series=2)
    site.start()
    device, other = site.values.device(), site.values.device()
    told: list[Any] = []
    stop = site.live.watch(device, told.append)
    sender = await known(site, device)
    told.clear()
    site.values.set_epoch(device, 7)
    site.add(sender, 2, t=2)
    site.add(sender, 3, u=3)
    site.add(sender, 4, v=4)
    site.add(Sender(site.ingest, other), 5, t=5)
    await site.all_done(4)
    points = [(point.key, point.ts, point.value) for it in told for point in it.points]
    assert (points, {it.epoch for it in told}) == ([("t", 2, 2), ("u", 3, 3)], {7})
    stop()


async def test_store_waits_for_the_commit(site: Site) -> None:
    device = site.values.device()
    await site.ingest.store(device, Message(1, b'{"t":1}'), ("t",))
    assert site.journal() == 1
    with pytest.raises(NotFound):
        await site.ingest.store(uuid4(), Message(1, b'{"t":1}'), ("t",))
