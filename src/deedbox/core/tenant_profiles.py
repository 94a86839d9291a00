"""Tenant profiles: what tenants of one kind may use. System administrators make them and give them out.

A profile keeps whatever clients of the reference server write into its configuration; what is enforced here
is read from it as `ProfileLimits`, under the reference server's names and some of our own.
"""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Protocol
from uuid import UUID

import msgspec
from msgspec import Meta

from deedbox.core.errors import InvalidValue, NameTaken, NotFound
from deedbox.core.paging import Listing, PageSlice
from deedbox.core.rates import limit_text
from deedbox.core.records import Actor, RecordStore, Subject, audit_entry
from deedbox.core.texts import checked_json, checked_text, required_name

#: The first profile, which every database has: tenants have it that were given no other.
TENANT_PROFILE_ID = UUID("0190a5a0-0000-7000-8000-000000000001")
LONGEST_CONFIGURATION = 65_536
_LONGEST_DESCRIPTION = 4_096
_WHERE = "/profileData/configuration"

Number = Annotated[int, Meta(ge=0, le=2**53)]


#: Limits of messages by the names that the reference server's profiles have for them.
WIRE_NAMES: dict[str, str] = {
    f"{whose}_{kind}": f"transport{whose_there}{kind_there}RateLimit"
    for whose, whose_there in (
        ("tenant", "Tenant"),
        ("device", "Device"),
        ("gateway", "Gateway"),
        ("gateway_device", "GatewayDevice"),
    )
    for kind, kind_there in (
        ("messages", "Msg"),
        ("telemetry_messages", "TelemetryMsg"),
        ("telemetry_data_points", "TelemetryDataPoints"),
    )
}
#: All that is enforced; the last four names are our own.
PROFILE_NAMES: dict[str, str] = {
    **WIRE_NAMES,
    "tenant_requests": "tenantServerRestLimitsConfiguration",
    "customer_requests": "customerServerRestLimitsConfiguration",
    "devices": "maxDevices",
    "gateway_devices": "maxDevicesPerGateway",
    "tenant_connections": "maxConnections",
    "payload_bytes": "maxPayloadSize",
    "inflight": "maxInflightMessages",
}


class ProfileLimits(msgspec.Struct, rename=PROFILE_NAMES, frozen=True):
    """What of a profile is enforced; None: left to the deployment; 0 and an empty text: no limit."""

    tenant_messages: str | None = None
    tenant_telemetry_messages: str | None = None
    tenant_telemetry_data_points: str | None = None
    device_messages: str | None = None
    device_telemetry_messages: str | None = None
    device_telemetry_data_points: str | None = None
    gateway_messages: str | None = None
    gateway_telemetry_messages: str | None = None
    gateway_telemetry_data_points: str | None = None
    gateway_device_messages: str | None = None
    gateway_device_telemetry_messages: str | None = None
    gateway_device_telemetry_data_points: str | None = None
    tenant_requests: str | None = None
    customer_requests: str | None = None
    devices: Number | None = None
    gateway_devices: Number | None = None
    tenant_connections: Number | None = None
    payload_bytes: Number | None = None
    inflight: Number | None = None


class TenantProfile(msgspec.Struct, frozen=True):
    """A profile. `data` is JSON text: `profileData` as it was sent. `created_at` is epoch milliseconds."""

    id: UUID
    name: str
    created_at: int
    description: str | None = None
    is_default: bool = False
    data: str = '{"configuration":{"type":"DEFAULT"}}'


class TenantProfileStore(RecordStore, Protocol):
    """Rows of tenant profiles, inside one transaction."""

    async def now_ms(self) -> int:
        """Return the transaction's moment in epoch milliseconds."""
        ...

    async def profile(self, profile_id: UUID) -> TenantProfile | None:
        """Return the profile."""
        ...

    async def profiles(self, profile_ids: Collection[UUID]) -> list[TenantProfile]:
        """Return those of the profiles that there are."""
        ...

    async def profile_named(self, name: str) -> TenantProfile | None:
        """Return the profile of that exact name."""
        ...

    async def default_profile(self) -> TenantProfile:
        """Return the profile that new tenants get."""
        ...

    async def page_of_profiles(self, asked: PageSlice) -> Listing[TenantProfile]:
        """Return a page of all profiles."""
        ...

    async def put_profile(self, profile: TenantProfile, quotas: tuple[int, int]) -> None:
        """Store a profile, new or changed, with its quotas of devices: a tenant's, and a gateway's."""
        ...

    async def make_profile_default(self, profile_id: UUID) -> None:
        """Make this profile the only default one."""
        ...

    async def delete_profile(self, profile_id: UUID) -> None:
        """Delete the profile."""
        ...

    async def has_tenants(self, profile_id: UUID) -> bool:
        """Tell whether any tenant has this profile."""
        ...


async def profile_of(store: TenantProfileStore, profile_id: UUID) -> TenantProfile:
    """Return the profile of that id. Raises NotFound."""
    profile = await store.profile(profile_id)
    if profile is None:
        raise NotFound(f"Tenant profile with id [{profile_id}] is not found")
    return profile


async def save(
    store: TenantProfileStore, actor: Actor, wanted: TenantProfile, *, is_new: bool
) -> TenantProfile:
    """Store a new profile, or replace name, description and data of the one with this id.

    Raises NotFound, InvalidValue, NameTaken.
    """
    if is_new:
        before = TenantProfile(store.new_id(), "", await store.now_ms())
    else:
        before = await profile_of(store, wanted.id)
    profile = msgspec.structs.replace(
        before, name=wanted.name, description=wanted.description, data=wanted.data
    )
    await _check_name(store, profile)
    limits = profile_limits(profile.data)
    await store.put_profile(profile, (limits.devices or 0, limits.gateway_devices or 0))
    await _record(
        store, actor, profile, "ADDED" if is_new else "UPDATED", {"data": msgspec.Raw(profile.data.encode())}
    )
    return profile


async def make_default(store: TenantProfileStore, actor: Actor, profile_id: UUID) -> TenantProfile:
    """Make the profile the one that new tenants get. Raises NotFound."""
    profile = await profile_of(store, profile_id)
    if not profile.is_default:
        await store.make_profile_default(profile_id)
        await _record(store, actor, profile, "UPDATED", {"default": True})
    return msgspec.structs.replace(profile, is_default=True)


async def delete(store: TenantProfileStore, actor: Actor, profile_id: UUID) -> None:
    """Delete a profile. Raises NotFound; InvalidValue for one that is needed."""
    profile = await profile_of(store, profile_id)
    if profile.is_default or profile.id == TENANT_PROFILE_ID:
        raise InvalidValue("The default tenant profile and the first one can't be deleted.")
    if await store.has_tenants(profile_id):
        raise InvalidValue(
            "The tenant profile referenced by the tenants cannot be deleted! Give them another profile first."
        )
    await store.delete_profile(profile_id)
    await _record(store, actor, profile, "DELETED", {})


def profile_limits(data: str) -> ProfileLimits:
    """Return what of a stored profile is enforced; what can't be read is not."""
    found = msgspec.json.decode(data)
    configuration = found.get("configuration") if isinstance(found, dict) else None
    return msgspec.convert(configuration or {}, ProfileLimits)


def checked_data(sent: Mapping[str, Any] | None) -> str:
    """Return `profileData` as it is stored, limits without blanks. Raises InvalidValue, naming the field."""
    data = dict(sent or {})
    configuration = data.get("configuration") or {}
    if not isinstance(configuration, dict):
        raise InvalidValue('profileData.configuration must be an object, as {"type": "DEFAULT"}.', _WHERE)
    if configuration.get("type", "DEFAULT") != "DEFAULT":
        raise InvalidValue("profileData.configuration.type must be DEFAULT.", f"{_WHERE}/type")
    known = {name: it for name, it in configuration.items() if name in _FIELDS}
    data["configuration"] = (
        configuration | {"type": "DEFAULT"} | {name: _checked(name, it) for name, it in known.items()}
    )
    return checked_json(data, "profileData", LONGEST_CONFIGURATION)


def checked_description(text: str | None) -> str | None:
    """Return a description. Raises InvalidValue."""
    return None if text is None else checked_text(text, "description", _LONGEST_DESCRIPTION)


def name_taken() -> NameTaken:
    """Return the refusal of a second profile with the same name."""
    return NameTaken("Tenant profile with such name already exists!", "/name")


def _checked(name: str, value: Any) -> Any:
    try:
        limits = msgspec.convert({name: value}, ProfileLimits)
        return limit_text(value) if isinstance(getattr(limits, _FIELDS[name]), str) else value
    except msgspec.ValidationError:
        expected = "a whole number from 0 on, 0 for any" if name.startswith("max") else "a text"
        raise InvalidValue(f"{name} must be {expected}, or null.", f"{_WHERE}/{name}") from None
    except ValueError as error:
        raise InvalidValue(f"{name} must be {error}.", f"{_WHERE}/{name}") from None


async def _check_name(store: TenantProfileStore, profile: TenantProfile) -> None:
    required_name(profile.name, "Tenant profile", "name")
    namesake = await store.profile_named(profile.name)
    if namesake is not None and namesake.id != profile.id:
        raise name_taken()


async def _record(
    store: TenantProfileStore, actor: Actor, profile: TenantProfile, action: str, more: dict[str, Any]
) -> None:
    data = {"entityId": profile.id, "name": profile.name} | more
    subject = Subject("TENANT_PROFILE", profile.id, profile.name)
    entry = audit_entry(store, actor, subject, action, now_ms=await store.now_ms(), data=data)
    await store.add_audit_entries([entry])


_FIELDS = {there: name for name, there in PROFILE_NAMES.items()}
