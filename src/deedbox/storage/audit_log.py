"""Reads the audit log."""

from typing import Any

from deedbox.core.audit_log import AuditFilter
from deedbox.core.ids import earliest_id
from deedbox.core.paging import Listing, PageSlice
from deedbox.core.records import AuditEntry
from deedbox.storage.paging import listing
from deedbox.storage.records import RecordStore


class AuditLogStore(RecordStore):
    """Entries of the audit log inside a transaction."""

    async def page_of_entries(self, wanted: AuditFilter, asked: PageSlice) -> Listing[AuditEntry]:
        """Return a page. A search looks at the names of entities and users, actions and failures."""
        statement, more = _variant(wanted)
        return await listing(
            self.transaction,
            statement,
            asked,
            AuditEntry,
            tally=None,
            tenant_id=wanted.tenant_id,
            first_id=earliest_id(wanted.start_ms),
            start_ms=wanted.start_ms,
            end_ms=wanted.end_ms,
            actions=",".join(["", *sorted(wanted.actions), ""]),
            **more,
        )


def _variant(wanted: AuditFilter) -> tuple[str, dict[str, Any]]:
    if wanted.entity is not None:
        entity_type, entity_id = wanted.entity
        return "audit_page_of_entity", {"entity_type": entity_type, "entity_id": entity_id}
    if wanted.customer_id is not None or wanted.user_id is not None:
        return "audit_page_of_person", {"customer_id": wanted.customer_id, "user_id": wanted.user_id}
    return "audit_page_of_tenant", {}
