"""Time series: what devices measure. Every point carries the epoch it was written in (behaviour §5.3)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

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

    `on_device`: stored only while that device exists, and stamped with its epoch.
    """

    entity_id: UUID
    points: Sequence[Point]
    expires_at: int | None = None
    on_device: bool = True


class TimeSeriesStore(HolderStore, Protocol):
    """Rows of time series, inside one transaction."""

    async def now_ms(self) -> int:
        """Return the moment of the transaction, in epoch milliseconds."""
        ...

    async def write_points(self, recordings: Sequence[Recording]) -> None:
        """Write points and latest values, stamped with the devices' epochs as they are at that very moment.

        A point replaces one of the same entity, key, moment and epoch; a latest value one that is not newer.
        """
        ...

    async def latest_points(self, entity_id: UUID, extent: Extent) -> list[Point]:
        """Return the newest point of each series within `extent`, ordered by key."""
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
        ts = int(raw) if isinstance(raw, int | float | str) and not isinstance(raw, bool) else -1
    except (ValueError, OverflowError):
        ts = -1
    if not 0 <= ts <= LATEST_TS:
        raise InvalidValue(
            f"'{name}' must be a moment in milliseconds since 1970, as 1700000000000.", f"/{name}"
        )
    return ts


def newest_points(points: Collection[Point]) -> list[Point]:
    """Return the newest point of each series; of two at one moment the later in the collection."""
    newest: dict[str, Point] = {}
    for point in points:
        known = newest.get(point.key)
        if known is None or point.ts >= known.ts:
            newest[point.key] = point
    return list(newest.values())
