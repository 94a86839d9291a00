"""Old points of time series go, a few at a time; newer ones and the latest values stay."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from deedbox.core import series_retention
from deedbox.core.holders import Extent
from deedbox.core.housekeeping import DAY_MS
from deedbox.core.series_retention import FIRST_SERIES, RetiredPoints, Series, retire_points
from deedbox.core.telemetry import Point
from deedbox.storage.stores import Stores
from tests.storage.values_bench import DATABASES, ValuesBench, opened_values_bench

DAYS = 10


@pytest.fixture(params=DATABASES)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ValuesBench]:
    async with opened_values_bench(request.param, tmp_path) as bench:
        yield bench


async def retired(bench: ValuesBench, limit: int, after: Series = FIRST_SERIES) -> RetiredPoints:
    async def work(stores: Stores) -> RetiredPoints:
        return await retire_points(stores.series_retention, DAYS, after, limit)

    return await bench.storage.write_beside(work)


async def moments(bench: ValuesBench, device_id: UUID, key: str) -> list[int]:
    return [it.ts for it in await bench.points(device_id, key, Extent(0, 0))]


async def test_points_that_are_too_old_go_bite_by_bite(bench: ValuesBench) -> None:
    """Issue 4: retention of time series, the latest values excepted."""
    kept_from = bench.now_ms - DAYS * DAY_MS
    old, new, dead = [bench.device() for _ in range(3)]
    for key in ("a", "b"):
        await bench.record(old, [Point(key, kept_from - 1 + it, it) for it in range(-3, 2)])
        await bench.record(new, [Point(key, kept_from, 0)])
        await bench.record(dead, [Point(key, 7, 7)])
    bites, after = [], FIRST_SERIES
    while True:
        bite = await retired(bench, 3, after)
        bites.append(bite.deleted)
        if bite.after is None:
            break
        after = bite.after
    assert sum(bites) == 10
    assert max(bites) == 3
    for key in ("a", "b"):
        assert await moments(bench, old, key) == [kept_from]
        assert await moments(bench, new, key) == [kept_from]
        assert await moments(bench, dead, key) == []
    assert await bench.latest(dead) == {"a": (7, 7), "b": (7, 7)}


async def test_points_of_every_epoch_go(bench: ValuesBench) -> None:
    device_id = bench.device()
    for epoch in range(3):
        bench.set_epoch(device_id, epoch)
        await bench.record(device_id, [Point("a", ts, epoch) for ts in (1, 2, bench.now_ms)])
    assert await retired(bench, 100) == RetiredPoints(6, None)
    assert await moments(bench, device_id, "a") == [bench.now_ms]


async def test_a_bite_looks_at_so_many_series(bench: ValuesBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_retention, "_SERIES_PER_BITE", 2)
    device_id = bench.device()
    await bench.record(device_id, [Point(key, ts, 0) for key in "abc" for ts in (1, bench.now_ms)])
    first = await retired(bench, 100)
    assert first.deleted == 2
    assert first.after is not None
    assert await retired(bench, 100, first.after) == RetiredPoints(1, None)
