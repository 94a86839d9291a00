"""Movers of several nodes side by side: of what a device said of one moment, the last word stands."""

import asyncio
from pathlib import Path
from uuid import UUID

from deedbox.core import telemetry_journal
from deedbox.core.holders import Extent
from deedbox.core.storage import Stores
from deedbox.core.telemetry import Point
from deedbox.core.telemetry_journal import Message, Moved, as_payload
from tests.storage.values_bench import ValuesBench, opened_values_bench


async def test_a_newer_entry_waits_for_an_older_one_that_another_node_moves(tmp_path: Path) -> None:
    async with opened_values_bench("postgresql", tmp_path) as bench:
        device = bench.device()
        await _say(bench, device, 1)
        await _say(bench, device, 2)
        has_locked, may_go_on = asyncio.Event(), asyncio.Event()

        async def slowly(stores: Stores) -> Moved:
            entries = await stores.journal.oldest_entries(1)
            has_locked.set()
            await may_go_on.wait()
            return await telemetry_journal.move(stores.journal, [it.id for it in entries])

        async def move(stores: Stores) -> Moved:
            return await telemetry_journal.move_oldest(stores.journal, 512)

        slow = asyncio.create_task(bench.storage.write_beside(slowly, must_last=False))
        await has_locked.wait()
        await bench.storage.write_beside(move, must_last=False)
        may_go_on.set()
        await slow
        await bench.storage.write_beside(move, must_last=False)
        assert (await bench.latest(device))["t"] == (7, 2)
        assert [it.value for it in await bench.points(device, "t", Extent(0, 0))] == [2]


async def _say(bench: ValuesBench, device: UUID, value: int) -> None:
    said = [(device, [Message(value, as_payload([Point("t", 7, value)]))])]
    await bench.storage.write(lambda it: it.journal.append(said))
