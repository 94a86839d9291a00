"""Aggregation: time cut into buckets, and one value for each of them, shaped as the reference server does.

Buckets begin at the asked start, not at round hours; the last one is cut at the asked end.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum

import msgspec

from deedbox.core.errors import InvalidValue
from deedbox.core.values import Value

_END_OF_CALENDAR = 2**63 - 1
_LONG = range(-(2**63), 2**63)


class Aggregation(StrEnum):
    """What becomes of the points in a bucket."""

    NONE = "NONE"
    MIN = "MIN"
    MAX = "MAX"
    AVG = "AVG"
    SUM = "SUM"
    COUNT = "COUNT"


class IntervalType(StrEnum):
    """What an interval is: a number of milliseconds, or a calendar's unit in some time zone."""

    MILLISECONDS = "MILLISECONDS"
    WEEK = "WEEK"
    WEEK_ISO = "WEEK_ISO"
    MONTH = "MONTH"
    QUARTER = "QUARTER"


class Bucket(msgspec.Struct, frozen=True):
    """A stretch of time, `from_ts <= ts < to_ts`, in epoch milliseconds."""

    from_ts: int
    to_ts: int

    @property
    def middle(self) -> int:
        """The moment that stands for the bucket in answers."""
        return self.from_ts + (self.to_ts - self.from_ts) // 2


class BucketTotals(msgspec.Struct, frozen=True):
    """What the points of a bucket come to, by kind of value."""

    count: int
    long_count: int
    double_count: int
    long_sum: int
    double_sum: float
    long_min: int | None = None
    long_max: int | None = None
    double_min: float | None = None
    double_max: float | None = None
    text_min: str | None = None
    text_max: str | None = None


class Cut(msgspec.Struct, frozen=True):
    """How time is cut: `interval_ms` counts for MILLISECONDS only, `zone` for the calendar's units only."""

    interval_ms: int
    kind: IntervalType = IntervalType.MILLISECONDS
    zone: tzinfo = UTC


def buckets(from_ts: int, to_ts: int, cut: Cut, most: int) -> list[Bucket]:
    """Return the buckets between two moments. Raises InvalidValue when there are more than `most`."""
    found: list[Bucket] = []
    while from_ts < to_ts:
        if len(found) == most:
            raise InvalidValue(
                f"More than {most} intervals were asked for. Ask for a longer interval or a shorter time.",
                "/interval",
            )
        end = min(_next(from_ts, cut), to_ts)
        found.append(Bucket(from_ts, end))
        from_ts = end
    return found


def aggregated(aggregation: Aggregation, totals: BucketTotals) -> Value | None:
    """Return the bucket's value, None where its points have none of that kind (an average of texts)."""
    return _VALUES[aggregation](totals)


def _next(from_ts: int, cut: Cut) -> int:
    if cut.kind is IntervalType.MILLISECONDS:
        return from_ts + cut.interval_ms
    try:
        day = datetime.fromtimestamp(from_ts / 1000, cut.zone).date()
        first = _NEXT_DAY[cut.kind](day)
    except (OverflowError, ValueError):
        return _END_OF_CALENDAR
    midnight = datetime(first.year, first.month, first.day, tzinfo=cut.zone)
    return int(midnight.timestamp() * 1000)


def _months_on(day: date, months: int) -> date:
    year, month = divmod(day.month - 1 + months, 12)
    return date(day.year + year, month + 1, 1)


_NEXT_DAY: Mapping[IntervalType, Callable[[date], date]] = {
    IntervalType.WEEK: lambda day: day + timedelta(days=7 - day.isoweekday() % 7),
    IntervalType.WEEK_ISO: lambda day: day + timedelta(days=7 - day.weekday()),
    IntervalType.MONTH: lambda day: _months_on(day, 1),
    IntervalType.QUARTER: lambda day: _months_on(day, 3 - (day.month - 1) % 3),
}


def _sum(it: BucketTotals) -> Value | None:
    if it.double_count:
        return it.double_sum + it.long_sum
    if not it.long_count:
        return None
    return it.long_sum if it.long_sum in _LONG else float(it.long_sum)


def _average(it: BucketTotals) -> Value | None:
    numbers = it.long_count + it.double_count
    return (it.double_sum + it.long_sum) / numbers if numbers else None


def _least(it: BucketTotals) -> Value | None:
    if it.long_min is None:
        return it.text_min if it.double_min is None else it.double_min
    return it.long_min if it.double_min is None else min(float(it.long_min), it.double_min)


def _greatest(it: BucketTotals) -> Value | None:
    if it.long_max is None:
        return it.text_max if it.double_max is None else it.double_max
    return it.long_max if it.double_max is None else max(float(it.long_max), it.double_max)


_VALUES: Mapping[Aggregation, Callable[[BucketTotals], Value | None]] = {
    Aggregation.MIN: _least,
    Aggregation.MAX: _greatest,
    Aggregation.AVG: _average,
    Aggregation.SUM: _sum,
    Aggregation.COUNT: lambda it: it.count,
}
