"""Device profiles: what devices of one type have in common, and what claiming means for them.

Every tenant has a default profile. A device that is saved with a new type gets a profile of that name, as the
reference server does it.
"""

from collections.abc import Collection
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec

from deedbox.core import provision_settings
from deedbox.core.errors import InvalidValue, NameTaken, NotFound, VersionConflict
from deedbox.core.keys import KeyRing
from deedbox.core.paging import Listing, PageSlice
from deedbox.core.provision_settings import ProvisionSettings, ProvisionSettingsStore
from deedbox.core.records import Actor, RecordStore, Subject, audit_entry
from deedbox.core.texts import required_name

DEFAULT_NAME = "default"
LONGEST_SETTINGS = 524_288


class DeviceProfile(msgspec.Struct, frozen=True):
    """A profile. `settings` is JSON text: what clients of the reference server keep in it.

    `allow_claiming_by_default` None leaves it to the tenant. `new_secret_on_reclaim`: a device
    gets a new label when a deed ends. `created_at` is epoch milliseconds.
    """

    id: UUID
    tenant_id: UUID
    name: str
    created_at: int
    is_default: bool = False
    allow_claiming_by_default: bool | None = None
    forbids_empty_keys: bool = False
    rotates_credentials_on_reclaim: bool = False
    new_secret_on_reclaim: bool = False
    settings: str = "{}"
    version: int = 1


class ProfileVersion(NamedTuple):
    """Which profile, as of which change."""

    profile_id: UUID
    version: int


class StoredSettings(NamedTuple):
    """The settings of a profile, as of that change."""

    version: int
    settings: str


class DeviceProfileStore(RecordStore, Protocol):
    """Rows of device profiles, inside one transaction; each look-up stays within its tenant."""

    async def now_ms(self) -> int:
        """Return the transaction's moment in epoch milliseconds."""
        ...

    async def profile(self, tenant_id: UUID, profile_id: UUID) -> DeviceProfile | None:
        """Return the profile, None when the tenant has none of that id."""
        ...

    async def profile_named(self, tenant_id: UUID, name: str) -> DeviceProfile | None:
        """Return the profile of that exact name."""
        ...

    async def default_profile(self, tenant_id: UUID) -> DeviceProfile | None:
        """Return the tenant's default profile."""
        ...

    async def page_of_profiles(self, tenant_id: UUID, asked: PageSlice) -> Listing[DeviceProfile]:
        """Return a page of the tenant's profiles."""
        ...

    async def profile_names(self, tenant_id: UUID, *, in_use: bool, most: int) -> list[tuple[UUID, str]]:
        """Return ids and names in the order of names; with `in_use` only of profiles with devices."""
        ...

    async def add(self, profile: DeviceProfile) -> None:
        """Store a new profile. Raises NameTaken."""
        ...

    async def change(self, profile: DeviceProfile) -> None:
        """Store all but `is_default` of a profile; its devices' type follows its name. Raises NameTaken."""
        ...

    async def make_default(self, tenant_id: UUID, profile_id: UUID) -> None:
        """Make this profile the tenant's only default one."""
        ...

    async def delete(self, profile: DeviceProfile) -> None:
        """Delete the profile, its provisioning settings and its relations."""
        ...

    async def has_devices(self, profile_id: UUID) -> bool:
        """Tell whether any device has this profile."""
        ...

    async def profiles_of_devices(self, device_ids: Collection[UUID]) -> dict[UUID, ProfileVersion]:
        """Return the profiles of these devices, of any tenant; those that are gone are left out."""
        ...

    async def versions_of(self, profile_ids: Collection[UUID]) -> list[ProfileVersion]:
        """Return the versions of those of these profiles that are there, of any tenant."""
        ...

    async def settings_of(self, profile_ids: Collection[UUID]) -> dict[UUID, StoredSettings]:
        """Return the settings of those of these profiles that are there, of any tenant."""
        ...


async def default_profile(store: DeviceProfileStore, tenant_id: UUID) -> DeviceProfile:
    """Return the tenant's default profile. Raises NotFound when there is no such tenant."""
    profile = await store.default_profile(tenant_id)
    if profile is None:
        raise NotFound
    return profile


async def profile_of(store: DeviceProfileStore, tenant_id: UUID, profile_id: UUID) -> DeviceProfile:
    """Return the tenant's profile of that id. Raises NotFound."""
    profile = await store.profile(tenant_id, profile_id)
    if profile is None:
        raise NotFound(f"Device profile with id [{profile_id}] is not found")
    return profile


async def profile_for_type(store: DeviceProfileStore, tenant_id: UUID, type_name: str) -> DeviceProfile:
    """Return the profile that is named like a device's type; make it when there is none.

    Raises InvalidValue for a name that no profile can have.
    """
    found = await store.profile_named(tenant_id, type_name)
    if found is not None:
        return found
    name = required_name(type_name, "Device", "type")
    profile = DeviceProfile(store.new_id(), tenant_id, name, await store.now_ms())
    await store.add(profile)
    return profile


async def add_default_profile(store: DeviceProfileStore, tenant_id: UUID) -> DeviceProfile:
    """Give a new tenant its default profile."""
    now_ms = await store.now_ms()
    profile = DeviceProfile(store.new_id(), tenant_id, DEFAULT_NAME, now_ms, is_default=True)
    await store.add(profile)
    return profile


async def create(store: DeviceProfileStore, actor: Actor, wanted: DeviceProfile) -> DeviceProfile:
    """Store a new profile with an id, tenant and time of its own. Raises InvalidValue, NameTaken."""
    profile = msgspec.structs.replace(
        wanted,
        id=store.new_id(),
        tenant_id=actor.tenant_id,
        created_at=await store.now_ms(),
        is_default=False,
        version=1,
    )
    await _check_name(store, profile)
    await store.add(profile)
    await _record(store, actor, profile, "ADDED")
    return profile


async def change(
    store: DeviceProfileStore, actor: Actor, wanted: DeviceProfile, known_version: int | None
) -> DeviceProfile:
    """Replace a profile's name and settings. `known_version` is what the client read, None to overwrite.

    Raises NotFound, InvalidValue, NameTaken; VersionConflict when somebody else changed it since.
    """
    stored = await profile_of(store, actor.tenant_id, wanted.id)
    if known_version not in (None, stored.version):
        raise VersionConflict
    profile = msgspec.structs.replace(
        wanted,
        tenant_id=stored.tenant_id,
        created_at=stored.created_at,
        is_default=stored.is_default,
        version=stored.version + 1,
    )
    await _check_name(store, profile)
    await store.change(profile)
    await _record(store, actor, profile, "UPDATED")
    return profile


async def read_secrets(
    store: DeviceProfileStore,
    secrets: ProvisionSettingsStore,
    keys: KeyRing,
    actor: Actor,
    profile: DeviceProfile,
) -> ProvisionSettings:
    """Return how devices of the profile provision themselves, in the clear; write down who read secrets."""
    found = await provision_settings.read(secrets, keys, profile.id)
    if found.device_secret is not None:
        await _record(store, actor, profile, "CREDENTIALS_READ")
    return found


async def make_default(store: DeviceProfileStore, actor: Actor, profile_id: UUID) -> DeviceProfile:
    """Make the profile the one that devices get without a type. Raises NotFound."""
    profile = await profile_of(store, actor.tenant_id, profile_id)
    if not profile.is_default:
        await store.make_default(actor.tenant_id, profile_id)
        await _record(store, actor, profile, "UPDATED", {"default": True})
    return msgspec.structs.replace(profile, is_default=True)


async def delete(store: DeviceProfileStore, actor: Actor, profile_id: UUID) -> None:
    """Delete a profile. Raises NotFound; InvalidValue for the default one and for one with devices."""
    profile = await profile_of(store, actor.tenant_id, profile_id)
    if profile.is_default:
        raise InvalidValue(
            "Deletion of Default Device Profile is prohibited! Make another profile the default one first."
        )
    if await store.has_devices(profile_id):
        raise InvalidValue(
            "The device profile referenced by the devices cannot be deleted! Give them another profile first."
        )
    await store.delete(profile)
    await _record(store, actor, profile, "DELETED")


async def _check_name(store: DeviceProfileStore, profile: DeviceProfile) -> None:
    required_name(profile.name, "Device profile", "name")
    namesake = await store.profile_named(profile.tenant_id, profile.name)
    if namesake is not None and namesake.id != profile.id:
        raise name_taken()


def name_taken() -> NameTaken:
    """Return the refusal of a second profile with the same name."""
    return NameTaken("Device profile with such name already exists!", "/name")


async def _record(
    store: DeviceProfileStore,
    actor: Actor,
    profile: DeviceProfile,
    action: str,
    more: dict[str, object] | None = None,
) -> None:
    # Not the whole profile: what clients keep in its settings may hold what is not for everybody.
    data = {"entityId": profile.id, "name": profile.name} | (more or {})
    subject = Subject("DEVICE_PROFILE", profile.id, profile.name)
    entry = audit_entry(store, actor, subject, action, now_ms=await store.now_ms(), data=data)
    await store.add_audit_entries([entry])
