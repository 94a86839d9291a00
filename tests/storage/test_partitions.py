"""Time series in partitions of PostgreSQL: every moment has a place, now and when new places are made."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest

from deedbox.core.holders import Extent
from deedbox.core.housekeeping import DAY_MS
from deedbox.core.partitions import AHEAD_MS, Made, Partitions, monday_of
from deedbox.core.telemetry import LATEST_TS, Point, Span
from deedbox.storage import postgresql_partitions
from deedbox.storage.pool_options import PoolOptions
from deedbox.storage.postgresql import PostgreSQLStorage
from deedbox.storage.postgresql_statements import compiled
from deedbox.storage.statements import Row
from deedbox.storage.stores import Stores
from tests.storage.postgresql_bench import (
    EMPTY,
    PlainPostgreSQL,
    drop_postgresql,
    new_postgresql,
    schema_sql,
)
from tests.storage.values_bench import ValuesBench, opened_values_bench

WEEK_MS = 7 * DAY_MS
ALL = Span(0, LATEST_TS + 1, 1000, False)
NOW = time.time_ns() // 1_000_000
_PLACES = "select tableoid::regclass::text, ts from time_series order by ts"


def week(number: int) -> str:
    """The name of the table of a week, counted from this one."""
    begins_at = monday_of(NOW) + number * WEEK_MS
    return f"time_series_from_{datetime.fromtimestamp(begins_at / 1000, UTC):%Y%m%d}"


@pytest.fixture
async def empty() -> AsyncIterator[PlainPostgreSQL]:
    """A database without tables."""
    url = new_postgresql(EMPTY)
    plain = PlainPostgreSQL(url)
    yield plain
    plain.close()
    drop_postgresql(url)


def store(plain: PlainPostgreSQL, *moments: int) -> None:
    """Store a point of one series for each moment."""
    for ts in moments:
        plain.execute(
            "insert into time_series (entity_id, key_id, ts, epoch, kind) values (?, 1, ?, 0, 0)",
            (bytes(16), ts),
        )


async def test_rows_of_the_release_before_stay(empty: PlainPostgreSQL) -> None:
    """Issue 4: time series partitioned by time; what was stored before is read as ever."""
    empty.script(schema_sql(last="0007"))
    soon, later = NOW + 10 * DAY_MS, NOW + 90 * DAY_MS
    store(empty, 0, NOW, soon, later)
    empty.script(schema_sql(after="0007", last="0008"))
    before, rest = "time_series_before", "time_series_rest"
    soon_at = week((monday_of(soon) - monday_of(NOW)) // WEEK_MS)
    expected = [(before, 0), (before, NOW), (soon_at, soon), (rest, later)]
    assert empty.execute(_PLACES).fetchall() == expected


async def test_the_present_has_a_table_from_the_first_moment_on(empty: PlainPostgreSQL) -> None:
    empty.script(schema_sql())
    moments = [monday_of(NOW) - 1, NOW, NOW + 28 * DAY_MS]
    store(empty, *moments)
    tables = ["time_series_before", week(0), week(4)]
    assert empty.execute(_PLACES).fetchall() == list(zip(tables, moments, strict=True))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[ValuesBench]:
    """As after a standstill: no week has a table."""
    async with opened_values_bench("postgresql", tmp_path) as bench:
        bench.now_ms = NOW
        bench.plain.script(f"drop table {', '.join(week(it) for it in range(5))}")
        yield bench


def partitions(bench: ValuesBench) -> Partitions:
    """What the storage parts its time series by."""
    assert bench.storage.partitions is not None
    return bench.storage.partitions  # type: ignore[unreachable]  # SQLite has none


def places(bench: ValuesBench) -> list[tuple[str, int]]:
    """In which table each point is, by its moment."""
    found: list[tuple[str, int]] = bench.plain.execute(_PLACES).fetchall()
    return found


async def test_the_weeks_to_come_have_tables(bench: ValuesBench) -> None:
    """Issue 4: made ahead; each new row is in the table of its week, strange ones elsewhere."""
    made = await partitions(bench).make_ahead(NOW, 7)
    assert (len(made.periods), made.crowded) == (5, [])
    moments = [0, monday_of(NOW) - 1, monday_of(NOW), NOW, NOW + 2 * WEEK_MS, NOW + 60 * DAY_MS, LATEST_TS]
    device_id = bench.device()
    await bench.record(device_id, [Point("t", ts, ts) for ts in moments])
    tables = ["time_series_before"] * 2 + [week(0)] * 2 + [week(2)] + ["time_series_rest"] * 2
    assert places(bench) == list(zip(tables, moments, strict=True))
    assert [it.ts for it in await bench.points(device_id, "t", Extent(0, 0), ALL)] == moments
    assert await partitions(bench).make_ahead(NOW, 7) == Made([], [])


async def test_points_that_came_before_their_table_move_there(bench: ValuesBench) -> None:
    moments = [NOW - 1, NOW, NOW + 60 * DAY_MS]
    device_id = bench.device()
    await bench.record(device_id, [Point("t", ts, ts) for ts in moments])
    assert {table for table, _ in places(bench)} == {"time_series_rest"}
    await partitions(bench).make_ahead(NOW, 7)
    assert [table for table, _ in places(bench)] == [week(0), week(0), "time_series_rest"]
    assert [it.ts for it in await bench.points(device_id, "t", Extent(0, 0), ALL)] == moments
    await bench.record(device_id, [Point("t", ts, "again") for ts in moments])
    assert len(places(bench)) == len(moments)


async def test_a_period_of_too_many_rows_stays_where_it_is(
    bench: ValuesBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moving them would stop whoever writes there; the periods behind it get their tables."""
    monkeypatch.setattr(postgresql_partitions, "_MOST_MOVED", 2)
    await bench.record(bench.device(), [Point("t", NOW + it, it) for it in range(3)])
    made = await partitions(bench).make_ahead(NOW, 7)
    assert [it.from_ts for it in made.crowded] == [monday_of(NOW)]
    assert len(made.periods) == 4
    assert await partitions(bench).make_ahead(NOW + WEEK_MS, 7) != Made([], [])
    assert {table for table, _ in places(bench)} == {"time_series_rest"}


async def test_periods_may_become_longer_and_catch_up(bench: ValuesBench) -> None:
    await partitions(bench).make_ahead(NOW, 7)
    later = NOW + 400 * DAY_MS
    made = await partitions(bench).make_ahead(later, 30)
    assert made.periods[0].from_ts == monday_of(NOW) + 5 * WEEK_MS
    assert made.periods[-1].to_ts >= later + AHEAD_MS
    assert all(one.to_ts == next_.from_ts for one, next_ in pairwise(made.periods))


async def test_nodes_that_make_them_at_once_make_them_once(bench: ValuesBench) -> None:
    other = await PostgreSQLStorage.open(bench.url, PoolOptions(4))
    everybody = [partitions(bench), other.partitions] * 3
    made = await asyncio.gather(*(it.make_ahead(NOW, 7) for it in everybody))
    # Who meets somebody else at it leaves the rest: to them, or to the next time.
    made.append(await other.partitions.make_ahead(NOW, 7))
    assert sum(len(it.periods) for it in made) == 5
    await other.close()


async def test_old_tables_are_dropped_and_old_rows_elsewhere_deleted(bench: ValuesBench) -> None:
    """Issue 4: retention drops partitions. The latest values stay."""
    await partitions(bench).make_ahead(NOW, 7)
    device_id = bench.device()
    moments = [1, 2, 3, NOW, NOW + WEEK_MS]
    await bench.record(device_id, [Point("t", ts, ts) for ts in moments])
    assert await partitions(bench).delete_before(monday_of(NOW), 2) == 2
    assert await partitions(bench).delete_before(monday_of(NOW), 2) == 1
    assert await partitions(bench).delete_before(monday_of(NOW), 2) == 0
    assert await partitions(bench).drop_before(monday_of(NOW) - 1) == []
    assert await partitions(bench).drop_before(monday_of(NOW) + WEEK_MS) == ["time_series_before", week(0)]
    assert places(bench) == [(week(1), NOW + WEEK_MS)]
    await bench.record(device_id, [Point("t", 4, 4), Point("t", NOW, "late")])
    assert places(bench)[:2] == [("time_series_rest", 4), ("time_series_rest", NOW)]
    assert await partitions(bench).delete_before(monday_of(NOW) + WEEK_MS, 10) == 2
    assert await bench.latest(device_id) == {"t": (NOW + WEEK_MS, NOW + WEEK_MS)}


async def test_a_long_read_is_waited_for_and_stops_nobody(bench: ValuesBench) -> None:
    """Ingest waits for whoever waits for a lock, so nobody may wait long for it."""
    await partitions(bench).make_ahead(NOW, 7)
    device_id = bench.device()
    reading, may_end = asyncio.Event(), asyncio.Event()

    async def read(stores: Stores) -> None:
        await stores.time_series.points(device_id, "t", Extent(0, 0), ALL)
        reading.set()
        await may_end.wait()

    reader = asyncio.ensure_future(bench.storage.read(read))
    await reading.wait()
    dropping = asyncio.ensure_future(partitions(bench).drop_before(monday_of(NOW)))
    for number in range(20):
        await bench.record(device_id, [Point("t", NOW + number, number)])
    assert not dropping.done()
    may_end.set()
    await reader
    assert await dropping == ["time_series_before"]


@pytest.mark.parametrize(
    ("statement", "batch"),
    [
        ("newest_points", []),
        ("oldest_points", []),
        ("bucket_totals", [(NOW, NOW + 5), (NOW + 5, NOW + 10)]),
        ("delete_points", [("t",)]),
    ],
)
async def test_tables_of_other_times_are_left_alone(
    bench: ValuesBench, statement: str, batch: list[Row]
) -> None:
    await partitions(bench).make_ahead(NOW, 7)
    values = {"entity_id": uuid4(), "key": "t", "from_epoch": 0, "now_ms": NOW, "row_limit": 5}
    sql, names, _ = compiled(statement)
    asked = values | {"from_ts": NOW, "to_ts": NOW + 10}
    plan = bench.plain.execute(f"explain {sql}", [*(asked[it] for it in names), *zip(*batch, strict=True)])
    assert set(re.findall(r" on (time_series_\w+)", "\n".join(row[0] for row in plan))) == {week(0)}


@pytest.mark.parametrize("asked", ["newest_points", "oldest_points", "bucket_totals"])
async def test_one_series_is_not_looked_for_among_all(bench: ValuesBench, asked: str) -> None:
    """Issue 4: a table that PostgreSQL knows nothing of yet, as at first, and a plan for all callers."""
    sql, names, width = compiled(asked)
    connection = bench.plain
    connection.script("set plan_cache_mode = force_generic_plan")
    types = {"entity_id": "uuid", "key": "text"}
    told = [types.get(it, "bigint") for it in names] + ["bigint[]"] * width
    connection.script(f"prepare asked ({', '.join(told)}) as {sql}")
    given = {"uuid": f"'{uuid4()}'", "text": "'t'", "bigint": "1", "bigint[]": "'{1,2}'"}
    plan = connection.execute(f"explain execute asked ({', '.join(given[it] for it in told)})")
    lines = [str(row[0]) for row in plan]
    assert any("time_series_before_pkey" in it for it in lines), lines
    assert not any("Anti Join" in it or "_moment" in it for it in lines), lines


async def test_whoever_writes_while_a_table_is_attached_finds_the_new_one(bench: ValuesBench) -> None:
    """Issue 4: a writer that was on its way to where the row had its place before tries again."""
    device_id, begins_at = bench.device(), monday_of(NOW)
    await bench.record(device_id, [Point("t", NOW, 1)])
    bench.plain.script(
        f"begin; lock table time_series_rest in access exclusive mode; delete from time_series_rest; "
        f"create table {week(0)} (like time_series including defaults); alter table time_series "
        f"attach partition {week(0)} for values from ({begins_at}) to ({begins_at + WEEK_MS})"
    )
    writing = asyncio.create_task(bench.record(device_id, [Point("t", NOW + 1, 2)]))
    async with asyncio.timeout(30):
        while not bench.plain.execute("select from pg_locks where not granted").fetchall():  # noqa: ASYNC110 - PostgreSQL tells nobody
            await asyncio.sleep(0.01)
    bench.plain.script("commit")
    await writing
    assert places(bench) == [(week(0), NOW + 1)]
