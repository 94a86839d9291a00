"""Limits on what devices send as JSON, under the names that the reference server's tenant profiles use."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from deedbox.api.shapes.entities import Wire
from deedbox.core.device_limits import DeviceLimits, TenantLimits

#: Field of the core -> name on the wire.
WIRE_NAMES = {
    "tenant_messages": "transportTenantMsgRateLimit",
    "tenant_telemetry_messages": "transportTenantTelemetryMsgRateLimit",
    "tenant_telemetry_data_points": "transportTenantTelemetryDataPointsRateLimit",
    "device_messages": "transportDeviceMsgRateLimit",
    "device_telemetry_messages": "transportDeviceTelemetryMsgRateLimit",
    "device_telemetry_data_points": "transportDeviceTelemetryDataPointsRateLimit",
}


class DeviceLimitsShape(msgspec.Struct, rename=WIRE_NAMES, frozen=True):
    """Limits that count; an empty text is no limit."""

    tenant_messages: str
    tenant_telemetry_messages: str
    tenant_telemetry_data_points: str
    device_messages: str
    device_telemetry_messages: str
    device_telemetry_data_points: str


class TenantLimitsShape(msgspec.Struct, rename=WIRE_NAMES | {"in_force": "inForce"}, frozen=True):
    """A tenant's own limits, null where the deployment's count; and `inForce`, what counts."""

    tenant_messages: str | None
    tenant_telemetry_messages: str | None
    tenant_telemetry_data_points: str | None
    device_messages: str | None
    device_telemetry_messages: str | None
    device_telemetry_data_points: str | None
    in_force: DeviceLimitsShape


class TenantLimitsSaveShape(Wire, rename=WIRE_NAMES):
    """Limits to be set: `COUNT:SECONDS` pairs; empty: no limit, null: the deployment's, absent: as it was."""

    tenant_messages: str | UnsetType | None = UNSET
    tenant_telemetry_messages: str | UnsetType | None = UNSET
    tenant_telemetry_data_points: str | UnsetType | None = UNSET
    device_messages: str | UnsetType | None = UNSET
    device_telemetry_messages: str | UnsetType | None = UNSET
    device_telemetry_data_points: str | UnsetType | None = UNSET


def tenant_limits_shape(own: TenantLimits, counting: DeviceLimits) -> TenantLimitsShape:
    """Return the wire form of a tenant's own limits and of those that count for it."""
    in_force = DeviceLimitsShape(**msgspec.structs.asdict(counting))
    return TenantLimitsShape(**msgspec.structs.asdict(own), in_force=in_force)


def profile_limits(limits: DeviceLimits) -> dict[str, Any]:
    """Return limits as they stand in a tenant profile's configuration: null for none."""
    return {WIRE_NAMES[name]: text or None for name, text in msgspec.structs.asdict(limits).items()}


def wanted_limits(it: TenantLimitsSaveShape) -> dict[str, str | None]:
    """Return what the body names."""
    fields = msgspec.structs.asdict(it)
    return {name: text for name, text in fields.items() if text is not UNSET}
