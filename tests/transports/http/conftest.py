"""A served device side for each test."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from tests.api.deployment import ON_POSTGRESQL
from tests.storage.postgresql_bench import opened_postgresql_bench
from tests.storage.sqlite_bench import SQLiteBench, new_database
from tests.transports.http.device_bench import DeviceBench


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SQLiteBench]:
    if ON_POSTGRESQL:
        async with opened_postgresql_bench() as on_postgresql:
            yield cast(SQLiteBench, on_postgresql)
        return
    bench = SQLiteBench(new_database(tmp_path))
    yield bench
    await bench.close()


@pytest.fixture
async def bench(sqlite: SQLiteBench) -> AsyncIterator[DeviceBench]:
    async with DeviceBench(sqlite).served() as served:
        yield served
