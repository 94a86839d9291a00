"""How a history of time series is asked for in a query: time, interval, aggregation, order and limit."""

from collections.abc import Sequence
from datetime import UTC, tzinfo
from enum import StrEnum
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from litestar.params import QueryParameter

from deedbox.core.buckets import Aggregation, Cut, IntervalType
from deedbox.core.errors import InvalidValue
from deedbox.core.histories import HistoryQuery
from deedbox.core.telemetry import LATEST_TS, Span, moment

E = TypeVar("E", bound=StrEnum)


class Order(StrEnum):
    """Which points of a history come first."""

    ASC = "ASC"
    DESC = "DESC"


class HistoryParameters(msgspec.Struct, frozen=True):
    """The parameters as they came, but for the keys."""

    start_ts: str | None
    end_ts: str | None
    interval_type: str
    interval: str
    time_zone: str | None
    limit: int
    agg: str
    order_by: str


def history_parameters(  # noqa: PLR0913, PLR0917  # one argument per parameter of the query
    start_ts: Annotated[
        str | None, QueryParameter(name="startTs", description="First moment, in ms.")
    ] = None,
    end_ts: Annotated[str | None, QueryParameter(name="endTs", description="Moment after the last.")] = None,
    interval_type: Annotated[
        str,
        QueryParameter(name="intervalType", description="MILLISECONDS, WEEK, WEEK_ISO, MONTH or QUARTER."),
    ] = "MILLISECONDS",
    interval: Annotated[str, QueryParameter(description="Milliseconds; 0: no aggregation.")] = "0",
    time_zone: Annotated[str | None, QueryParameter(name="timeZone", description="As Europe/Berlin.")] = None,
    limit: Annotated[int, QueryParameter(description="Most points per key; not for aggregations.")] = 100,
    agg: Annotated[str, QueryParameter(description="NONE, MIN, MAX, AVG, SUM or COUNT.")] = "NONE",
    order_by: Annotated[str, QueryParameter(name="orderBy", description="ASC or DESC.")] = "DESC",
) -> HistoryParameters:
    """Return the parameters of a history: the dependency `asked`."""
    return HistoryParameters(start_ts, end_ts, interval_type, interval, time_zone, limit, agg, order_by)


def history_query(keys: Sequence[str], asked: HistoryParameters) -> HistoryQuery:
    """Return the question that the parameters ask. Raises InvalidValue, naming the parameter."""
    if asked.start_ts is None or asked.end_ts is None:
        raise InvalidValue("A history needs both startTs and endTs, in milliseconds since 1970.", "/startTs")
    if asked.limit < 1:
        raise InvalidValue("'limit' must be at least 1.", "/limit")
    newest_first = _one_of(Order, asked.order_by, "orderBy") is Order.DESC
    span = Span(moment(asked.start_ts, "startTs"), moment(asked.end_ts, "endTs"), asked.limit, newest_first)
    if span.to_ts < span.from_ts:
        raise InvalidValue("endTs lies before startTs.", "/endTs")
    aggregation, cut = _one_of(Aggregation, asked.agg, "agg"), _cut(asked)
    if cut is None:
        return HistoryQuery(keys, span, Aggregation.NONE, Cut(LATEST_TS))
    return HistoryQuery(keys, span, aggregation, cut)


def _cut(asked: HistoryParameters) -> Cut | None:
    """Return how time is cut, None where it is not: then nothing is aggregated."""
    kind = _one_of(IntervalType, asked.interval_type, "intervalType")
    if kind is not IntervalType.MILLISECONDS:
        return Cut(0, kind, _zone(asked.time_zone))
    interval_ms = _whole_number(asked.interval)
    if interval_ms is None:
        raise InvalidValue(
            "'interval' must be a number of milliseconds; 0 is for no aggregation.", "/interval"
        )
    return Cut(interval_ms) if interval_ms else None


def _whole_number(text: str) -> int | None:
    whole, _, fraction = text.partition(".")
    is_number = (
        whole.isascii() and whole.isdigit() and len(whole) <= 15 and (not fraction or fraction.isdigit())
    )
    return int(whole) if is_number else None


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (OSError, ValueError, LookupError):
        raise InvalidValue("'timeZone' must be a time zone's name, as Europe/Berlin.", "/timeZone") from None


def _one_of(kind: type[E], text: str, name: str) -> E:
    try:
        return kind(text.upper())
    except ValueError:
        known = ", ".join(kind)
        raise InvalidValue(f"'{name}' is not known. Expected one of: {known}.", f"/{name}") from None
