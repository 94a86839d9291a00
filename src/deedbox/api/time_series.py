"""Time series over HTTP: latest values, histories, aggregates; writing and deleting."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.history_parameters import HistoryParameters, history_query
from deedbox.api.shapes.values import SeriesShape, latest_shape, series_shape
from deedbox.api.values import ENTITY, KeyQuery, KeysQuery, entity, json_body, json_operation, named_keys
from deedbox.core import histories
from deedbox.core.buckets import Bucket
from deedbox.core.errors import InvalidValue
from deedbox.core.histories import Deletion, HistoryQuery, Series
from deedbox.core.live import PointsArrived
from deedbox.core.permissions import Resource
from deedbox.core.storage import Stores
from deedbox.core.telemetry import Point, Recording, moment, points_of

TAGS = ["Time series"]
_LONGEST_TTL_S = 10**10
_BODY = json_operation("Two values now", {"temperature": 21.5, "humidity": 40})

Asked = NamedDependency[HistoryParameters]
Strict = Annotated[
    bool, QueryParameter(name="useStrictDataTypes", description="Numbers and booleans as such, not as texts.")
]


@get(ENTITY + "/keys/timeseries", tags=TAGS, summary="List names of time series")
async def get_series_keys(
    request: ApiRequest, entity_type: FromPath[str], entity_id: FromPath[str]
) -> list[str]:
    """Return the names of the time series that have a value you may see."""
    found, _ = await _latest(request, *entity(entity_type, entity_id))
    return [point.key for point in found]


@get(ENTITY + "/values/timeseries", tags=TAGS, summary="Read time series")
async def get_time_series(  # noqa: PLR0913, PLR0917  # one argument per parameter of the query
    request: ApiRequest,
    entity_type: FromPath[str],
    entity_id: FromPath[str],
    asked: Asked,
    keys: KeysQuery = None,
    key: KeyQuery = None,
    use_strict_data_types: Strict = False,
) -> SeriesShape:
    """Return the newest value of each series, or with `startTs` and `endTs` their history.

    A named series without a value answers null.
    """
    named, names = entity(entity_type, entity_id), named_keys(keys, key)
    if asked.start_ts is not None or asked.end_ts is not None:
        found = await _history(request, *named, history_query(names, asked))
        return series_shape(found, use_strict_data_types)
    newest, now_ms = await _latest(request, *named)
    return latest_shape(newest, names, use_strict_data_types, now_ms)


@get(ENTITY + "/values/timeseries/history", tags=TAGS, summary="Read histories of time series")
async def get_history(  # noqa: PLR0913, PLR0917  # one argument per parameter of the query
    request: ApiRequest,
    entity_type: FromPath[str],
    entity_id: FromPath[str],
    asked: Asked,
    keys: KeysQuery = None,
    key: KeyQuery = None,
    use_strict_data_types: Strict = False,
) -> SeriesShape:
    """Return points with `startTs <= ts < endTs`, newest first, or one value for each interval.

    Intervals begin at `startTs`; the moment of each is its middle. Series without points are left out.
    """
    query = history_query(named_keys(keys, key), asked)
    found = await _history(request, *entity(entity_type, entity_id), query)
    return series_shape(found, use_strict_data_types)


@post(
    [ENTITY + "/timeseries/{scope_name:str}", ENTITY + "/timeseries/{scope_name:str}/{ttl:str}"],
    status_code=200,
    tags=TAGS,
    summary="Write time series",
    operation_class=_BODY,
)
async def save_time_series(
    request: ApiRequest,
    entity_type: FromPath[str],
    entity_id: FromPath[str],
    scope_name: FromPath[str],
    ttl: FromPath[str] = "0",
) -> None:
    """Store values as if the device had sent them. The scope says nothing (`ANY`); `ttl` is in seconds.

    The body is `{"key": value}`, `{"ts": ms, "values": {"key": value}}` or an array of either.
    """
    principal, (kind, holder_id) = await principal_of(request), entity(entity_type, entity_id)
    actor, ttl_ms, data = principal.actor(source_address(request)), _ttl_ms(ttl), await json_body(request)
    context = context_of(request)

    async def work(stores: Stores) -> PointsArrived:
        now_ms = await stores.time_series.now_ms()
        expires_at = now_ms + ttl_ms if ttl_ms else None
        points = points_of(data, now_ms)
        recording = Recording(holder_id, points, expires_at, kind is Resource.DEVICE)
        epoch = await histories.write(stores.time_series, principal, actor, kind, recording)
        return PointsArrived(holder_id, epoch, tuple(points))

    # What the device sent before is to be replaced by this, not the other way round.
    await context.storage.settle([holder_id])
    context.live.tell(await context.storage.write(work))


@delete(ENTITY + "/timeseries/delete", status_code=200, tags=TAGS, summary="Delete time series")
async def delete_time_series(  # noqa: PLR0913, PLR0917  # one argument per parameter of the query
    request: ApiRequest,
    entity_type: FromPath[str],
    entity_id: FromPath[str],
    keys: KeysQuery = None,
    key: KeyQuery = None,
    delete_all: Annotated[bool, QueryParameter(name="deleteAllDataForKeys")] = False,
    start_ts: Annotated[str | None, QueryParameter(name="startTs")] = None,
    end_ts: Annotated[str | None, QueryParameter(name="endTs")] = None,
    delete_latest: Annotated[bool, QueryParameter(name="deleteLatest")] = True,
    rewrite_latest: Annotated[bool, QueryParameter(name="rewriteLatestIfDeleted")] = False,
) -> None:
    """Delete points with `startTs <= ts < endTs`, or all of them with `deleteAllDataForKeys`.

    A latest value in that time goes too, unless `deleteLatest` is false; with `rewriteLatestIfDeleted` the
    newest point that is left takes its place.
    """
    principal, (kind, holder_id) = await principal_of(request), entity(entity_type, entity_id)
    actor, names = principal.actor(source_address(request)), named_keys(keys, key)
    if not names:
        raise InvalidValue("No keys were named. Add ?keys=first,second to the address.", "/keys")
    span = None if delete_all else _span(start_ts, end_ts)
    wanted = Deletion(names, span, delete_latest, rewrite_latest)

    async def work(stores: Stores) -> None:
        await histories.delete(stores.time_series, principal, actor, kind, holder_id, wanted)

    context = context_of(request)
    await context.storage.settle([holder_id])
    await context.storage.write(work)


async def _latest(request: ApiRequest, kind: Resource, holder_id: UUID) -> tuple[list[Point], int]:
    principal = await principal_of(request)

    async def work(stores: Stores) -> tuple[list[Point], int]:
        store = stores.time_series
        return await histories.latest(store, principal, kind, holder_id), await store.now_ms()

    context = context_of(request)
    await context.storage.settle([holder_id])
    return await context.storage.read(work)


async def _history(request: ApiRequest, kind: Resource, holder_id: UUID, query: HistoryQuery) -> Series:
    principal, context = await principal_of(request), context_of(request)

    async def work(stores: Stores) -> Series:
        store, limits = stores.time_series, context.reading_limits
        return await histories.history(store, principal, kind, holder_id, query, limits)

    await context.storage.settle([holder_id])
    return await context.storage.read_history(work, context.reading_limits.longest_s)


def _span(start_ts: str | None, end_ts: str | None) -> Bucket:
    if start_ts is None or end_ts is None:
        raise InvalidValue("Add startTs and endTs to the address, or deleteAllDataForKeys=true.", "/startTs")
    return Bucket(moment(start_ts, "startTs"), moment(end_ts, "endTs"))


def _ttl_ms(text: str) -> int:
    """Return how long points live; 0 is for ever."""
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else -1
    if not 0 <= seconds <= _LONGEST_TTL_S:
        raise InvalidValue(
            "The time to live in the address must be a number of seconds; 0 is for ever.", "/ttl"
        )
    return seconds * 1000
