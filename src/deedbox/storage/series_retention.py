"""Deletes old points of time series in small bites."""

from collections.abc import Sequence
from uuid import UUID

from deedbox.core.series_retention import Series
from deedbox.storage.statements import Transaction


class SeriesRetentionStore:
    """Old points inside a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction

    async def now_ms(self) -> int:
        """Return the transaction's moment in epoch milliseconds."""
        return self.transaction.now_ms

    async def series_behind(self, after: Series, most: int) -> Sequence[tuple[Series, int]]:
        """Return the next series behind `after`, each with the moment of its oldest point."""
        found: list[tuple[Series, int]] = []
        while len(found) < most:
            # One at a time, since a look-up of the next one passes over all of its points.
            rows = await self.transaction.rows("next_series", entity_id=after.entity_id, key_id=after.key_id)
            if not rows:
                break
            after = Series(UUID(bytes=rows[0][0]), rows[0][1])
            found.append((after, rows[0][2]))
        return found

    async def delete_oldest_points(self, series: Series, before_ms: int, limit: int) -> int:
        """Delete the oldest points of a series, of before then; return how many."""
        named = {"entity_id": series.entity_id, "key_id": series.key_id}
        return await self.transaction.run("retire_points", **named, before_ms=before_ms, most=limit)
