"""Devices: what a maker ships, as every layer knows them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from deedbox.core.access.lookup import GroupLookup
from deedbox.core.credentials import CredentialsStore
from deedbox.core.errors import InvalidValue
from deedbox.core.paging import Listing, PageRequest, PageSlice
from deedbox.core.records import RecordStore
from deedbox.core.texts import checked_json, checked_text, required_name

LONGEST_ADDITIONAL_INFO = 65_536
#: Lists are read in the order of an index; any other order is made for lists up to this length.
SORTED_WITHOUT_INDEX_AT_MOST = 10_000
#: A device counts as active for this long after it was last heard of.
ACTIVE_FOR_MS = 600_000


class Device(msgspec.Struct, frozen=True):
    """A device. `customer_id` is the owner by the open deed, None while it has none.

    `type` is its profile's name; `additional_info` is JSON text as the tenant wrote it; `created_at` epoch
    milliseconds.
    """

    id: UUID
    tenant_id: UUID
    name: str
    type: str
    label: str | None
    profile_id: UUID
    additional_info: str
    created_at: int
    version: int
    customer_id: UUID | None = None


class DeviceInfo(Device, frozen=True):
    """A device with what lists show beside it; `active`: it was heard of lately."""

    customer_title: str | None = None
    customer_is_public: bool = False
    active: bool = False


class DeviceDraft(msgspec.Struct, frozen=True):
    """What somebody wants a device to be. UNSET leaves a field as it is; `version` is the one they saw.

    The profile is the one of `profile_id`, else the one named `type`, else the tenant's default.
    """

    name: str | UnsetType | None = UNSET
    type: str | UnsetType | None = UNSET
    label: str | UnsetType | None = UNSET
    profile_id: UUID | UnsetType | None = UNSET
    additional_info: Any | UnsetType = UNSET
    version: int | None = None


class DeviceFilter(msgspec.Struct, frozen=True):
    """Which devices of a tenant a list shows: those of a customer, of a profile, active now or not.

    `unowned`: only those that no customer owns; `groups`: only those in one of these groups.
    """

    tenant_id: UUID
    customer_id: UUID | None = None
    profile_id: UUID | None = None
    active: bool | None = None
    unowned: bool = False
    groups: tuple[UUID, ...] | None = None


class DeviceQuota(msgspec.Struct, frozen=True):
    """How many devices a tenant may have, and how many one of its gateways; 0: any number."""

    devices: int = 0
    gateway_devices: int = 0


class DeviceStore(CredentialsStore, RecordStore, GroupLookup, Protocol):
    """Rows of devices, inside one transaction; each look-up stays within its tenant."""

    async def device(self, tenant_id: UUID, device_id: UUID) -> DeviceInfo | None:
        """Return the device, None when the tenant has none of that id."""
        ...

    async def devices(self, tenant_id: UUID, device_ids: Collection[UUID]) -> list[DeviceInfo]:
        """Return those of these devices that the tenant has, in id order."""
        ...

    async def device_ids_named(self, tenant_id: UUID, names: Collection[str]) -> Mapping[str, UUID]:
        """Return the ids of the devices with these exact names."""
        ...

    async def list_devices(self, wanted: DeviceFilter, asked: PageSlice) -> Listing[DeviceInfo]:
        """Return a page. Raises InvalidValue for a sort property that this list does not have."""
        ...

    async def device_total(self, owner_id: UUID) -> int:
        """Return how many devices a tenant or a customer has."""
        ...

    async def device_quota(self, tenant_id: UUID) -> DeviceQuota:
        """Return how many devices the tenant's profile lets it have."""
        ...

    async def device_types(self, tenant_id: UUID) -> list[str]:
        """Return the types that the tenant's devices may have, in order."""
        ...

    async def add_devices(self, devices: Sequence[Device]) -> None:
        """Store new devices, unowned and with their first epoch, and count them. Raises NameTaken."""
        ...

    async def change_devices(self, devices: Sequence[Device]) -> None:
        """Store name, type, profile, label, additional info and version of devices. Raises NameTaken."""
        ...

    async def keep_label(self, device_id: UUID) -> None:
        """Keep the tenant's label until the deed closes: an owner is about to write its own."""
        ...

    async def drop_kept_label(self, device_id: UUID) -> None:
        """Forget what was kept: the tenant writes the label itself."""
        ...

    async def note_credentials_shown(self, device_id: UUID) -> None:
        """Mark that a customer knows the device's credentials."""
        ...

    async def remove_device(self, device: Device) -> None:
        """Delete the device and all but what it said, which is left for `forget_values`."""
        ...

    async def forget_values(self, most: int) -> int:
        """Delete up to `most` rows of removed devices; return how many: fewer when none is left."""
        ...


def check_sortable(asked: PageRequest, total: int, indexed: Collection[str], noun: str = "devices") -> None:
    """Check that a list of that length can be sorted as asked. Raises InvalidValue, saying by what it can."""
    if asked.sort_property not in indexed and total > SORTED_WITHOUT_INDEX_AT_MOST:
        raise InvalidValue(
            f"This list has more than {SORTED_WITHOUT_INDEX_AT_MOST} {noun}; sort it by "
            f"{' or '.join(indexed)}, or narrow it with a filter.",
            "/sortProperty",
        )


def checked_name(name: object) -> str:
    """Return a device's name. Raises InvalidValue, naming the field."""
    return required_name(name if isinstance(name, str) else None, "Device", "name")


def checked_label(label: str | None) -> str | None:
    """Return a device's label. Raises InvalidValue, naming the field."""
    return None if label is None else checked_text(label, "label")


def checked_additional_info(value: object) -> str:
    """Return additional info as JSON text. Raises InvalidValue, naming the field."""
    return checked_json(value, "additionalInfo", LONGEST_ADDITIONAL_INFO)
