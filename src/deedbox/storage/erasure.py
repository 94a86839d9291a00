"""Deletes what hangs on customers and tenants, some rows at a time."""

from collections.abc import Collection, Sequence
from uuid import UUID

from deedbox.core.assets import Asset
from deedbox.core.devices import Device
from deedbox.core.ids import NULL_ID
from deedbox.storage.access.erasing import erase_groups_of
from deedbox.storage.assets import AssetStore
from deedbox.storage.deeds import DeedStore
from deedbox.storage.devices import DeviceStore
from deedbox.storage.relations import forget_relations, forget_relations_of_tenant
from deedbox.storage.tallies import change_tally
from deedbox.storage.users import UserStore

_REST_OF_TENANT = (
    "erase_old_deeds", "erase_profiles", "erase_asset_profiles", "erase_claim_intents", "erase_tenant_limits",
    "erase_provision_settings", "erase_roles", "erase_tenant",
)  # fmt: skip
_WHAT_ENTITIES_SAID = ("erase_attributes_of", "erase_latest_of", "erase_series_of", "erase_tallies_of")


class ErasureStore(DeedStore):
    """Deletes inside a transaction."""

    async def delete_users(self, tenant_id: UUID, customer_id: UUID | None, most: int) -> int:
        """Delete users of a customer, or with None of the whole tenant, and end their sessions."""
        if customer_id is None:
            users = await self._ids("some_users_of_tenant", tenant_id=tenant_id, most=most)
        else:
            asked = {"tenant_id": tenant_id, "customer_id": customer_id}
            users = await self._ids("some_users_of_customer", **asked, most=most)
        store = UserStore(self.transaction)
        found = [await store.find_user(user_id) for (user_id,) in users]
        await store.delete_users([user for user in found if user is not None])
        return len(users)

    async def devices_of_tenant(self, tenant_id: UUID, most: int) -> list[UUID]:
        """Return devices of the tenant."""
        found = await self._ids("some_devices_of_tenant", tenant_id=tenant_id, most=most)
        return [device_id for (device_id,) in found]

    async def devices_owned_by(self, customer_id: UUID, most: int) -> list[UUID]:
        """Return devices whose open deed is the customer's."""
        found = await self._ids("some_devices_of_customer", customer_id=customer_id, most=most)
        return [device_id for (device_id,) in found]

    async def assets_assigned_to(self, tenant_id: UUID, customer_id: UUID, most: int) -> list[Asset]:
        """Return assets that the customer has."""
        asked = {"tenant_id": tenant_id, "customer_id": customer_id}
        ids = await self._ids("some_assets_of_customer", **asked, most=most)
        return [*await AssetStore(self.transaction).assets(tenant_id, [it for (it,) in ids])]

    async def release_assets(self, assets: Collection[Asset]) -> None:
        """Take these assets from whom they are assigned to."""
        store = AssetStore(self.transaction)
        for asset in assets:
            await store.assign(asset, None)

    async def delete_assets(self, tenant_id: UUID, most: int) -> int:
        """Delete assets of the tenant; what was stored about them is deleted later, in the background."""
        ids = await self._ids("some_assets_of_tenant", tenant_id=tenant_id, most=most)
        store = AssetStore(self.transaction)
        for asset in await store.assets(tenant_id, [it for (it,) in ids]):
            await store.remove(asset)
        return len(ids)

    async def delete_relations(self, tenant_id: UUID, most: int) -> int:
        """Delete relations of the tenant."""
        return await forget_relations_of_tenant(self.transaction, tenant_id, most)

    async def delete_devices(self, devices: Collection[Device]) -> None:
        """Delete devices and their closed deeds; what they said is deleted later, in the background."""
        await self.transaction.batch("erase_closed_deeds", [(it.id,) for it in devices])
        store = DeviceStore(self.transaction)
        for device in devices:
            await store.remove_device(device)

    async def delete_customer(self, tenant_id: UUID, customer_id: UUID) -> None:
        """Delete a customer's row and what hangs on it; its sub-customers stay, without a parent."""
        await self.transaction.run("orphan_customers", tenant_id=tenant_id, customer_id=customer_id)
        await self._delete_customers(tenant_id, [(customer_id,)])

    async def delete_customers(self, tenant_id: UUID, most: int) -> int:
        """Delete customers of a tenant with their attributes, relations and totals."""
        customers = await self._ids("some_customers", tenant_id=tenant_id, most=most)
        await self._delete_customers(tenant_id, customers)
        return len(customers)

    async def delete_audit_entries(self, tenant_id: UUID, most: int) -> int:
        """Delete entries of a tenant's audit log."""
        return await self.transaction.run("erase_audit_entries", tenant_id=tenant_id, most=most)

    async def delete_tenant(self, tenant_id: UUID) -> None:
        """Delete a tenant's row and what is left of it, but for its ownership ledger and events."""
        for statement in _REST_OF_TENANT:
            await self.transaction.run(statement, tenant_id=tenant_id)
        await erase_groups_of(self.transaction, [tenant_id])
        await self._forget([(tenant_id,)])
        await change_tally(self.transaction, NULL_ID, "tenant", -1)

    async def _delete_customers(self, tenant_id: UUID, customers: Sequence[tuple[UUID]]) -> None:
        await self.transaction.batch("erase_customers", customers)
        await forget_relations(self.transaction, "CUSTOMER", [it for (it,) in customers])
        await erase_groups_of(self.transaction, [it for (it,) in customers])
        await self._forget(customers)
        await change_tally(self.transaction, tenant_id, "customer", -len(customers))

    async def _forget(self, entities: Sequence[tuple[UUID]]) -> None:
        for statement in _WHAT_ENTITIES_SAID:
            await self.transaction.batch(statement, entities)

    async def _ids(self, statement: str, **values: UUID | int) -> list[tuple[UUID]]:
        return [(UUID(bytes=row[0]),) for row in await self.transaction.rows(statement, **values)]
