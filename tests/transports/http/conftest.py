"""A served device side for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.storage.sqlite_bench import SQLiteBench, new_database
from tests.transports.http.device_bench import DeviceBench


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SQLiteBench]:
    bench = SQLiteBench(new_database(tmp_path))
    yield bench
    await bench.close()


@pytest.fixture
async def bench(sqlite: SQLiteBench) -> AsyncIterator[DeviceBench]:
    async with DeviceBench(sqlite).served() as served:
        yield served
