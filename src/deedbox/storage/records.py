"""Audit entries, ledger rows and outbox events: appended, never changed."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import msgspec

from deedbox.core.records import AuditEntry, Event, LedgerRow
from deedbox.storage.access.lookup import groups_of_things
from deedbox.storage.statements import Transaction


class RecordStore:
    """Appends records inside a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction

    def new_id(self) -> UUID:
        """Return an identifier for a new row."""
        return self.transaction.new_id()

    def random_bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""
        return self.transaction.random_bytes(count)

    async def now_ms(self) -> int:
        """Return the transaction's moment in epoch milliseconds."""
        return self.transaction.now_ms

    async def groups_of(self, entity_ids: Collection[UUID]) -> Mapping[UUID, frozenset[UUID]]:
        """Return the stored groups that things are in, by thing."""
        return await groups_of_things(self.transaction, entity_ids)

    async def add_audit_entries(self, entries: Sequence[AuditEntry]) -> None:
        """Store audit entries."""
        await self.transaction.later("add_audit_entries", [msgspec.structs.astuple(it) for it in entries])

    async def add_ledger_rows(self, rows: Sequence[LedgerRow]) -> None:
        """Store steps of ownership histories."""
        await self.transaction.later("add_ledger_rows", [msgspec.structs.astuple(it) for it in rows])

    async def add_events(self, events: Sequence[Event]) -> None:
        """Put events into the outbox."""
        await self.transaction.later("add_events", [msgspec.structs.astuple(it) for it in events])
