"""Reading time series: latest values, histories and aggregates, within what the reader may see."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import msgspec

from deedbox.core.buckets import Aggregation, Bucket, Cut, aggregated, buckets
from deedbox.core.errors import InvalidValue
from deedbox.core.holders import Extent, extent, permitted, record
from deedbox.core.permissions import Operation, Principal, Resource
from deedbox.core.records import Actor
from deedbox.core.telemetry import LATEST_TS, Point, Recording, Span, TimeSeriesStore

Series = dict[str, list[Point]]


class ReadingLimits(msgspec.Struct, frozen=True):
    """How much one request may ask of time series, so that nobody's chart stops everybody's server."""

    most_points: Annotated[
        int, msgspec.Meta(ge=1, le=10_000_000, description="Points in one answer, over all its keys.")
    ] = 100_000
    most_intervals: Annotated[
        int, msgspec.Meta(ge=1, le=100_000, description="Intervals of one aggregation.")
    ] = 700
    longest_s: Annotated[
        int, msgspec.Meta(ge=1, le=3600, description="How long one answer may take to work out; then 400.")
    ] = 10
    most_keys: Annotated[int, msgspec.Meta(ge=1, le=10_000, description="Keys in one question.")] = 500


class HistoryQuery(msgspec.Struct, frozen=True):
    """A question about the past: points with `span.from_ts <= ts < span.to_ts`, or one for each bucket.

    Aggregated are only questions with an interval; `span.limit` and its order do not count for them.
    """

    keys: Sequence[str]
    span: Span
    aggregation: Aggregation
    cut: Cut


class Deletion(msgspec.Struct, frozen=True):
    """What to delete: `bucket` None means all. `latest`: latest values too; `rewrites` them from the rest."""

    keys: Sequence[str]
    bucket: Bucket | None
    latest: bool = True
    rewrites: bool = False


async def latest(
    store: TimeSeriesStore, principal: Principal, kind: Resource, holder_id: UUID
) -> list[Point]:
    """Return the newest point of each series. Raises NotFound, NotPermitted."""
    holder = await permitted(store, principal, Operation.READ_TELEMETRY, kind, holder_id)
    return await store.latest_points(holder_id, extent(holder, principal))


async def history(
    store: TimeSeriesStore,
    principal: Principal,
    kind: Resource,
    holder_id: UUID,
    query: HistoryQuery,
    limits: ReadingLimits,
) -> Series:
    """Return the points of each series that has any. Raises NotFound, NotPermitted, InvalidValue."""
    holder = await permitted(store, principal, Operation.READ_TELEMETRY, kind, holder_id)
    readable = extent(holder, principal)
    if len(query.keys) > limits.most_keys:
        raise InvalidValue(
            f"{len(query.keys)} keys were asked for; at most {limits.most_keys} are answered.", "/keys"
        )
    if query.aggregation is Aggregation.NONE:
        found = await _points(store, holder_id, readable, query, limits)
    else:
        found = await _aggregates(store, holder_id, readable, query, limits)
    return {key: points for key, points in found.items() if points}


async def write(
    store: TimeSeriesStore, principal: Principal, actor: Actor, kind: Resource, recording: Recording
) -> int:
    """Store points that somebody sent in the entity's name; return their epoch.

    Raises NotFound, NotPermitted.
    """
    holder = await permitted(store, principal, Operation.WRITE_TELEMETRY, kind, recording.entity_id)
    await store.write_points([recording])
    keys = sorted({point.key for point in recording.points})
    await record(store, actor, holder, "TIMESERIES_UPDATED", {"timeseries": keys})
    return holder.epoch


async def delete(
    store: TimeSeriesStore,
    principal: Principal,
    actor: Actor,
    kind: Resource,
    holder_id: UUID,
    wanted: Deletion,
) -> None:
    """Delete points of all epochs. Raises NotFound, NotPermitted."""
    holder = await permitted(store, principal, Operation.WRITE_TELEMETRY, kind, holder_id)
    span = wanted.bucket or Bucket(0, LATEST_TS + 1)
    await store.delete_points(holder_id, wanted.keys, span.from_ts, span.to_ts)
    if wanted.latest:
        await store.delete_latest_points(holder_id, wanted.keys, span.from_ts, span.to_ts)
    if wanted.latest and wanted.rewrites:
        await store.rewrite_latest_points(holder_id, wanted.keys)
    data = {"timeseries": list(wanted.keys), "startTs": span.from_ts, "endTs": span.to_ts}
    await record(store, actor, holder, "TIMESERIES_DELETED", data)


async def _points(
    store: TimeSeriesStore, entity_id: UUID, readable: Extent, query: HistoryQuery, limits: ReadingLimits
) -> Series:
    found: Series = {}
    left = limits.most_points
    for key in query.keys:
        # One more than may be answered tells that there are more.
        span = msgspec.structs.replace(query.span, limit=min(query.span.limit, left + 1))
        found[key] = await store.points(entity_id, key, readable, span)
        left -= len(found[key])
        if left < 0:
            raise InvalidValue(
                f"The answer would have more than {limits.most_points} points. "
                "Ask for a shorter time, fewer keys, a smaller limit, or an aggregation.",
                "/limit",
            )
    return found


async def _aggregates(
    store: TimeSeriesStore, entity_id: UUID, readable: Extent, query: HistoryQuery, limits: ReadingLimits
) -> Series:
    cuts = buckets(query.span.from_ts, query.span.to_ts, query.cut, limits.most_intervals)
    found: Series = {}
    for key in query.keys:
        totals = await store.bucket_totals(entity_id, key, readable, cuts)
        values = [(bucket.middle, aggregated(query.aggregation, it)) for bucket, it in totals]
        found[key] = [Point(key, ts, value) for ts, value in values if value is not None]
    return found
