"""What opening and closing deeds leaves behind: audit entries, rows of the ownership ledger, events."""

from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

import msgspec

from deedbox.core.devices import Device
from deedbox.core.records import (
    Actor,
    AuditEntry,
    Change,
    Event,
    LedgerRow,
    RecordStore,
    Subject,
    audit_entry,
    json_text,
)


class Reason(StrEnum):
    """Why a deed was opened or closed."""

    CLAIM = "claim"
    ASSIGNMENT = "assignment"
    MADE_BY_GATEWAY = "made_by_gateway"
    RECLAIM = "reclaim"
    REASSIGNMENT = "reassignment"
    UNASSIGNMENT = "unassignment"
    DEVICE_DELETED = "device_deleted"
    CUSTOMER_DELETED = "customer_deleted"
    TENANT_DELETED = "tenant_deleted"


class Recorded(msgspec.Struct, frozen=True):
    """A deed that was opened or closed, with all that its records say."""

    device: Device
    deed_id: UUID
    customer_id: UUID
    customer_title: str
    actor: Actor
    reason: Reason
    now_ms: int


async def record(store: RecordStore, change: Change, done: Sequence[tuple[Recorded, int]]) -> None:
    """Write what became of these deeds; each comes with the device's new epoch."""
    await store.add_audit_entries([_audit(store, change, it, epoch) for it, epoch in done])
    await store.add_ledger_rows([_ledger(store, change, it, epoch) for it, epoch in done])
    await store.add_events([_event(store, change, it, epoch) for it, epoch in done])


def _audit(store: RecordStore, change: Change, it: Recorded, epoch: int) -> AuditEntry:
    # Action and field names are those that clients of the reference server look for.
    word = "assigned" if change is Change.OPENED else "unassigned"
    action = "ASSIGNED_TO_CUSTOMER" if change is Change.OPENED else "UNASSIGNED_FROM_CUSTOMER"
    data = {
        "entityId": it.device.id,
        f"{word}CustomerId": it.customer_id,
        f"{word}CustomerName": it.customer_title,
        "reason": it.reason,
    }
    entry = audit_entry(
        store,
        it.actor,
        Subject("DEVICE", it.device.id, it.device.name, epoch),
        action,
        now_ms=it.now_ms,
        data=data,
    )
    return msgspec.structs.replace(entry, customer_id=it.customer_id)


def _ledger(store: RecordStore, change: Change, it: Recorded, epoch: int) -> LedgerRow:
    return LedgerRow(
        id=store.new_id(),
        tenant_id=it.device.tenant_id,
        device_id=it.device.id,
        device_name=it.device.name,
        epoch=epoch,
        change=change,
        deed_id=it.deed_id,
        customer_id=it.customer_id,
        actor_id=it.actor.user_id,
        reason=it.reason,
        occurred_at=it.now_ms,
    )


def _event(store: RecordStore, change: Change, it: Recorded, epoch: int) -> Event:
    kind = (
        "device.claimed"
        if it.reason is Reason.CLAIM
        else f"device.{'assigned' if change is Change.OPENED else 'released'}"
    )
    data = json_text(
        {
            "deviceName": it.device.name,
            "customerId": it.customer_id,
            "deedId": it.deed_id,
            "reason": it.reason,
        }
    )
    return Event(store.new_id(), it.device.tenant_id, it.device.id, epoch, kind, data, it.now_ms)
