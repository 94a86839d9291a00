"""Devices as JSON."""

from typing import Any
from uuid import UUID

from deedbox.api.shapes.entities import EntityId, Wire, json_value, reference
from deedbox.core.devices import Device


class DeviceShape(Wire):
    """A device as clients of the reference server know it; `customerId` is the owner."""

    id: EntityId
    created_time: int
    tenant_id: EntityId
    customer_id: EntityId
    name: str
    type: str
    label: str | None
    device_profile_id: EntityId
    device_data: dict[str, Any]
    version: int
    additional_info: Any
    firmware_id: EntityId | None = None
    software_id: EntityId | None = None
    external_id: UUID | None = None


_DEVICE_DATA = {"configuration": {"type": "DEFAULT"}, "transportConfiguration": {"type": "DEFAULT"}}


def device_shape(it: Device) -> DeviceShape:
    """Return the wire form of a device."""
    return DeviceShape(
        id=reference("DEVICE", it.id),
        created_time=it.created_at,
        tenant_id=reference("TENANT", it.tenant_id),
        customer_id=reference("CUSTOMER", it.customer_id),
        name=it.name,
        type=it.type,
        label=it.label,
        device_profile_id=reference("DEVICE_PROFILE", it.profile_id),
        device_data=_DEVICE_DATA,
        version=it.version,
        additional_info=json_value(it.additional_info),
    )
