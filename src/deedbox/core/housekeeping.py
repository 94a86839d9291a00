"""Housekeeping: rows that nothing will ever ask for again are deleted, a few at a time."""

from typing import Protocol
from uuid import UUID

import msgspec

DAY_MS = 86_400_000
#: No shorter than any window that attempts are counted in.
_ATTEMPTS_KEPT_MS = DAY_MS
_COMMANDS_KEPT_MS = 30 * DAY_MS
FIRST = UUID(int=0)


class HousekeepingStore(Protocol):
    """Deletes what has expired, at most `limit` rows at a time; each method returns how many it deleted."""

    async def now_ms(self) -> int:
        """Return the moment that decides, in epoch milliseconds."""
        ...

    async def prove_writable(self) -> None:
        """Store something, so that a commit shows whether the database can be written."""
        ...

    async def delete_announced_windows(
        self, before_ms: int, after: UUID, limit: int
    ) -> tuple[int, UUID | None]:
        """Look at `limit` announced windows of devices behind `after`; delete those expired before then.

        Return how many were deleted and the last device looked at, None when there are no more.
        """
        ...

    async def delete_attempts(self, before_ms: int, limit: int) -> int:
        """Delete attempts that were spent before then."""
        ...

    async def delete_guess_counts(self, before_ms: int, limit: int) -> int:
        """Delete counters of wrong keys whose window began before then."""
        ...

    async def delete_sessions(self, before_ms: int, limit: int) -> int:
        """Delete sign-in sessions that expired before then."""
        ...

    async def delete_claim_intents(self, before_ms: int, limit: int) -> int:
        """Delete claim intents that expired before then."""
        ...

    async def delete_commands(self, before_ms: int, limit: int) -> int:
        """Delete commands that expired before then."""
        ...

    async def delete_expired_points(self, before_ms: int, limit: int) -> int:
        """Delete points of time series whose time to live ended before then."""
        ...

    async def delete_forgotten_values(self, limit: int) -> int:
        """Delete what devices said that were deleted."""
        ...


class Swept(msgspec.Struct, frozen=True):
    """How many rows a sweep deleted, and where the next one goes on; `after` is None when it was the last."""

    deleted: int
    after: UUID | None


async def sweep(store: HousekeepingStore, after: UUID, limit: int) -> Swept:
    """Delete at most `limit` expired rows of each kind, windows of devices behind `after`.

    Announced windows stay a day after their expiry, so that the tenant reads in the audit log that a late
    claim's key had expired. They are found by walking over all: an index on their expiry would slow down
    every announcement and claim.
    """
    now_ms = await store.now_ms()
    windows, last = await store.delete_announced_windows(now_ms - DAY_MS, after, limit)
    others = [
        await store.delete_attempts(now_ms - _ATTEMPTS_KEPT_MS, limit),
        await store.delete_guess_counts(now_ms - _ATTEMPTS_KEPT_MS, limit),
        await store.delete_sessions(now_ms, limit),
        await store.delete_claim_intents(now_ms, limit),
        await store.delete_commands(now_ms - _COMMANDS_KEPT_MS, limit),
        await store.delete_expired_points(now_ms, limit),
        await store.delete_forgotten_values(limit),
    ]
    return Swept(windows + sum(others), FIRST if last is None and limit in others else last)
