"""Time series as rows, clustered by entity, key and moment; the latest values beside them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import msgspec

from deedbox.core.buckets import Bucket, BucketTotals
from deedbox.core.holders import Extent
from deedbox.core.telemetry import Point, Recording, Span
from deedbox.core.values import Value
from deedbox.storage.holders import HolderStore
from deedbox.storage.statements import Row

# As the statement `bucket_totals` halves longs.
_HALF = 4294967296
# Columns of the rows that are written.
_EPOCH, _KEY, _TS = 2, 3, 4
BOOLEAN, LONG, DOUBLE, STRING, JSON = range(5)


class TimeSeriesStore(HolderStore):
    """Time series inside a transaction."""

    async def write_points(self, recordings: Sequence[Recording]) -> None:
        """Write points and latest values, stamped with the devices' epochs of that very moment."""
        points = _distinct(recordings)
        await self.transaction.batch("add_series_keys", sorted({(row[_KEY],) for row in points}))
        if self.transaction.nests_writes:
            await self.transaction.batch("write_points_with_latest", points)
            return
        await self.transaction.batch("write_points", sorted(points, key=_clustered))
        await self.transaction.batch("write_latest_points", sorted(_newest(points), key=_clustered))

    async def series_names(self, entity_ids: Collection[UUID]) -> Mapping[UUID, set[str]]:
        """Return the names of the series that each entity has in any epoch."""
        return await self.names_of("series_names", entity_ids)

    async def latest_points(self, entity_id: UUID, extent: Extent) -> list[Point]:
        """Return the newest point of each series within `extent`, ordered by key."""
        rows = await self.transaction.rows("latest_points", entity_id=entity_id, from_epoch=extent.from_epoch)
        return [Point(row[0], row[1], value_of(row[2:])) for row in rows]

    async def points(self, entity_id: UUID, key: str, extent: Extent, span: Span) -> list[Point]:
        """Return at most `span.limit` points of the series within `extent`; of a moment the newest epoch."""
        rows = await self.transaction.rows(
            "newest_points" if span.newest_first else "oldest_points",
            entity_id=entity_id,
            key=key,
            from_ts=span.from_ts,
            to_ts=span.to_ts,
            from_epoch=extent.from_epoch,
            now_ms=self.transaction.now_ms,
            row_limit=span.limit,
        )
        return [Point(key, row[0], value_of(row[1:])) for row in rows]

    async def bucket_totals(
        self, entity_id: UUID, key: str, extent: Extent, buckets: Sequence[Bucket]
    ) -> list[tuple[Bucket, BucketTotals]]:
        """Return what the points of each bucket come to, in order of time; empty buckets are left out."""
        rows = await self.transaction.batch(
            "bucket_totals",
            [(it.from_ts, it.to_ts) for it in buckets],
            entity_id=entity_id,
            key=key,
            from_ts=min((it.from_ts for it in buckets), default=0),
            to_ts=max((it.to_ts for it in buckets), default=0),
            from_epoch=extent.from_epoch,
            now_ms=self.transaction.now_ms,
        )
        return [(Bucket(row[0], row[1]), _totals(row[2:])) for row in rows]

    async def delete_points(self, entity_id: UUID, keys: Collection[str], from_ts: int, to_ts: int) -> None:
        """Delete the points of these series with `from_ts <= ts < to_ts`, whatever their epoch."""
        await self._delete("delete_points", entity_id, keys, from_ts, to_ts)

    async def delete_latest_points(
        self, entity_id: UUID, keys: Collection[str], from_ts: int, to_ts: int
    ) -> None:
        """Delete the latest values whose moment is in that time."""
        await self._delete("delete_latest_points", entity_id, keys, from_ts, to_ts)

    async def rewrite_latest_points(self, entity_id: UUID, keys: Collection[str]) -> None:
        """Make the newest stored point the latest value where there is none, in each epoch."""
        await self.transaction.batch("rewrite_latest_points", _each(keys), entity_id=entity_id)

    async def _delete(
        self, statement: str, entity_id: UUID, keys: Collection[str], from_ts: int, to_ts: int
    ) -> None:
        await self.transaction.batch(
            statement, _each(keys), entity_id=entity_id, from_ts=from_ts, to_ts=to_ts
        )


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


def _totals(row: Row) -> BucketTotals:
    count, longs, doubles, high, low, double_sum, *extremes = row
    return BucketTotals(count, longs, doubles, high * _HALF + low, double_sum, *extremes)


def _each(keys: Collection[str]) -> list[Row]:
    return [(key,) for key in dict.fromkeys(keys)]


def _distinct(recordings: Sequence[Recording]) -> list[Row]:
    """Return a row for each point; of those at one moment of a series the last."""
    points: dict[tuple[UUID, str, int, int | None], Row] = {}
    for it in recordings:
        entity_id, on_device, epoch, expires_at = it.entity_id, it.on_device, it.epoch, it.expires_at
        for point in it.points:
            key, ts = point.key, point.ts
            row = (entity_id, on_device, epoch, key, ts, *columns(point.value), expires_at)
            points[entity_id, key, ts, epoch] = row
    return [*points.values()]


def _newest(points: Sequence[Row]) -> list[Row]:
    """Return the newest row of each series and epoch, as latest values are written."""
    latest: dict[Row, Row] = {}
    for row in points:
        series = (row[0], row[_EPOCH], row[_KEY])
        known = latest.get(series)
        if known is None or row[_TS] > known[_TS]:
            latest[series] = row[:-1]
    return [*latest.values()]


def _clustered(row: Row) -> tuple[int, str, int]:
    # Neighbours in the tree are written one after the other.
    return row[0].int, row[_KEY], row[_TS]
