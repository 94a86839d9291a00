"""What every change leaves behind in its own transaction: audit entry, ledger row, event for the outbox."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

import msgspec

from deedbox.core.ids import IdSource


class Actor(msgspec.Struct, frozen=True):
    """Who did it. `user_id` is None for the system and for devices; `source_address` where it came from."""

    tenant_id: UUID
    customer_id: UUID | None
    user_id: UUID | None
    name: str
    source_address: str = ""


class AuditEntry(msgspec.Struct, frozen=True):
    """One line of the audit log; `data` never holds a secret."""

    id: UUID
    tenant_id: UUID
    customer_id: UUID | None
    user_id: UUID | None
    user_name: str
    source_address: str
    entity_type: str
    entity_id: UUID | None
    entity_name: str
    epoch: int
    action: str
    success: bool
    data: str
    failure: str
    occurred_at: int


class Change(StrEnum):
    """What happened to a deed."""

    OPENED = "opened"
    CLOSED = "closed"


class LedgerRow(msgspec.Struct, frozen=True):
    """One step of a device's ownership history; the store fills in the digest columns when it chains rows."""

    id: UUID
    tenant_id: UUID
    device_id: UUID
    device_name: str
    epoch: int
    change: Change
    deed_id: UUID
    customer_id: UUID
    actor_id: UUID | None
    reason: str
    occurred_at: int


class Event(msgspec.Struct, frozen=True):
    """A message to the world outside, written with the change and delivered after it; `data` is JSON."""

    id: UUID
    tenant_id: UUID
    device_id: UUID | None
    epoch: int
    type: str
    data: str
    occurred_at: int


class RecordStore(IdSource, Protocol):
    """Append-only rows about changes."""

    async def add_audit_entries(self, entries: Sequence[AuditEntry]) -> None:
        """Store audit entries."""
        ...

    async def add_ledger_rows(self, rows: Sequence[LedgerRow]) -> None:
        """Store steps of ownership histories."""
        ...

    async def add_events(self, events: Sequence[Event]) -> None:
        """Put events into the outbox."""
        ...


class Subject(msgspec.Struct, frozen=True):
    """What an audit entry is about. `epoch` is the device's, 0 for anything else."""

    entity_type: str
    entity_id: UUID | None
    name: str
    epoch: int = 0


def audit_entry(  # noqa: PLR0913  # one argument per question that an auditor asks
    ids: IdSource,
    actor: Actor,
    subject: Subject,
    action: str,
    *,
    now_ms: int,
    failure: str = "",
    data: dict[str, Any] | None = None,
) -> AuditEntry:
    """Return an entry for something that `actor` did or, with `failure`, was refused."""
    return AuditEntry(
        id=ids.new_id(),
        tenant_id=actor.tenant_id,
        customer_id=actor.customer_id,
        user_id=actor.user_id,
        user_name=actor.name,
        source_address=actor.source_address,
        entity_type=subject.entity_type,
        entity_id=subject.entity_id,
        entity_name=subject.name,
        epoch=subject.epoch,
        action=action,
        success=not failure,
        data=json_text(data or {}),
        failure=failure,
        occurred_at=now_ms,
    )


def json_text(data: dict[str, Any]) -> str:
    """Return `data` as compact JSON; identifiers become strings."""
    return msgspec.json.encode(data).decode()
