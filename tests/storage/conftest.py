"""Benches for the exams of stores."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.storage.postgresql_bench import PostgreSQLBench, opened_postgresql_bench
from tests.storage.sqlite_bench import SQLiteBench, new_database


@pytest.fixture
async def sqlite_bench(tmp_path: Path) -> AsyncIterator[SQLiteBench]:
    bench = SQLiteBench(new_database(tmp_path))
    yield bench
    await bench.close()


@pytest.fixture
async def postgresql_bench() -> AsyncIterator[PostgreSQLBench]:
    async with opened_postgresql_bench() as bench:
        yield bench
