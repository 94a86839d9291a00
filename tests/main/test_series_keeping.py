"""What scheduled work does about time series, over both databases."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from deedbox.config.declared import Settings
from deedbox.core.holders import Extent
from deedbox.core.housekeeping import DAY_MS
from deedbox.core.retention import Retention
from deedbox.core.telemetry import LATEST_TS, Point, Recording, Span
from deedbox.main.folder import held_folder, migrate_if_needed
from deedbox.main.parts import Parts, opened_parts
from deedbox.main.series_keeping import SeriesKeeping, prepare_partitions
from deedbox.serving.settings import DatabaseSettings, DataSettings
from tests.storage.postgresql_bench import drop_postgresql, new_postgresql
from tests.storage.values_bench import DATABASES

CUSTOMER = UUID(int=5)
NOW = time.time_ns() // 1_000_000


@pytest.fixture(params=DATABASES)
async def parts(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Parts]:
    url = new_postgresql() if request.param == "postgresql" else ""
    settings = Settings(
        data=DataSettings(folder=str(tmp_path)),
        database=DatabaseSettings(url=url),
        retention=Retention(time_series_days=50),
    )
    with held_folder(settings):
        migrate_if_needed(settings, in_child=False)
        async with opened_parts(settings) as opened:
            yield opened
    if url:
        drop_postgresql(url)


async def store(parts: Parts, *moments: int) -> None:
    told = Recording(CUSTOMER, [Point("t", ts, ts) for ts in moments], on_device=False)
    await parts.storage.write(lambda it: it.time_series.write_points([told]))


async def stored(parts: Parts) -> list[int]:
    span = Span(0, LATEST_TS + 1, 10_000, newest_first=False)
    found = await parts.storage.read(lambda it: it.time_series.points(CUSTOMER, "t", Extent(0, 0), span))
    return [it.ts for it in found]


async def test_old_points_go_and_others_stay(parts: Parts) -> None:
    await prepare_partitions(parts)
    kept = [NOW - 20 * DAY_MS, NOW, NOW + 20 * DAY_MS, NOW + 400 * DAY_MS]
    await store(parts, *range(3000), *kept)
    keeping = SeriesKeeping(parts)
    assert await keeping.bite() < 1
    assert await keeping.bite() > 60
    assert await stored(parts) == kept
    await store(parts, 7)
    await keeping.bite()
    assert await stored(parts) == kept
    assert 'deedbox_deleted_rows_total{kind="old_points"} 3001.0' in parts.metrics.page().decode()
