"""Device profiles as rows."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec

from deedbox.core.device_profiles import DeviceProfile, ProfileVersion, StoredSettings, name_taken
from deedbox.core.paging import Listing, PageSlice
from deedbox.storage.paging import listing
from deedbox.storage.records import RecordStore
from deedbox.storage.relations import forget_relations
from deedbox.storage.statements import UniqueViolation
from deedbox.storage.tallies import change_tally

_NOUN = "device_profile"


class DeviceProfileStore(RecordStore):
    """Device profiles inside a transaction."""

    async def profile(self, tenant_id: UUID, profile_id: UUID) -> DeviceProfile | None:
        """Return the profile, None when the tenant has none of that id."""
        return await self._one("profile_by_id", tenant_id=tenant_id, id=profile_id)

    async def profile_named(self, tenant_id: UUID, name: str) -> DeviceProfile | None:
        """Return the profile of that exact name."""
        return await self._one("profile_by_name", tenant_id=tenant_id, name=name)

    async def default_profile(self, tenant_id: UUID) -> DeviceProfile | None:
        """Return the tenant's default profile."""
        return await self._one("profile_by_default", tenant_id=tenant_id)

    async def page_of_profiles(self, tenant_id: UUID, asked: PageSlice) -> Listing[DeviceProfile]:
        """Return a page of the tenant's profiles."""
        return await listing(
            self.transaction,
            "profiles_page",
            asked,
            DeviceProfile,
            tally=(tenant_id, _NOUN),
            tenant_id=tenant_id,
        )

    async def profile_names(self, tenant_id: UUID, *, in_use: bool, most: int) -> list[tuple[UUID, str]]:
        """Return ids and names in the order of names; with `in_use` only of profiles with devices."""
        rows = await self.transaction.rows("profile_names", tenant_id=tenant_id, in_use=in_use, most=most)
        return [(UUID(bytes=row[0]), row[1]) for row in rows]

    async def add(self, profile: DeviceProfile) -> None:
        """Store a new profile. Raises NameTaken."""
        await self._write("add_profile", profile)
        await change_tally(self.transaction, profile.tenant_id, _NOUN, 1)

    async def change(self, profile: DeviceProfile) -> None:
        """Store all but `is_default` of a profile; its devices' type follows its name. Raises NameTaken."""
        await self._write("change_profile", profile)
        await self.transaction.run("retype_devices", id=profile.id, name=profile.name)

    async def make_default(self, tenant_id: UUID, profile_id: UUID) -> None:
        """Make this profile the tenant's only default one."""
        await self.transaction.run("unset_default_profile", tenant_id=tenant_id)
        await self.transaction.run("set_default_profile", tenant_id=tenant_id, id=profile_id)

    async def delete(self, profile: DeviceProfile) -> None:
        """Delete the profile, its provisioning settings and its relations."""
        await forget_relations(self.transaction, "DEVICE_PROFILE", [profile.id])
        await self.transaction.run("drop_provision_settings", profile_id=profile.id)
        await self.transaction.run("delete_profile", tenant_id=profile.tenant_id, id=profile.id)
        await change_tally(self.transaction, profile.tenant_id, _NOUN, -1)

    async def has_devices(self, profile_id: UUID) -> bool:
        """Tell whether any device has this profile."""
        return bool(await self.transaction.rows("device_with_profile", id=profile_id))

    async def profiles_of_devices(self, device_ids: Collection[UUID]) -> dict[UUID, ProfileVersion]:
        """Return the profiles of these devices, of any tenant; those that are gone are left out."""
        rows = await self.transaction.batch("profiles_of_devices", [(it,) for it in device_ids])
        return {UUID(bytes=row[0]): ProfileVersion(UUID(bytes=row[1]), row[2]) for row in rows}

    async def versions_of(self, profile_ids: Collection[UUID]) -> list[ProfileVersion]:
        """Return the versions of those of these profiles that are there, of any tenant."""
        rows = await self.transaction.batch("versions_of_profiles", [(it,) for it in profile_ids])
        return [ProfileVersion(UUID(bytes=row[0]), row[1]) for row in rows]

    async def settings_of(self, profile_ids: Collection[UUID]) -> dict[UUID, StoredSettings]:
        """Return the settings of those of these profiles that are there, of any tenant."""
        rows = await self.transaction.batch("settings_of_profiles", [(it,) for it in profile_ids])
        return {UUID(bytes=row[0]): StoredSettings(row[1], row[2]) for row in rows}

    async def _one(self, statement: str, **values: Any) -> DeviceProfile | None:
        found: list[DeviceProfile] = await self.transaction.structs(statement, DeviceProfile, **values)
        return found[0] if found else None

    async def _write(self, statement: str, profile: DeviceProfile) -> None:
        try:
            await self.transaction.run(statement, **msgspec.structs.asdict(profile))
        except UniqueViolation:
            raise name_taken() from None
