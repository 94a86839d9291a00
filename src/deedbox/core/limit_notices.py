"""What a tenant is told when a limit of its was reached: an audit entry and an event."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from deedbox.core.rates import Kind, Whose
from deedbox.core.records import Actor, Event, Subject, audit_entry, json_text
from deedbox.core.tenants import TenantStore

#: Who did it, in the audit log.
_ACTOR = "Limits"


class Notice(msgspec.Struct, frozen=True):
    """One limit that refused `count` times; `subject` is the id of whom it refused first."""

    tenant_id: UUID
    whose: Whose
    kind: Kind
    subject: str
    count: int


async def tell(store: TenantStore, notices: Sequence[Notice]) -> None:
    """Leave an audit entry and an event for each notice; tenants that are no more hear nothing."""
    now_ms = await store.now_ms()
    titles = {it.id: it.title for it in await store.tenants({it.tenant_id for it in notices})}
    told = [it for it in notices if it.tenant_id in titles]
    await store.add_audit_entries([
        audit_entry(store, Actor(it.tenant_id, None, None, _ACTOR),
                    Subject("TENANT", it.tenant_id, titles[it.tenant_id]), "LIMIT_REACHED",
                    now_ms=now_ms, failure=_limit(it).replace("_", " "), data=_data(it))
        for it in told
    ])  # fmt: skip
    await store.add_events([
        Event(store.new_id(), it.tenant_id, None, 0, "tenant.limit_reached", json_text(_data(it)), now_ms)
        for it in told
    ])  # fmt: skip


def _limit(it: Notice) -> str:
    return f"{it.whose}_{it.kind}"


def _data(it: Notice) -> dict[str, object]:
    return {"limit": _limit(it), "refused": it.count, "first": it.subject}
