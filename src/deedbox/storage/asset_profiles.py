"""Asset profiles as rows."""

from typing import Any
from uuid import UUID

import msgspec

from deedbox.core.asset_profiles import AssetProfile, name_taken
from deedbox.core.paging import Listing, PageSlice
from deedbox.storage.paging import listing
from deedbox.storage.records import RecordStore
from deedbox.storage.relations import forget_relations
from deedbox.storage.statements import UniqueViolation


class AssetProfileStore(RecordStore):
    """Asset profiles inside a transaction."""

    async def profile(self, tenant_id: UUID, profile_id: UUID) -> AssetProfile | None:
        """Return the profile, None when the tenant has none of that id."""
        return await self._one("asset_profile_by_id", tenant_id=tenant_id, id=profile_id)

    async def profile_named(self, tenant_id: UUID, name: str) -> AssetProfile | None:
        """Return the profile of that exact name."""
        return await self._one("asset_profile_by_name", tenant_id=tenant_id, name=name)

    async def page_of_profiles(self, tenant_id: UUID, asked: PageSlice) -> Listing[AssetProfile]:
        """Return a page of the tenant's profiles."""
        return await listing(
            self.transaction, "asset_profiles_page", asked, AssetProfile, tally=None, tenant_id=tenant_id
        )

    async def profile_names(self, tenant_id: UUID, *, in_use: bool, most: int) -> list[tuple[UUID, str]]:
        """Return ids and names in the order of names; with `in_use` only of profiles that assets have."""
        rows = await self.transaction.rows(
            "asset_profile_names", tenant_id=tenant_id, in_use=in_use, most=most
        )
        return [(UUID(bytes=row[0]), row[1]) for row in rows]

    async def add(self, profile: AssetProfile) -> None:
        """Store a new profile. Raises NameTaken."""
        await self._write("add_asset_profile", profile)

    async def rename(self, profile: AssetProfile) -> None:
        """Store a profile's name; its assets' type follows it. Raises NameTaken."""
        await self._write("rename_asset_profile", profile)
        await self.transaction.run("retype_assets", id=profile.id, name=profile.name)

    async def delete(self, profile: AssetProfile) -> None:
        """Delete the profile and its relations."""
        await forget_relations(self.transaction, "ASSET_PROFILE", [profile.id])
        await self.transaction.run("delete_asset_profile", tenant_id=profile.tenant_id, id=profile.id)

    async def has_assets(self, profile_id: UUID) -> bool:
        """Tell whether any asset has this profile."""
        return bool(await self.transaction.rows("asset_with_profile", id=profile_id))

    async def _write(self, statement: str, profile: AssetProfile) -> None:
        try:
            await self.transaction.run(statement, **msgspec.structs.asdict(profile))
        except UniqueViolation:
            raise name_taken() from None

    async def _one(self, statement: str, **values: Any) -> AssetProfile | None:
        found: list[AssetProfile] = await self.transaction.structs(statement, AssetProfile, **values)
        return found[0] if found else None
