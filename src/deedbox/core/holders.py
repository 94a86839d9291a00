"""Whom values are about (a device, an asset, a customer, a tenant), and which of its rows a reader may see.

Every row carries the epoch it was written in. Whoever owns a device reads from the epoch in which the deed of
its previous other owner ended (behaviour §5.3); the tenant reads all; what is no device has epoch 0 only.
"""

from typing import Any, Protocol
from uuid import UUID

import msgspec

from deedbox.core.access.lookup import GroupLookup, check_target
from deedbox.core.errors import InvalidValue, NotFound
from deedbox.core.ids import NULL_ID
from deedbox.core.permissions import Operation, Principal, Resource, Target
from deedbox.core.records import Actor, RecordStore, Subject, audit_entry

_RESOURCES = {it.value: it for it in (Resource.DEVICE, Resource.ASSET, Resource.CUSTOMER, Resource.TENANT)}


class Holder(msgspec.Struct, frozen=True):
    """Something that values are about. `customer_id` is who owns a device or has an asset.

    `owner_reads_from` is the first epoch that belongs to nobody but the owner; while there is none, to
    whoever is next. What is older than `hidden_below` is being erased: nobody reads it.
    """

    kind: Resource
    id: UUID
    tenant_id: UUID
    customer_id: UUID | None
    name: str
    epoch: int
    owner_reads_from: int
    hidden_below: int = 0


class Extent(msgspec.Struct, frozen=True):
    """What a reader may see: rows of `from_epoch` and later; `epoch` is the holder's current one."""

    from_epoch: int
    epoch: int


class HolderStore(RecordStore, GroupLookup, Protocol):
    """Holders, read in the snapshot in which their values are read; and records of changes to them."""

    async def now_ms(self) -> int:
        """Return the moment of the transaction, in epoch milliseconds."""
        ...

    async def holder(self, kind: Resource, holder_id: UUID) -> Holder | None:
        """Return the holder, None when there is none of that kind and id."""
        ...


def resource(entity_type: str) -> Resource:
    """Return the kind that an `entityType` on the wire means. Raises InvalidValue for one without values."""
    kind = _RESOURCES.get(entity_type.upper())
    if kind is None:
        known = ", ".join(_RESOURCES)
        raise InvalidValue(f"Entities of type '{entity_type[:64]}' have no values here. Expected: {known}.")
    return kind


async def permitted(
    store: HolderStore, principal: Principal, operation: Operation, kind: Resource, holder_id: UUID
) -> Holder:
    """Return the holder, if the principal may do that to it. Raises NotFound, NotPermitted."""
    holder = await store.holder(kind, holder_id)
    if holder is None or principal.tenant_id not in (holder.tenant_id, NULL_ID):
        raise NotFound(f"{kind.value.title()} with requested id wasn't found!")
    await check_target(store, principal, operation, target(holder))
    return holder


def target(holder: Holder) -> Target:
    """Return what permissions are asked about."""
    return Target(holder.kind, holder.tenant_id, holder.customer_id, holder.id)


async def record(store: HolderStore, actor: Actor, holder: Holder, action: str, data: dict[str, Any]) -> None:
    """Add an audit entry about the holder's values; `data` holds names of values, never the values."""
    subject = Subject(holder.kind.value, holder.id, holder.name, holder.epoch)
    known = {"entityId": str(holder.id)}
    now_ms = await store.now_ms()
    await store.add_audit_entries(
        [audit_entry(store, actor, subject, action, now_ms=now_ms, data=known | data)]
    )


def extent(holder: Holder, principal: Principal) -> Extent:
    """Return what the principal may see of the holder's values, given that it may see any."""
    return tenant_extent(holder) if principal.customer_id is None else device_extent(holder)


def tenant_extent(holder: Holder) -> Extent:
    """Return what the tenant may see."""
    return Extent(holder.hidden_below, holder.epoch)


def device_extent(holder: Holder) -> Extent:
    """Return what the owner may see, and the device itself: whoever holds it now holds what it tells."""
    return Extent(max(holder.owner_reads_from, holder.hidden_below), holder.epoch)
