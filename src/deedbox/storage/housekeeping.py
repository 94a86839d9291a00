"""Deletes expired rows in small bites, so that no other work waits long for its commit."""

from uuid import UUID

from deedbox.core.ids import NULL_ID
from deedbox.storage.devices import DeviceStore
from deedbox.storage.statements import Transaction


class HousekeepingStore:
    """Expired rows inside a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction

    async def now_ms(self) -> int:
        """Return the transaction's moment in epoch milliseconds."""
        return self.transaction.now_ms

    async def prove_writable(self) -> None:
        """Store the moment, so that a commit shows whether the database can be written."""
        await self.transaction.run("prove_writable", owner_id=NULL_ID, now_ms=self.transaction.now_ms)

    async def delete_announced_windows(
        self, before_ms: int, after: UUID, limit: int
    ) -> tuple[int, UUID | None]:
        """Look at `limit` announced windows behind `after`; delete those expired before then."""
        seen = await self.transaction.rows("announced_windows_after", after=after, most=limit)
        expired = [(device_id,) for device_id, expires_at in seen if expires_at < before_ms]
        await self.transaction.batch("drop_announced_windows", expired)
        return len(expired), UUID(bytes=seen[-1][0]) if len(seen) == limit else None

    async def delete_attempts(self, before_ms: int, limit: int) -> int:
        """Delete attempts that were spent before then."""
        return await self.transaction.run("sweep_attempts", before_ms=before_ms, most=limit)

    async def delete_guess_counts(self, before_ms: int, limit: int) -> int:
        """Delete counters of wrong keys whose window began before then."""
        return await self.transaction.run("sweep_guess_counts", before_ms=before_ms, most=limit)

    async def delete_sessions(self, before_ms: int, limit: int) -> int:
        """Delete sign-in sessions that expired before then."""
        return await self.transaction.run("sweep_sessions", before_ms=before_ms, most=limit)

    async def delete_claim_intents(self, before_ms: int, limit: int) -> int:
        """Delete claim intents that expired before then."""
        return await self.transaction.run("sweep_claim_intents", before_ms=before_ms, most=limit)

    async def delete_commands(self, before_ms: int, limit: int) -> int:
        """Delete commands that ended or expired before then."""
        ended = await self.transaction.run("sweep_ended_commands", before_ms=before_ms, most=limit)
        expired = await self.transaction.run("sweep_expired_commands", before_ms=before_ms, most=limit)
        return ended + expired

    async def delete_expired_points(self, before_ms: int, limit: int) -> int:
        """Delete points of time series whose time to live ended before then."""
        return await self.transaction.run("delete_expired_points", before_ms=before_ms, row_limit=limit)

    async def delete_forgotten_values(self, limit: int) -> int:
        """Delete what devices said that were deleted."""
        return await DeviceStore(self.transaction).forget_values(limit)
