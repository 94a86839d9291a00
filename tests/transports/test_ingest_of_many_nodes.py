"""Telemetry of several nodes on one PostgreSQL: what one took in, all can show."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from deedbox.cluster.live import BusLiveChanges
from deedbox.cluster.local import LocalBus
from deedbox.core.errors import InvalidValue
from deedbox.core.holders import Extent
from deedbox.core.telemetry_journal import Message, Moved
from deedbox.core.value_limits import ValueLimits
from deedbox.storage.pool_options import PoolOptions
from deedbox.storage.postgresql import PostgreSQLStorage
from deedbox.transports.ingest import TelemetryIngest
from deedbox.transports.journal_moving import JournalMover
from deedbox.transports.settings import JournalSettings
from tests.storage.values_bench import ValuesBench, opened_values_bench

#: So long that nothing is moved but for those who read.
_NEVER_MS = 60_000


class Nodes:
    """Two nodes; `bench` looks at their database."""

    def __init__(
        self, bench: ValuesBench, ingests: list[TelemetryIngest], storage: PostgreSQLStorage
    ) -> None:
        self.bench = bench
        self.first, self.second = ingests
        self.storage = storage

    async def latest(self, through: TelemetryIngest, device_id: UUID) -> dict[str, object]:
        """Return the latest values as that node shows them."""
        await through.settle([device_id])
        return {name: value for name, (_, value) in (await self.bench.latest(device_id)).items()}


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[Nodes]:
    async with opened_values_bench("postgresql", tmp_path) as bench, AsyncExitStack() as closing:
        ingests = []
        storages = [await PostgreSQLStorage.open(bench.url, PoolOptions(connections=4)) for _ in range(2)]
        for storage in storages:
            closing.push_async_callback(storage.close)
            settings, limits = JournalSettings(delay_ms=_NEVER_MS), ValueLimits(most_series=2)
            ingest = TelemetryIngest(storage, limits, BusLiveChanges(LocalBus()), settings)
            await ingest.open()
            closing.push_async_callback(ingest.close)
            ingests.append(ingest)
        yield Nodes(bench, ingests, storages[1])


async def test_every_node_shows_what_any_node_took_in(nodes: Nodes) -> None:
    """Issue 4: an entry of any node is found by whoever reads on any other."""
    device = nodes.bench.device()
    await nodes.first.store(device, Message(1, b'{"a":1}'), ("a",))
    assert await nodes.latest(nodes.second, device) == {"a": 1}
    await nodes.second.store(device, Message(2, b'{"a":2,"b":3}'), ("a", "b"))
    assert await nodes.latest(nodes.first, device) == {"a": 2, "b": 3}
    assert await nodes.latest(nodes.second, device) == {"a": 2, "b": 3}


async def test_names_are_counted_wherever_they_arrived(nodes: Nodes) -> None:
    """Behaviour §7: a limit on what a device can make grow holds for all nodes together."""
    device = nodes.bench.device()
    await nodes.first.store(device, Message(1, b'{"a":1,"b":1}'), ("a", "b"))
    with pytest.raises(InvalidValue, match="at most 2"):
        await nodes.second.store(device, Message(2, b'{"c":1}'), ("c",))


async def test_a_nodes_count_of_its_journal_ends_when_another_moved_it(nodes: Nodes) -> None:
    device = nodes.bench.device()
    await nodes.first.store(device, Message(1, b'{"a":1}'), ("a",))
    await nodes.second.settle([device])
    await nodes.first.settle([device])
    points = await nodes.bench.points(device, "a", Extent(0, 0))
    assert [it.value for it in points] == [1]


async def test_bites_do_not_shrink_for_a_database_that_is_far(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a bite holds, the way there and back takes its time: one entry at a time would never end."""
    write = nodes.storage.write_beside

    async def write_far_away(*arguments: Any, **options: Any) -> Any:
        await asyncio.sleep(0.1)
        return await write(*arguments, **options)

    monkeypatch.setattr(nodes.storage, "write_beside", write_far_away)
    devices = [nodes.bench.device() for _ in range(1_500)]
    told = [(it, [Message(1, b'{"a":1}')]) for it in devices]
    entries = await nodes.bench.storage.write(lambda it: it.journal.append(told))
    mover = JournalMover(nodes.storage, JournalSettings(delay_ms=0))
    bites: list[int] = []
    hear, all_moved = mover.moved, asyncio.Event()

    def note(moved: Moved) -> None:
        bites.append(moved.messages)
        hear(moved)
        if sum(bites) == len(devices):
            all_moved.set()

    mover.moved = note  # type: ignore[method-assign]
    mover.add(entries, len(entries), 0)
    await asyncio.wait_for(all_moved.wait(), 60)
    await mover.close()
    assert min(bites[:-1]) > 100
