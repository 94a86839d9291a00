"""Entries of the audit log as JSON."""

from typing import Any
from uuid import UUID

from deedbox.api.shapes.entities import EntityId, Wire, json_value, reference
from deedbox.core.records import AuditEntry


class AuditLogIdShape(Wire):
    """An id without a type, as clients of the reference server expect it here."""

    id: UUID


class AuditEntryShape(Wire):
    """One line of the audit log. `sourceAddress` and `epoch` (the device's) are our additions."""

    id: AuditLogIdShape
    created_time: int
    tenant_id: EntityId
    customer_id: EntityId
    entity_id: EntityId
    entity_name: str
    user_id: EntityId
    user_name: str
    action_type: str
    action_data: Any
    action_status: str
    action_failure_details: str
    source_address: str
    epoch: int


def audit_entry_shape(it: AuditEntry) -> AuditEntryShape:
    """Return the wire form of an entry."""
    return AuditEntryShape(
        id=AuditLogIdShape(id=it.id),
        created_time=it.occurred_at,
        tenant_id=reference("TENANT", it.tenant_id),
        customer_id=reference("CUSTOMER", it.customer_id),
        entity_id=reference(it.entity_type, it.entity_id),
        entity_name=it.entity_name,
        user_id=reference("USER", it.user_id),
        user_name=it.user_name,
        action_type=it.action,
        action_data=json_value(it.data),
        action_status="SUCCESS" if it.success else "FAILURE",
        action_failure_details=it.failure,
        source_address=it.source_address,
        epoch=it.epoch,
    )
