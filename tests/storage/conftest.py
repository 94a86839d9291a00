"""Benches for the exams of stores."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.storage.postgresql_bench import PostgreSQLBench, opened_postgresql_bench
from tests.storage.sqlite_bench import SQLiteBench, StorageBench, new_database
from tests.storage.values_bench import DATABASES


@pytest.fixture
async def sqlite_bench(tmp_path: Path) -> AsyncIterator[SQLiteBench]:
    bench = SQLiteBench(new_database(tmp_path))
    yield bench
    await bench.close()


@pytest.fixture(params=DATABASES)
async def either_bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StorageBench]:
    """One after the other: SQLite, PostgreSQL."""
    if request.param == "postgresql":
        async with opened_postgresql_bench() as bench:
            yield bench
    else:
        on_sqlite = SQLiteBench(new_database(tmp_path))
        yield on_sqlite
        await on_sqlite.close()


@pytest.fixture
async def postgresql_bench() -> AsyncIterator[PostgreSQLBench]:
    async with opened_postgresql_bench() as bench:
        yield bench
