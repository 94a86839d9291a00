"""Time series in partitions of PostgreSQL: every moment has a place, now and when new places are made."""

import time
from collections.abc import AsyncIterator

import pytest

from deedbox.core.housekeeping import DAY_MS
from tests.storage.postgresql_bench import (
    EMPTY,
    PlainPostgreSQL,
    drop_postgresql,
    new_postgresql,
    schema_sql,
)

NOW = time.time_ns() // 1_000_000
_PLACES = "select tableoid::regclass::text, ts from time_series order by ts"


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
    later = NOW + 30 * DAY_MS
    store(empty, 0, NOW, later)
    empty.script(schema_sql(after="0007", last="0008"))
    expected = [("time_series_before", 0), ("time_series_before", NOW), ("time_series_rest", later)]
    assert empty.execute(_PLACES).fetchall() == expected
