"""Tenant profiles as rows. The first one is there without a row until somebody changes it."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec

from deedbox.core.errors import NotFound
from deedbox.core.paging import Listing, PageSlice
from deedbox.core.tenant_profiles import TENANT_PROFILE_ID, TenantProfile, name_taken
from deedbox.storage.paging import listing
from deedbox.storage.records import RecordStore
from deedbox.storage.statements import UniqueViolation


class TenantProfileStore(RecordStore):
    """Tenant profiles inside a transaction."""

    async def profile(self, profile_id: UUID) -> TenantProfile | None:
        """Return the profile."""
        return await self._one_profile("tenant_profile_by_id", id=profile_id)

    async def profiles(self, profile_ids: Collection[UUID]) -> list[TenantProfile]:
        """Return those of the profiles that there are."""
        found = [await self.profile(profile_id) for profile_id in profile_ids]
        return [profile for profile in found if profile is not None]

    async def profile_named(self, name: str) -> TenantProfile | None:
        """Return the profile of that exact name."""
        return await self._one_profile("tenant_profile_by_name", name=name)

    async def default_profile(self) -> TenantProfile:
        """Return the profile that new tenants get."""
        found = await self._one_profile("tenant_profile_by_default")
        if found is None:
            raise NotFound("There is no default tenant profile.")
        return found

    async def page_of_profiles(self, asked: PageSlice) -> Listing[TenantProfile]:
        """Return a page of all profiles."""
        statement, shape = "tenant_profiles_page", TenantProfile
        return await listing(
            self.transaction, statement, asked, shape, tally=None, first_id=TENANT_PROFILE_ID
        )

    async def put_profile(self, profile: TenantProfile, quotas: tuple[int, int]) -> None:
        """Store a profile, new or changed, with its quotas of devices: a tenant's, and a gateway's."""
        fields = msgspec.structs.asdict(profile)
        fields["devices"], fields["gateway_devices"] = quotas
        try:
            await self.transaction.run("put_tenant_profile", **fields)
        except UniqueViolation:
            raise name_taken() from None

    async def make_profile_default(self, profile_id: UUID) -> None:
        """Make this profile the only default one."""
        await self.transaction.run("unset_default_tenant_profile")
        await self.transaction.run("set_default_tenant_profile", id=profile_id)

    async def delete_profile(self, profile_id: UUID) -> None:
        """Delete the profile."""
        await self.transaction.run("delete_tenant_profile", id=profile_id)

    async def has_tenants(self, profile_id: UUID) -> bool:
        """Tell whether any tenant has this profile."""
        return bool(await self.transaction.rows("tenant_with_profile", profile_id=profile_id))

    async def _one_profile(self, statement: str, **values: Any) -> TenantProfile | None:
        values["first_id"] = TENANT_PROFILE_ID
        found: list[TenantProfile] = await self.transaction.structs(statement, TenantProfile, **values)
        return found[0] if found else None
