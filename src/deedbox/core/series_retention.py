"""Retention of time series where they are one table: series by series, the oldest points of each first.

No index finds old points: each write would pay for it. Points of a series lie side by side in the order of
their time, so one look tells whether a series has old ones.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

from msgspec import Struct

from deedbox.core.housekeeping import DAY_MS, FIRST

_SERIES_PER_BITE = 250


class Series(NamedTuple):
    """One series: the thing that it is about, and the number of its key."""

    entity_id: UUID
    key_id: int


#: Before all others.
FIRST_SERIES = Series(FIRST, -1)


class SeriesRetentionStore(Protocol):
    """Deletes old points; inside one transaction."""

    async def now_ms(self) -> int:
        """Return the moment that decides, in epoch milliseconds."""
        ...

    async def series_behind(self, after: Series, most: int) -> Sequence[tuple[Series, int]]:
        """Return the next series behind `after`, each with the moment of its oldest point."""
        ...

    async def delete_oldest_points(self, series: Series, before_ms: int, limit: int) -> int:
        """Delete the oldest points of a series, of before then; return how many. Its latest value stays."""
        ...


class RetiredPoints(Struct, frozen=True):
    """How many points a bite deleted, and where the next one goes on; None: it was the last."""

    deleted: int
    after: Series | None


async def retire_points(
    store: SeriesRetentionStore, kept_days: int, after: Series, limit: int
) -> RetiredPoints:
    """Delete at most `limit` points that are older than that, of series behind `after`."""
    before_ms = await store.now_ms() - kept_days * DAY_MS
    found = await store.series_behind(after, _SERIES_PER_BITE)
    deleted, last = 0, after
    for series, oldest_at in found:
        if oldest_at < before_ms:
            deleted += await store.delete_oldest_points(series, before_ms, limit - deleted)
            if deleted >= limit:
                return RetiredPoints(deleted, last)  # there may be more of this one
        last = series
    return RetiredPoints(deleted, last if len(found) == _SERIES_PER_BITE else None)
