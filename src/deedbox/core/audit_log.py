"""Reading the audit log: who did what to what, and what was refused. Each tenant reads its own."""

from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.errors import InvalidValue
from deedbox.core.paging import Listing, PageSlice
from deedbox.core.records import AuditEntry

#: Actions that entries may have. Those that the reference server has and Deedbox never writes are known too,
#: so that clients may ask for them. Ours are the last ones: refused claims, refused offers of
#: devices, what gateways may not, requests for a new password, limits that were reached.
ACTIONS = frozenset(
    [
        "ADDED",
        "DELETED",
        "UPDATED",
        "ATTRIBUTES_UPDATED",
        "ATTRIBUTES_DELETED",
        "ATTRIBUTES_READ",
        "TIMESERIES_UPDATED",
        "TIMESERIES_DELETED",
        "RPC_CALL",
        "CREDENTIALS_UPDATED",
        "CREDENTIALS_READ",
        "ASSIGNED_TO_CUSTOMER",
        "UNASSIGNED_FROM_CUSTOMER",
        "ACTIVATED",
        "SUSPENDED",
        "RELATION_ADD_OR_UPDATE",
        "RELATION_DELETED",
        "RELATIONS_DELETED",
        "ALARM_ACK",
        "ALARM_CLEAR",
        "ALARM_DELETE",
        "ALARM_ASSIGNED",
        "ALARM_UNASSIGNED",
        "LOGIN",
        "LOGOUT",
        "LOCKOUT",
        "ASSIGNED_FROM_TENANT",
        "ASSIGNED_TO_TENANT",
        "PROVISION_SUCCESS",
        "PROVISION_FAILURE",
        "ASSIGNED_TO_EDGE",
        "UNASSIGNED_FROM_EDGE",
        "ADDED_COMMENT",
        "UPDATED_COMMENT",
        "DELETED_COMMENT",
        "SMS_SENT",
        "ADDED_TO_ENTITY_GROUP",
        "REMOVED_FROM_ENTITY_GROUP",
        "CLAIM_DEVICE",
        "ANNOUNCE_DEVICE",
        "SPEAK_FOR_DEVICE",
        "PASSWORD_RESET_REQUESTED",
        "LIMIT_REACHED",
    ]
)


class AuditFilter(msgspec.Struct, frozen=True):
    """Which entries: of a tenant, from `start_ms` to `end_ms` (epoch, both included), with these actions.

    At most one of `entity`, (type, id), `customer_id` and `user_id` is given; no actions means all of them.
    """

    tenant_id: UUID
    start_ms: int
    end_ms: int
    actions: frozenset[str] = frozenset()
    entity: tuple[str, UUID] | None = None
    customer_id: UUID | None = None
    user_id: UUID | None = None


class AuditLogStore(Protocol):
    """Entries of the audit log, inside one transaction."""

    async def page_of_entries(self, wanted: AuditFilter, asked: PageSlice) -> Listing[AuditEntry]:
        """Return a page. A search looks at the names of entities and users, actions and failures."""
        ...


def actions_of(text: str) -> frozenset[str]:
    """Return the actions of a comma-separated list in any case. Raises InvalidValue for an unknown one."""
    wanted = frozenset(it.strip().upper() for it in text.split(",") if it.strip())
    unknown = sorted(wanted - ACTIONS)
    if unknown:
        raise InvalidValue(f"actionTypes has the unknown action {unknown[0]!r}.", "/actionTypes")
    return wanted
