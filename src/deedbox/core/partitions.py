"""Time series by their time: a table for each period, made ahead and dropped when it is old."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

_DAY_MS = 86_400_000
#: Periods are there so long before they begin: nodes may be down for a while.
AHEAD_MS = 28 * _DAY_MS
#: After years of standstill, the next round goes on.
_MOST_AT_ONCE = 60
# 1970-01-05 was a Monday.
_FIRST_MONDAY_MS, _WEEK_MS = 4 * _DAY_MS, 7 * _DAY_MS


class Period(msgspec.Struct, frozen=True):
    """Moments with `from_ts <= ts < to_ts`, in epoch milliseconds."""

    from_ts: int
    to_ts: int


class Made(msgspec.Struct, frozen=True):
    """Periods that got a table, and those that did not: too many rows of theirs lie elsewhere already."""

    periods: Sequence[Period] = ()
    crowded: Sequence[Period] = ()


class Partitions(Protocol):
    """Tables of time series by period. Rows of any other time have a place, too."""

    async def make_ahead(self, now_ms: int, days: int) -> Made:
        """Make the tables that the next weeks need, of `days` days each.

        Raises StorageUnavailable when others use what has to be locked for too long.
        """
        ...

    async def drop_before(self, before_ms: int) -> Sequence[str]:
        """Drop the tables whose periods ended before then; return their names. Raises StorageUnavailable."""
        ...

    async def delete_before(self, before_ms: int, most: int) -> int:
        """Delete rows older than that from tables that are never old as a whole; return how many.

        Deletes at most `most` rows of each table. Raises StorageUnavailable.
        """
        ...


def missing_periods(ends_at: int | None, now_ms: int, days: int) -> list[Period]:
    """Return the periods to make, from where the last one ends, or from this week's Monday."""
    begins_at = monday_of(now_ms) if ends_at is None else ends_at
    width_ms = days * _DAY_MS
    count = min(-(-(now_ms + AHEAD_MS - begins_at) // width_ms), _MOST_AT_ONCE)
    begins = [begins_at + number * width_ms for number in range(count)]
    return [Period(it, it + width_ms) for it in begins]


def monday_of(moment_ms: int) -> int:
    """Return when the week of that moment began, in UTC."""
    return moment_ms - (moment_ms - _FIRST_MONDAY_MS) % _WEEK_MS
