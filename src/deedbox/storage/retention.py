"""Deletes old records in small bites."""

from collections.abc import Sequence
from uuid import UUID

from deedbox.core.ids import earliest_id
from deedbox.core.records import Change
from deedbox.core.retention import Records
from deedbox.storage.statements import Transaction


class RetentionStore:
    """Old records inside a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction

    async def now_ms(self) -> int:
        """Return the transaction's moment in epoch milliseconds."""
        return self.transaction.now_ms

    async def tenants_with_records(
        self, records: Records, before_ms: int, after: UUID, most: int
    ) -> Sequence[tuple[UUID, bool]]:
        """Return the next tenants behind `after` that have records, and whether they have some older."""
        rows = await self.transaction.rows(
            f"tenants_with_{records}", after=after, below_id=earliest_id(before_ms), most=most
        )
        return [(UUID(bytes=tenant_id), bool(has_older)) for tenant_id, has_older in rows]

    async def delete_records(self, records: Records, tenant_id: UUID, before_ms: int, limit: int) -> int:
        """Delete a tenant's oldest records, of before then; return how many."""
        gone = await self.transaction.rows(
            f"retire_{records}", tenant_id=tenant_id, below_id=earliest_id(before_ms), most=limit
        )
        if records is Records.LEDGER_ROWS:
            ended = [(deed_id,) for deed_id, change in gone if change == Change.CLOSED]
            await self.transaction.batch("retire_deeds", ended)
        return len(gone)

    async def delete_events(self, before_ms: int, limit: int) -> int:
        """Delete the oldest events of all tenants, of before then; return how many."""
        return await self.transaction.run("retire_events", below_id=earliest_id(before_ms), most=limit)
