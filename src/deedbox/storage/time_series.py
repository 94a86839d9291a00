"""Time series as rows, clustered by entity, key and moment; the latest values beside them."""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

import msgspec

from deedbox.core.holders import Extent
from deedbox.core.telemetry import Point, Recording
from deedbox.core.values import Value
from deedbox.storage.holders import HolderStore
from deedbox.storage.statements import Row

BOOLEAN, LONG, DOUBLE, STRING, JSON = range(5)


class TimeSeriesStore(HolderStore):
    """Time series inside a transaction."""

    async def write_points(self, recordings: Sequence[Recording]) -> None:
        """Write points and latest values, stamped with the devices' epochs of that very moment."""
        points: dict[tuple[UUID, str, int], Row] = {}
        latest: dict[tuple[UUID, str], Row] = {}
        for it in recordings:
            for point in it.points:
                row = (it.entity_id, it.on_device, point.key, point.ts, *columns(point.value))
                points[it.entity_id, point.key, point.ts] = (*row, it.expires_at)
                known = latest.get((it.entity_id, point.key))
                if known is None or point.ts >= known[3]:
                    latest[it.entity_id, point.key] = row
        keys = sorted({(key,) for _, key in latest})
        await self.transaction.batch("add_series_keys", keys)
        await self.transaction.batch("write_points", sorted(points.values(), key=_clustered))
        await self.transaction.batch("write_latest_points", sorted(latest.values(), key=_clustered))

    async def latest_points(self, entity_id: UUID, extent: Extent) -> list[Point]:
        """Return the newest point of each series within `extent`, ordered by key."""
        rows = await self.transaction.rows("latest_points", entity_id=entity_id, from_epoch=extent.from_epoch)
        return [Point(row[0], row[1], value_of(row[2:])) for row in rows]


def columns(value: Value) -> tuple[int, int | None, float | None, str | None]:
    """Return kind, long, double and text column of a value."""
    if isinstance(value, bool):
        return BOOLEAN, int(value), None, None
    if isinstance(value, int):
        return LONG, value, None, None
    if isinstance(value, float):
        return DOUBLE, None, value, None
    if isinstance(value, str):
        return STRING, None, None, value
    return JSON, None, None, msgspec.json.encode(value).decode()


def value_of(stored: Sequence[Any]) -> Value:
    """Return the value that kind, long, double and text column hold."""
    kind, long_value, double_value, text_value = stored
    by_kind: tuple[Value, ...] = (bool(long_value), long_value, double_value, text_value)
    return by_kind[kind] if kind < JSON else cast(Value, msgspec.json.decode(text_value))


def _clustered(row: Row) -> tuple[UUID, str, int]:
    # Neighbours in the tree are written one after the other.
    return row[0], row[2], row[3]
