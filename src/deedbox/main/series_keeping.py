"""Scheduled work on time series: makes their partitions ahead, and deletes what is older than is kept."""

import structlog

from deedbox.core.errors import StorageUnavailable
from deedbox.core.housekeeping import DAY_MS
from deedbox.core.partitions import Partitions
from deedbox.core.series_retention import FIRST_SERIES, RetiredPoints, retire_points
from deedbox.core.storage import Stores
from deedbox.main.parts import Parts

_POINTS = 2_000
_BETWEEN_BITES_S = 0.05
_BETWEEN_ROUNDS_S = 3600.0

_log = structlog.get_logger(__name__)


class SeriesKeeping:
    """Does it bite by bite; remembers where the next one goes on."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._kept_days = parts.settings.retention.time_series_days
        self._after = FIRST_SERIES
        self._is_new_round = True

    async def bite(self) -> float:
        """Do a little; return after how many seconds to go on."""
        partitions = self._parts.storage.partitions
        if partitions is None:
            is_more = bool(self._kept_days) and await self._retire_points()
        else:
            if self._is_new_round:
                await make_partitions(self._parts, partitions)
            is_more = bool(self._kept_days) and await self._retire_partitions(partitions)
        self._is_new_round = not is_more
        return _BETWEEN_BITES_S if is_more else _BETWEEN_ROUNDS_S

    async def _retire_points(self) -> bool:
        async def work(stores: Stores) -> RetiredPoints:
            return await retire_points(stores.series_retention, self._kept_days, self._after, _POINTS)

        retired = await self._parts.storage.write_beside(work)
        self._count(retired.deleted)
        self._after = retired.after or FIRST_SERIES
        return retired.after is not None

    async def _retire_partitions(self, partitions: Partitions) -> bool:
        before_ms = self._parts.storage.now_ms() - self._kept_days * DAY_MS
        dropped = await partitions.drop_before(before_ms)
        if dropped:
            _log.info("dropped time series that are older than is kept", tables=dropped)
        deleted = await partitions.delete_before(before_ms, _POINTS)
        self._count(deleted)
        return deleted >= _POINTS

    def _count(self, deleted: int) -> None:
        self._parts.metrics.deleted_rows.labels("old_points").inc(deleted)


async def make_partitions(parts: Parts, partitions: Partitions) -> None:
    """Make the partitions of the next weeks. Raises StorageUnavailable."""
    days = parts.settings.database.partition_days
    made = await partitions.make_ahead(parts.storage.now_ms(), days)
    for period in made.crowded:
        _log.warning(
            "too many points came before their partition; they stay in time_series_rest",
            from_ts=period.from_ts,
        )
    if made.periods:
        _log.info("made partitions of time series", count=len(made.periods))


async def prepare_partitions(parts: Parts) -> None:
    """Make partitions before anything is served, lest the first points lie elsewhere; else later."""
    if parts.storage.partitions is None:
        return
    try:
        await make_partitions(parts, parts.storage.partitions)
    except StorageUnavailable as trouble:
        _log.warning("partitions of time series have to be made later", error=trouble.message)
