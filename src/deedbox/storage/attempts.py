"""Spent attempts: rows in the database, so that budgets hold across restarts and nodes."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from deedbox.core.ids import identifier
from deedbox.storage.records import RecordStore


class AttemptStore(RecordStore):
    """Attempts inside a transaction."""

    async def lock_budgets(self, scopes: Sequence[bytes], since_ms: int) -> Mapping[bytes, Sequence[int]]:
        """Lock these budgets; return when attempts were spent in each scope since then, oldest first."""
        await self.transaction.lock(scopes)
        return await self.spent_attempts(scopes, since_ms)

    async def spent_attempts(self, scopes: Sequence[bytes], since_ms: int) -> Mapping[bytes, Sequence[int]]:
        """Return when attempts were spent in each scope since then, oldest first."""
        asked = [(scope,) for scope in scopes]
        spent: dict[bytes, list[int]] = {}
        for scope, spent_at in await self.transaction.batch("spent_attempts", asked, since_ms=since_ms):
            spent.setdefault(scope, []).append(spent_at)
        return spent

    async def spend_attempts(self, spent: Sequence[tuple[bytes, int]]) -> None:
        """Store spent attempts as (scope, epoch ms)."""
        rows = [(scope, spent_at, self.new_id()) for scope, spent_at in spent]
        await self.transaction.later("spend_attempts", rows)

    async def add_guesses(self, window_start: int, guesses: Mapping[UUID, int]) -> Mapping[UUID, int]:
        """Add wrong keys to the counters of a window, by owner; return the new totals."""
        rows = await self.transaction.batch("add_guesses", sorted(guesses.items()), window_start=window_start)
        return {identifier(owner_id): int(total) for owner_id, total in rows}
