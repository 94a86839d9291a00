"""Time series: what devices measure. Every point carries the epoch it was written in (behaviour §5.3)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.buckets import Bucket, BucketTotals
from deedbox.core.errors import InvalidValue
from deedbox.core.holders import Extent, HolderStore
from deedbox.core.values import Value, named_values

#: 9999-12-31: later moments are mistakes, and calendars end there.
LATEST_TS = 253_402_300_799_999

_FORMS = '{"key": 1} or {"ts": 1700000000000, "values": {"key": 1}} or an array of either'


class Point(msgspec.Struct, frozen=True):
    """One value of one series at one moment (epoch milliseconds)."""

    key: str
    ts: int
    value: Value


class Recording(msgspec.Struct, frozen=True):
    """Points of one entity. `expires_at` (epoch milliseconds): when they may be forgotten, None for never.

    `on_device`: stored only while that device exists, and stamped with its epoch; `epoch` is given where they
    were stored before, in the journal.
    """

    entity_id: UUID
    points: Sequence[Point]
    expires_at: int | None = None
    on_device: bool = True
    epoch: int | None = None


class Span(msgspec.Struct, frozen=True):
    """Points with `from_ts <= ts < to_ts`, at most `limit` of them, counted from the newest or the oldest."""

    from_ts: int
    to_ts: int
    limit: int
    newest_first: bool


class TimeSeriesStore(HolderStore, Protocol):
    """Rows of time series, inside one transaction."""

    async def write_points(self, recordings: Sequence[Recording]) -> None:
        """Write points and latest values, each stamped with its device's epoch as it is at that very moment.

        A point replaces one of the same entity, key, moment and epoch; a latest value one that is not newer.
        """
        ...

    async def series_names(self, entity_ids: Collection[UUID]) -> Mapping[UUID, set[str]]:
        """Return the names of the series that each entity has in any epoch."""
        ...

    async def latest_points(self, entity_id: UUID, extent: Extent) -> list[Point]:
        """Return the newest point of each series within `extent`, ordered by key."""
        ...

    async def points(self, entity_id: UUID, key: str, extent: Extent, span: Span) -> list[Point]:
        """Return at most `span.limit` points of the series within `extent`; of a moment the newest epoch."""
        ...

    async def bucket_totals(
        self, entity_id: UUID, key: str, extent: Extent, buckets: Sequence[Bucket]
    ) -> list[tuple[Bucket, BucketTotals]]:
        """Return what the points of each bucket come to, in order of time; empty buckets are left out."""
        ...

    async def delete_points(self, entity_id: UUID, keys: Collection[str], from_ts: int, to_ts: int) -> None:
        """Delete the points of these series with `from_ts <= ts < to_ts`, whatever their epoch."""
        ...

    async def delete_latest_points(
        self, entity_id: UUID, keys: Collection[str], from_ts: int, to_ts: int
    ) -> None:
        """Delete the latest values whose moment is in that time."""
        ...

    async def rewrite_latest_points(self, entity_id: UUID, keys: Collection[str]) -> None:
        """Make the newest stored point the latest value where there is none, in each epoch."""
        ...


async def record(recordings: Sequence[Recording], store: TimeSeriesStore) -> list[None]:
    """Store what devices measured, all in this one transaction."""
    await store.write_points(recordings)
    return [None] * len(recordings)


def points_of(data: object, now_ms: int) -> list[Point]:
    """Return the points of a telemetry message; those without a moment get `now_ms`.

    Raises InvalidValue, saying which forms are known.
    """
    messages = data if isinstance(data, list) else [data]
    if not messages:
        raise InvalidValue(f"No time series data found in request body! Expected: {_FORMS}.")
    return [point for message in messages for point in _points(message, now_ms)]


def _points(message: object, now_ms: int) -> list[Point]:
    if not isinstance(message, Mapping):
        raise InvalidValue(f"Telemetry must be {_FORMS}.")
    ts, values = now_ms, message
    if "ts" in message and "values" in message:
        ts, values = moment(message["ts"], "ts"), message["values"]
    return [Point(key, ts, value) for key, value in named_values(values, "Telemetry").items()]


def moment(raw: object, name: str) -> int:
    """Return epoch milliseconds from a number or a numeric string; fractions are cut off.

    Raises InvalidValue, naming the field.
    """
    try:
        ts = int(float(raw)) if isinstance(raw, int | float | str) and not isinstance(raw, bool) else -1
    except (ValueError, OverflowError):
        ts = -1
    if not 0 <= ts <= LATEST_TS:
        raise InvalidValue(
            f"'{name}' must be a moment in milliseconds since 1970, as 1700000000000.", f"/{name}"
        )
    return ts
