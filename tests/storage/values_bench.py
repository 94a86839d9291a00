"""SQLite with bare devices whose epoch a test sets: for exams of attributes and time series."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

from deedbox.core import attributes, telemetry
from deedbox.core.attributes import Attribute, NewAttribute, Report, Scope
from deedbox.core.buckets import Bucket, BucketTotals
from deedbox.core.holders import Extent
from deedbox.core.telemetry import LATEST_TS, Point, Recording, Span
from deedbox.core.values import Value
from deedbox.storage.sqlite import SQLiteStorage
from tests.storage.postgresql_bench import (
    PlainPostgreSQL,
    drop_postgresql,
    new_postgresql,
    opened_postgresql,
)
from tests.storage.sqlite_bench import new_database

WHOLE = Span(0, LATEST_TS, 1000, False)


class ValuesBench:
    """Devices without tenants: rows of values need their epoch only. `plain` is a connection beside."""

    def __init__(self, folder: Path) -> None:
        path = new_database(folder)
        self.now_ms = 1_700_000_000_000
        self.url = f"sqlite:{path}"
        self.storage = SQLiteStorage(path, lambda: self.now_ms)
        self.plain: Any = sqlite3.connect(path, isolation_level=None)

    async def close(self) -> None:
        """Close the storage."""
        self.plain.close()
        await self.storage.close()

    def device(self) -> UUID:
        """Make a device in epoch 0."""
        device_id = uuid4()
        self.plain.execute("insert into device_state (device_id) values (?)", (device_id,))
        return device_id

    def set_epoch(self, device_id: UUID, epoch: int) -> None:
        """Raise the device's epoch, as the opening or closing of a deed does."""
        self.plain.execute("update device_state set epoch = ? where device_id = ?", (epoch, device_id))

    async def record(self, device_id: UUID, points: Sequence[Point]) -> None:
        """Store points of one device."""
        await self.record_all([Recording(device_id, points)])

    async def record_all(self, recordings: Sequence[Recording]) -> None:
        """Store points in one transaction."""
        await self.storage.write(lambda it: telemetry.record(recordings, it.time_series))

    async def points(self, entity_id: UUID, key: str, extent: Extent, span: Span = WHOLE) -> list[Point]:
        """Return the points that a reader sees."""
        return await self.storage.read(lambda it: it.time_series.points(entity_id, key, extent, span))

    async def latest(self, entity_id: UUID, extent: Extent | None = None) -> dict[str, tuple[int, Value]]:
        """Return the latest values that a reader sees."""
        seen = extent or Extent(0, 0)
        found = await self.storage.read(lambda it: it.time_series.latest_points(entity_id, seen))
        return {point.key: (point.ts, point.value) for point in found}

    async def totals(
        self, entity_id: UUID, key: str, extent: Extent, wanted: Sequence[Bucket]
    ) -> list[tuple[Bucket, BucketTotals]]:
        """Return the totals of buckets."""
        return await self.storage.read(
            lambda it: it.time_series.bucket_totals(entity_id, key, extent, wanted)
        )

    async def write_attributes(self, rows: Sequence[NewAttribute]) -> None:
        """Write attributes by the rules."""
        await self.storage.write(lambda it: attributes.write(it.attributes, rows))

    async def report(self, device_id: UUID, values: dict[str, Value]) -> None:
        """Report client attributes."""
        await self.storage.write(lambda it: attributes.report([Report(device_id, values)], it.attributes))

    async def attributes(self, entity_id: UUID, scope: Scope, extent: Extent) -> dict[str, Value]:
        """Return the attributes of a scope that a reader sees."""
        found: list[Attribute] = await self.storage.read(
            lambda it: it.attributes.attributes_of(entity_id, [scope], extent)
        )
        return {it.name: it.value for it in found}


DATABASES = ("sqlite", "postgresql")


@asynccontextmanager
async def opened_values_bench(database: str, folder: Path) -> AsyncIterator[ValuesBench]:
    """Yield a bench over one of DATABASES, new and without devices."""
    bench = ValuesBench(folder)
    if database == "sqlite":
        yield bench
        await bench.close()
        return
    await bench.close()
    bench.url = url = new_postgresql()
    async with opened_postgresql(url, lambda: bench.now_ms) as storage:
        bench.storage = cast(SQLiteStorage, storage)  # what exams of both use of it is the same
        bench.plain = PlainPostgreSQL(url)
        yield bench
        bench.plain.close()
    drop_postgresql(url)
