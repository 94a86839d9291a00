"""A fake database on the examiner's bench: in memory, transactional, with a clock that can be set."""

import itertools
from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from deedbox.core.ids import IdSequence
from deedbox.core.records import AuditEntry, Event, LedgerRow
from deedbox.testing.claim_bench import KeptDeed, PreparedDevice, Work
from deedbox.testing.fake_claim_store import FakeClaimStore, FakeTables

T = TypeVar("T")


class FakeBench:
    """Runs work on a copy of the tables and keeps the copy when the work came to its end."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self.now_ms = now_ms
        self._tables = FakeTables()
        counter = itertools.count()
        self._ids = IdSequence(lambda count: next(counter).to_bytes(count, "big"))

    async def run(self, work: Work[T]) -> T:
        """Run `work` in a transaction; when it raises, nothing of it is kept."""
        tables = self._tables.copy()
        answer = await work(FakeClaimStore(tables, self._ids, self.now_ms))
        self._tables = tables
        return answer

    async def add_customer(self, tenant_id: UUID, customer_id: UUID, title: str) -> None:
        """Store a customer."""
        self._tables.customers[tenant_id, customer_id] = title

    async def add_device(self, prepared: PreparedDevice) -> None:
        """Store a device, or change its settings."""
        self._tables.devices[prepared.device.id] = prepared
        self._tables.epochs.setdefault(prepared.device.id, 0)

    async def set_blocked(self, device_id: UUID, blocked: bool) -> None:
        """Block claiming of the device, or allow it again."""
        (self._tables.blocked.add if blocked else self._tables.blocked.discard)(device_id)

    async def set_claiming_allowed(self, device_id: UUID, allowed: bool | None) -> None:
        """Write the attribute `claimingAllowed`, or delete it with None."""
        self._tables.claiming_allowed.pop(device_id, None)
        if allowed is not None:
            self._tables.claiming_allowed[device_id] = allowed

    async def write_value(self, device_id: UUID, value: int) -> None:
        """Store a value with the device's epoch."""
        self._tables.values.append((device_id, self._tables.epochs[device_id], value))

    async def readable_values(self, device_id: UUID, customer_id: UUID) -> Sequence[int]:
        """Return the values that this customer may read now."""
        deed = self._tables.open_deed(device_id)
        if deed is None or deed.customer_id != customer_id:
            return []
        written = [(epoch, value) for its, epoch, value in self._tables.values if its == device_id]
        return [value for epoch, value in written if epoch >= deed.reads_from_epoch]

    async def claiming_allowed(self, device_id: UUID) -> bool | None:
        """Return the attribute `claimingAllowed`, None when there is none."""
        return self._tables.claiming_allowed.get(device_id)

    async def deeds(self, device_id: UUID) -> Sequence[KeptDeed]:
        """Return all deeds of the device, oldest first."""
        return self._tables.deeds.get(device_id, ())

    async def owned_count(self, customer_id: UUID) -> int:
        """Return the kept total of the devices that the customer owns."""
        return self._tables.totals.get(customer_id, 0)

    async def ledger(self, tenant_id: UUID, device_id: UUID) -> Sequence[LedgerRow]:
        """Return the device's ownership history, oldest first."""
        rows = [it for it in self._tables.ledger if (it.tenant_id, it.device_id) == (tenant_id, device_id)]
        return sorted(rows, key=lambda row: row.epoch)

    async def audit(self, tenant_id: UUID) -> Sequence[AuditEntry]:
        """Return the tenant's audit log, oldest first."""
        return [it for it in self._tables.audit if it.tenant_id == tenant_id]

    async def events(self, tenant_id: UUID) -> Sequence[Event]:
        """Return the tenant's outbox, oldest first."""
        return [it for it in self._tables.events if it.tenant_id == tenant_id]
