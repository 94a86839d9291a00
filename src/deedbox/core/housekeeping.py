"""Housekeeping: rows that nothing will ever ask for again are deleted, a few at a time."""

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

import msgspec

DAY_MS = 86_400_000
FIRST = UUID(int=0)
#: No shorter than any window that attempts are counted in.
_ATTEMPTS_KEPT_MS = DAY_MS


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
        """Delete commands that ended or expired before then."""
        ...

    async def delete_expired_points(self, before_ms: int, limit: int) -> int:
        """Delete points of time series whose time to live ended before then."""
        ...

    async def delete_forgotten_values(self, limit: int) -> int:
        """Delete what devices said that were deleted."""
        ...


class Swept(msgspec.Struct, frozen=True):
    """How many rows of which kind a sweep deleted; where the next one goes on, None when it was the last."""

    deleted: Mapping[str, int]
    after: UUID | None


async def sweep(store: HousekeepingStore, after: UUID, limit: int, commands_days: int) -> Swept:
    """Delete at most `limit` expired rows of each kind, windows of devices behind `after`.

    Stored commands stay for so many days after their end, with 0 for ever.

    Announced windows stay a day after their expiry, so that the tenant reads in the audit log that a late
    claim's key had expired. They are found by walking over all: an index on their expiry would slow down
    every announcement and claim.
    """
    now_ms = await store.now_ms()
    windows, last = await store.delete_announced_windows(now_ms - DAY_MS, after, limit)
    others = {
        "attempts": await store.delete_attempts(now_ms - _ATTEMPTS_KEPT_MS, limit),
        "guess_counts": await store.delete_guess_counts(now_ms - _ATTEMPTS_KEPT_MS, limit),
        "sessions": await store.delete_sessions(now_ms, limit),
        "claim_intents": await store.delete_claim_intents(now_ms, limit),
        "commands": await _delete_commands(store, now_ms, limit, commands_days),
        "points": await store.delete_expired_points(now_ms, limit),
        "forgotten_values": await store.delete_forgotten_values(limit),
    }
    is_more = any(it >= limit for it in others.values())
    deleted = {kind: count for kind, count in ({"windows": windows} | others).items() if count}
    return Swept(deleted, FIRST if last is None and is_more else last)


async def _delete_commands(store: HousekeepingStore, now_ms: int, limit: int, kept_days: int) -> int:
    return await store.delete_commands(now_ms - kept_days * DAY_MS, limit) if kept_days else 0
