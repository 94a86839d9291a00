"""Asset profiles: the types that assets have. An asset that is saved with a new type brings a profile.

Each tenant has a default profile from the start, which has the tenant's id.
"""

from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.errors import InvalidValue, NameTaken, NotFound
from deedbox.core.paging import Listing, PageSlice
from deedbox.core.records import Actor, RecordStore, Subject, audit_entry
from deedbox.core.texts import required_name

DEFAULT_NAME = "default"


class AssetProfile(msgspec.Struct, frozen=True):
    """A profile. `created_at` is epoch milliseconds."""

    id: UUID
    tenant_id: UUID
    name: str
    created_at: int

    @property
    def is_default(self) -> bool:
        """Tell whether assets get it that are made without a type."""
        return self.id == self.tenant_id


class AssetProfileStore(RecordStore, Protocol):
    """Rows of asset profiles, inside one transaction; each look-up stays within its tenant."""

    async def now_ms(self) -> int:
        """Return the transaction's moment in epoch milliseconds."""
        ...

    async def profile(self, tenant_id: UUID, profile_id: UUID) -> AssetProfile | None:
        """Return the profile, None when the tenant has none of that id."""
        ...

    async def profile_named(self, tenant_id: UUID, name: str) -> AssetProfile | None:
        """Return the profile of that exact name."""
        ...

    async def page_of_profiles(self, tenant_id: UUID, asked: PageSlice) -> Listing[AssetProfile]:
        """Return a page of the tenant's profiles."""
        ...

    async def profile_names(self, tenant_id: UUID, *, in_use: bool, most: int) -> list[tuple[UUID, str]]:
        """Return ids and names in the order of names; with `in_use` only of profiles that assets have."""
        ...

    async def add(self, profile: AssetProfile) -> None:
        """Store a new profile. Raises NameTaken."""
        ...

    async def rename(self, profile: AssetProfile) -> None:
        """Store a profile's name; its assets' type follows it. Raises NameTaken."""
        ...

    async def delete(self, profile: AssetProfile) -> None:
        """Delete the profile and its relations."""
        ...

    async def has_assets(self, profile_id: UUID) -> bool:
        """Tell whether any asset has this profile."""
        ...


async def profile_of(store: AssetProfileStore, tenant_id: UUID, profile_id: UUID) -> AssetProfile:
    """Return the tenant's profile of that id. Raises NotFound."""
    profile = await store.profile(tenant_id, profile_id)
    if profile is None:
        raise NotFound(f"Asset profile with id [{profile_id}] is not found")
    return profile


async def default_profile(store: AssetProfileStore, tenant_id: UUID) -> AssetProfile:
    """Return the profile of assets without a type. Raises NotFound when there is no such tenant."""
    return await profile_of(store, tenant_id, tenant_id)


async def profile_for_type(store: AssetProfileStore, actor: Actor, type_name: str) -> AssetProfile:
    """Return the profile that is named like an asset's type; make it when there is none.

    Raises InvalidValue for a name that no profile can have.
    """
    found = await store.profile_named(actor.tenant_id, type_name)
    if found is not None:
        return found
    return await _added(store, actor, required_name(type_name, "Asset", "type"))


async def create(store: AssetProfileStore, actor: Actor, name: str | None) -> AssetProfile:
    """Store a new profile. Raises InvalidValue, NameTaken."""
    return await _added(store, actor, await _free_name(store, actor.tenant_id, name))


async def rename(store: AssetProfileStore, actor: Actor, profile_id: UUID, name: str | None) -> AssetProfile:
    """Rename a profile; its assets' type follows.

    Raises NotFound, NameTaken; InvalidValue, also for the default profile.
    """
    profile = await profile_of(store, actor.tenant_id, profile_id)
    if name == profile.name:
        return profile
    if profile.is_default:
        raise InvalidValue("The default asset profile can't be renamed.", "/name")
    renamed = msgspec.structs.replace(profile, name=await _free_name(store, actor.tenant_id, name))
    await store.rename(renamed)
    await _record(store, actor, renamed, "UPDATED")
    return renamed


async def delete(store: AssetProfileStore, actor: Actor, profile_id: UUID) -> None:
    """Delete a profile. Raises NotFound; InvalidValue for the default one and for one that assets have."""
    profile = await profile_of(store, actor.tenant_id, profile_id)
    if profile.is_default:
        raise InvalidValue("Deletion of Default Asset Profile is prohibited!")
    if await store.has_assets(profile_id):
        raise InvalidValue(
            "The asset profile referenced by the assets cannot be deleted! Give them another type first."
        )
    await store.delete(profile)
    await _record(store, actor, profile, "DELETED")


def name_taken() -> NameTaken:
    """Return the refusal of a second profile with the same name."""
    return NameTaken("Asset profile with such name already exists!", "/name")


async def _free_name(store: AssetProfileStore, tenant_id: UUID, wanted: str | None) -> str:
    name = required_name(wanted, "Asset profile", "name")
    if await store.profile_named(tenant_id, name) is not None:
        raise name_taken()
    return name


async def _added(store: AssetProfileStore, actor: Actor, name: str) -> AssetProfile:
    profile = AssetProfile(store.new_id(), actor.tenant_id, name, await store.now_ms())
    await store.add(profile)
    await _record(store, actor, profile, "ADDED")
    return profile


async def _record(store: AssetProfileStore, actor: Actor, profile: AssetProfile, action: str) -> None:
    data = {"entityId": profile.id, "name": profile.name}
    subject = Subject("ASSET_PROFILE", profile.id, profile.name)
    entry = audit_entry(store, actor, subject, action, now_ms=await store.now_ms(), data=data)
    await store.add_audit_entries([entry])
