"""Limits on what devices send as JSON, under the names that the reference server's tenant profiles use."""

import msgspec
from msgspec import UNSET, UnsetType

from deedbox.api.shapes.entities import Wire
from deedbox.core.device_limits import DeviceLimits, TenantLimits
from deedbox.core.tenant_profiles import WIRE_NAMES


class DeviceLimitsShape(msgspec.Struct, rename=WIRE_NAMES, frozen=True):
    """Limits that count; an empty text is no limit."""

    tenant_messages: str
    tenant_telemetry_messages: str
    tenant_telemetry_data_points: str
    device_messages: str
    device_telemetry_messages: str
    device_telemetry_data_points: str
    gateway_messages: str
    gateway_telemetry_messages: str
    gateway_telemetry_data_points: str
    gateway_device_messages: str
    gateway_device_telemetry_messages: str
    gateway_device_telemetry_data_points: str


class TenantLimitsShape(msgspec.Struct, rename=WIRE_NAMES | {"in_force": "inForce"}, frozen=True):
    """A tenant's own limits, null where its profile's count; and `inForce`, what counts."""

    tenant_messages: str | None
    tenant_telemetry_messages: str | None
    tenant_telemetry_data_points: str | None
    device_messages: str | None
    device_telemetry_messages: str | None
    device_telemetry_data_points: str | None
    gateway_messages: str | None
    gateway_telemetry_messages: str | None
    gateway_telemetry_data_points: str | None
    gateway_device_messages: str | None
    gateway_device_telemetry_messages: str | None
    gateway_device_telemetry_data_points: str | None
    in_force: DeviceLimitsShape


class TenantLimitsSaveShape(Wire, rename=WIRE_NAMES):
    """Limits to be set: `COUNT:SECONDS` pairs; empty: no limit, null: the profile's, absent: as it was."""

    tenant_messages: str | UnsetType | None = UNSET
    tenant_telemetry_messages: str | UnsetType | None = UNSET
    tenant_telemetry_data_points: str | UnsetType | None = UNSET
    device_messages: str | UnsetType | None = UNSET
    device_telemetry_messages: str | UnsetType | None = UNSET
    device_telemetry_data_points: str | UnsetType | None = UNSET
    gateway_messages: str | UnsetType | None = UNSET
    gateway_telemetry_messages: str | UnsetType | None = UNSET
    gateway_telemetry_data_points: str | UnsetType | None = UNSET
    gateway_device_messages: str | UnsetType | None = UNSET
    gateway_device_telemetry_messages: str | UnsetType | None = UNSET
    gateway_device_telemetry_data_points: str | UnsetType | None = UNSET


def tenant_limits_shape(own: TenantLimits, counting: DeviceLimits) -> TenantLimitsShape:
    """Return the wire form of a tenant's own limits and of those that count for it."""
    in_force = DeviceLimitsShape(**{name: getattr(counting, name) for name in WIRE_NAMES})
    return TenantLimitsShape(**msgspec.structs.asdict(own), in_force=in_force)


def wanted_limits(it: TenantLimitsSaveShape) -> dict[str, str | None]:
    """Return what the body names."""
    fields = msgspec.structs.asdict(it)
    return {name: text for name, text in fields.items() if text is not UNSET}
