"""Deleting customers and tenants with all that hangs on them, in pieces that keep nobody waiting.

Each call deletes one piece in one transaction; a small one takes one piece. People go first, so that nobody
adds anything; the row itself goes last, so that whoever stops in between goes on by deleting again. Deeds are
closed as everywhere: the ownership ledger keeps them.
"""

from collections.abc import Collection
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core import customers, deeds, tenants
from deedbox.core.asset_changes import unassigned_entry
from deedbox.core.assets import Asset
from deedbox.core.customers import Customer, CustomerStore
from deedbox.core.deeds import DeedStore, Reason
from deedbox.core.devices import Device
from deedbox.core.keys import KeyRing
from deedbox.core.ownership import ClaimPolicy
from deedbox.core.records import Actor
from deedbox.core.tenants import TenantStore

#: Rows of each kind in one piece.
PIECE = 500


class Piece(msgspec.Struct, frozen=True):
    """A piece that was deleted: whether it was the last one, and the devices whose deeds it closed."""

    is_last: bool
    closed: list[UUID]


class ErasureStore(DeedStore, Protocol):
    """What deleting customers and tenants needs. Methods with `most` return how many rows they took."""

    async def delete_users(self, tenant_id: UUID, customer_id: UUID | None, most: int) -> int:
        """Delete users of a customer, or with None of the whole tenant, and end their sessions."""
        ...

    async def devices_of_tenant(self, tenant_id: UUID, most: int) -> list[UUID]:
        """Return devices of the tenant."""
        ...

    async def devices_owned_by(self, customer_id: UUID, most: int) -> list[UUID]:
        """Return devices whose open deed is the customer's."""
        ...

    async def assets_assigned_to(self, tenant_id: UUID, customer_id: UUID, most: int) -> list[Asset]:
        """Return assets that the customer has."""
        ...

    async def release_assets(self, assets: Collection[Asset]) -> None:
        """Take these assets from whom they are assigned to."""
        ...

    async def delete_assets(self, tenant_id: UUID, most: int) -> int:
        """Delete assets of the tenant; what was stored about them is deleted later, in the background."""
        ...

    async def delete_relations(self, tenant_id: UUID, most: int) -> int:
        """Delete relations of the tenant."""
        ...

    async def delete_devices(self, devices: Collection[Device]) -> None:
        """Delete devices and their closed deeds; what they said is deleted later, in the background."""
        ...

    async def delete_customer(self, tenant_id: UUID, customer_id: UUID) -> None:
        """Delete a customer's row and what hangs on it; its sub-customers stay, without a parent."""
        ...

    async def delete_customers(self, tenant_id: UUID, most: int) -> int:
        """Delete customers of a tenant with their attributes, relations and totals."""
        ...

    async def delete_audit_entries(self, tenant_id: UUID, most: int) -> int:
        """Delete entries of a tenant's audit log."""
        ...

    async def delete_tenant(self, tenant_id: UUID) -> None:
        """Delete a tenant's row and what is left of it, but for its ownership ledger and events."""
        ...


async def erase_customer(  # what handing devices back takes, and whose they are
    store: ErasureStore,
    customer_store: CustomerStore,
    actor: Actor,
    customer_id: UUID,
    policy: ClaimPolicy,
    keys: KeyRing,
) -> Piece:
    """Delete a piece of a customer. Its devices are free again, its assets nobody's.

    Raises NotFound when the actor's tenant has no such customer.
    """
    customer = await customers.customer_of(customer_store, actor.tenant_id, customer_id)
    if await store.delete_users(actor.tenant_id, customer_id, PIECE) == PIECE:
        return Piece(False, [])
    if await _release_assets(store, actor, customer) == PIECE:
        return Piece(False, [])
    owned = await store.devices_owned_by(customer_id, PIECE)
    states = list((await store.lock_devices(owned)).values())
    await deeds.hand_back(store, states, actor, Reason.CUSTOMER_DELETED, policy, keys)
    if len(owned) < PIECE:
        await store.delete_customer(actor.tenant_id, customer_id)
        await customers.record(customer_store, actor, customer, "DELETED")
    return Piece(len(owned) < PIECE, owned)


async def erase_tenant(
    store: ErasureStore, tenant_store: TenantStore, actor: Actor, tenant_id: UUID, keys: KeyRing
) -> Piece:
    """Delete a piece of a tenant. Raises NotFound when there is no such tenant."""
    tenant = await tenants.tenant_of(tenant_store, tenant_id)
    if await store.delete_users(tenant_id, None, PIECE) == PIECE:
        return Piece(False, [])
    if PIECE in (await store.delete_relations(tenant_id, PIECE), await store.delete_assets(tenant_id, PIECE)):
        return Piece(False, [])
    found = await store.devices_of_tenant(tenant_id, PIECE)
    states = list((await store.lock_devices(found)).values())
    await deeds.close(store, states, actor, Reason.TENANT_DELETED, keys)
    await store.delete_devices([it.device for it in states])
    if len(found) == PIECE or not await _erase_rest(store, tenant_id):
        return Piece(False, found)
    await store.delete_tenant(tenant_id)
    await tenants.record(tenant_store, actor, tenant, "DELETED")
    return Piece(True, found)


async def _release_assets(store: ErasureStore, actor: Actor, customer: Customer) -> int:
    assets = await store.assets_assigned_to(actor.tenant_id, customer.id, PIECE)
    await store.release_assets(assets)
    now_ms = await store.now_ms()
    await store.add_audit_entries([unassigned_entry(store, actor, it, customer, now_ms) for it in assets])
    return len(assets)


async def _erase_rest(store: ErasureStore, tenant_id: UUID) -> bool:
    if await store.delete_customers(tenant_id, PIECE) == PIECE:
        return False
    return await store.delete_audit_entries(tenant_id, PIECE) < PIECE
