"""Retention: how long records are kept, and how those that are older are deleted, a few at a time.

Identifiers begin with their time, so the oldest rows of a tenant lie side by side. Records are found tenant
by tenant: an index on their time would slow down every claim.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Protocol
from uuid import UUID

from msgspec import Meta, Struct

from deedbox.core.housekeeping import DAY_MS, FIRST

_TENANTS_PER_BITE = 100


class Retention(Struct, frozen=True):
    """Section `retention`."""

    time_series_days: Annotated[
        int,
        Meta(ge=0, description="How long points of time series are kept, by their moments; 0: for ever."),
    ] = 0
    audit_days: Annotated[
        int, Meta(ge=0, description="How long entries of the audit log are kept; 0: for ever.")
    ] = 730
    events_days: Annotated[
        int,
        Meta(ge=0, description="How long events are kept, whether or not they were delivered; 0: for ever."),
    ] = 30
    ledger_days: Annotated[
        int, Meta(ge=0, description="How long steps of the ownership ledger are kept; 0: for ever.")
    ] = 0
    commands_days: Annotated[
        int, Meta(ge=0, description="How long persistent commands are kept after their end; 0: for ever.")
    ] = 30


class Records(StrEnum):
    """Records that are kept by tenant."""

    AUDIT_ENTRIES = "audit_entries"
    LEDGER_ROWS = "ledger_rows"


class RetentionStore(Protocol):
    """Deletes old records; `limit` and `most` bound how much one call does."""

    async def now_ms(self) -> int:
        """Return the moment that decides, in epoch milliseconds."""
        ...

    async def tenants_with_records(
        self, records: Records, before_ms: int, after: UUID, most: int
    ) -> Sequence[tuple[UUID, bool]]:
        """Return the next tenants behind `after` that have records, and whether they have some older ones.

        Tenants that were deleted are among them.
        """
        ...

    async def delete_records(self, records: Records, tenant_id: UUID, before_ms: int, limit: int) -> int:
        """Delete a tenant's oldest records, of before then; return how many.

        With the last step of a device's deed in the ledger goes the deed itself, if the device is gone.
        """
        ...

    async def delete_events(self, before_ms: int, limit: int) -> int:
        """Delete the oldest events of all tenants, of before then; return how many."""
        ...


class Retired(Struct, frozen=True):
    """How many rows a bite deleted, and where the next one goes on; `after` is None when it was the last."""

    deleted: int
    after: UUID | None


async def retire_records(
    store: RetentionStore, records: Records, kept_days: int, after: UUID, limit: int
) -> Retired:
    """Delete at most `limit` records that are older than that, of tenants behind `after`."""
    before_ms = await store.now_ms() - kept_days * DAY_MS
    tenants = await store.tenants_with_records(records, before_ms, after, _TENANTS_PER_BITE)
    deleted = 0
    for tenant_id in [it for it, has_older in tenants if has_older]:
        deleted += await store.delete_records(records, tenant_id, before_ms, limit - deleted)
        if deleted >= limit:
            return Retired(deleted, UUID(int=max(tenant_id.int - 1, 0)))  # there may be more of this one
    return Retired(deleted, tenants[-1][0] if len(tenants) == _TENANTS_PER_BITE else None)


async def retire_events(store: RetentionStore, kept_days: int, limit: int) -> Retired:
    """Delete at most `limit` events that are older than that."""
    deleted = await store.delete_events(await store.now_ms() - kept_days * DAY_MS, limit)
    return Retired(deleted, FIRST if deleted >= limit else None)
