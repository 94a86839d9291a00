"""Assets as rows, and the lists of them."""

from collections.abc import Collection, Mapping
from uuid import UUID

import msgspec

from deedbox.core.assets import Asset, AssetFilter, AssetInfo, name_taken
from deedbox.core.devices import check_sortable
from deedbox.core.paging import Listing, PageSlice
from deedbox.storage.access.lookup import asked_groups, leave_groups
from deedbox.storage.paging import listing
from deedbox.storage.records import RecordStore
from deedbox.storage.relations import forget_relations
from deedbox.storage.statements import Row, UniqueViolation
from deedbox.storage.tallies import change_tally, total_of

_NOUN = "asset"


class AssetStore(RecordStore):
    """Assets inside a transaction."""

    async def asset(self, tenant_id: UUID, asset_id: UUID) -> AssetInfo | None:
        """Return the asset, None when the tenant has none of that id."""
        return next(iter(await self.assets(tenant_id, [asset_id])), None)

    async def assets(self, tenant_id: UUID, asset_ids: Collection[UUID]) -> list[AssetInfo]:
        """Return those of these assets that the tenant has, in id order."""
        asked = [(asset_id,) for asset_id in sorted(set(asset_ids))]
        rows = await self.transaction.batch("assets_by_id", asked, tenant_id=tenant_id)
        return sorted((_info(row) for row in rows), key=lambda it: it.id)

    async def asset_ids_named(self, tenant_id: UUID, names: Collection[str]) -> Mapping[str, UUID]:
        """Return the ids of the assets with these exact names."""
        asked = [(name,) for name in sorted(set(names))]
        rows = await self.transaction.batch("asset_ids_by_name", asked, tenant_id=tenant_id)
        return {name: UUID(bytes=asset_id) for name, asset_id in rows}

    async def list_assets(self, wanted: AssetFilter, asked: PageSlice) -> Listing[AssetInfo]:
        """Return a page. Raises InvalidValue for a sort property that this list does not have."""
        owner_id, by_profile = wanted.customer_id or wanted.tenant_id, wanted.profile_id is not None
        whole = wanted.customer_id is None and not by_profile
        indexed = ("createdTime", "name") if whole else ("createdTime",)
        total = await total_of(self.transaction, owner_id, _NOUN)
        check_sortable(asked.request, total, indexed, "assets")
        return await listing(
            self.transaction,
            _list_statement(wanted),
            asked,
            AssetInfo,
            tally=None if by_profile or wanted.groups is not None else (owner_id, _NOUN),
            among=asked_groups(wanted.tenant_id, wanted.groups),
            every_customer=wanted.customer_id is None,
            tenant_id=wanted.tenant_id,
            customer_id=wanted.customer_id or wanted.tenant_id,
            profile_id=wanted.profile_id or wanted.tenant_id,
            every_profile=not by_profile,
        )

    async def add(self, asset: Asset) -> None:
        """Store a new asset and count it. Raises NameTaken."""
        await self._write("add_asset", asset)
        await change_tally(self.transaction, asset.tenant_id, _NOUN, 1)

    async def change(self, asset: Asset) -> None:
        """Store name, type, profile, label, additional info and version. Raises NameTaken."""
        await self._write("change_asset", asset)

    async def assign(self, asset: Asset, customer_id: UUID | None) -> None:
        """Store whom the asset is assigned to, and count it there."""
        await self.transaction.run(
            "assign_asset", tenant_id=asset.tenant_id, id=asset.id, customer_id=customer_id
        )
        await leave_groups(self.transaction, [asset.id])
        for owner_id, change in ((asset.customer_id, -1), (customer_id, 1)):
            if owner_id is not None:
                await change_tally(self.transaction, owner_id, _NOUN, change)

    async def remove(self, asset: Asset) -> None:
        """Delete the asset and its relations; what was stored about it is forgotten in the background."""
        await self.transaction.run("note_removed_device", device_id=asset.id)
        await forget_relations(self.transaction, "ASSET", [asset.id])
        await leave_groups(self.transaction, [asset.id])
        await self.transaction.run("remove_asset", tenant_id=asset.tenant_id, id=asset.id)
        for owner_id in {asset.tenant_id, asset.customer_id or asset.tenant_id}:
            await change_tally(self.transaction, owner_id, _NOUN, -1)

    async def _write(self, statement: str, asset: Asset) -> None:
        search_text = f"{asset.name}\n{asset.label or ''}".lower()
        try:
            await self.transaction.run(statement, **msgspec.structs.asdict(asset), search_text=search_text)
        except UniqueViolation:
            raise name_taken() from None


def _list_statement(wanted: AssetFilter) -> str:
    if wanted.groups is not None:
        return "assets_of_groups"
    if wanted.customer_id is not None:
        return "assets_of_customer"
    return "assets_of_tenant" if wanted.profile_id is None else "assets_of_profile"


def _info(row: Row) -> AssetInfo:
    customer_id = None if row[9] is None else UUID(bytes=row[9])
    return AssetInfo(
        UUID(bytes=row[0]), UUID(bytes=row[1]), row[2], row[3], row[4], UUID(bytes=row[5]), row[6], row[7],
        row[8], customer_id, row[10], bool(row[11]),
    )  # fmt: skip
