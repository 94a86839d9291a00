"""Deletes what ended deeds left behind, a bite at a time."""

from collections.abc import Sequence
from uuid import UUID

from deedbox.storage.statements import Row, Transaction

#: Where a task begins.
_UNTOUCHED = (-1, -1, -1)


class ValueErasureStore:
    """Erasures that are queued, inside a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction

    async def now_ms(self) -> int:
        """Return the transaction's moment in epoch milliseconds."""
        return self.transaction.now_ms

    async def is_queued(self, before_ms: int) -> bool:
        """Tell whether an erasure is queued since before then."""
        return bool(await self.transaction.rows("next_erasure_task", before_ms=before_ms))

    async def erase_next(self, before_ms: int, most: int) -> bool:
        """Look at `most` points of one erasure; delete what it means; tell whether there was one."""
        tasks = await self.transaction.rows("next_erasure_task", before_ms=before_ms)
        for device_id, below_epoch, from_epoch, *after in tasks:
            task = {"device_id": UUID(bytes=device_id), "below_epoch": below_epoch}
            if tuple(after) == _UNTOUCHED:
                await self.transaction.run("erase_journal_entries", **task, from_epoch=from_epoch)
            points = await self._points_behind(task["device_id"], after, most)
            meant = [row for row in points if from_epoch <= row[2] < below_epoch]
            await self.transaction.batch("erase_points", meant, device_id=task["device_id"])
            if len(points) == most:
                await self.transaction.run("move_erasure_on", **task, **_position(points[-1]))
                continue
            # Last, so that no latest value can be made of a point that is still there.
            for statement in ("erase_latest_values", "erase_attributes", "erase_commands"):
                await self.transaction.run(statement, **task, from_epoch=from_epoch)
            await self.transaction.run("end_erasure", **task)
        return bool(tasks)

    async def _points_behind(self, device_id: UUID, after: Sequence[int], most: int) -> list[Row]:
        return await self.transaction.rows(
            "points_behind", device_id=device_id, most=most, **_position(after)
        )


def _position(row: Sequence[int]) -> dict[str, int]:
    return dict(zip(("after_key_id", "after_ts", "after_epoch"), row, strict=True))
