"""Devices as JSON."""

from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from deedbox.api.shapes.entities import EntityId, Wire, json_value, reference
from deedbox.core.devices import Device, DeviceDraft, DeviceInfo
from deedbox.core.ids import NULL_ID


class DeviceShape(Wire):
    """A device as clients of the reference server know it; `customerId` is the owner."""

    id: EntityId
    created_time: int
    tenant_id: EntityId
    customer_id: EntityId
    owner_id: EntityId
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


class DeviceInfoShape(DeviceShape, kw_only=True):
    """A device with what lists show beside it."""

    customer_title: str | None
    customer_is_public: bool
    owner_name: str | None
    device_profile_name: str
    active: bool
    groups: list[EntityId] = msgspec.field(default_factory=list)


class IdShape(Wire):
    """A reference as clients send it, with or without `entityType`."""

    id: UUID


class DeviceSaveShape(Wire):
    """A device to be made (without `id`) or changed; absent fields stay as they are.

    `customerId` counts for a new device only, which that customer then owns; an owner changes by assignment.
    """

    id: IdShape | None = None
    tenant_id: IdShape | None = None
    customer_id: IdShape | None = None
    name: str | UnsetType | None = UNSET
    type: str | UnsetType | None = UNSET
    label: str | UnsetType | None = UNSET
    device_profile_id: IdShape | UnsetType | None = UNSET
    additional_info: Any | UnsetType = UNSET
    version: int | None = None


class EntitySubtypeShape(Wire):
    """A device type."""

    tenant_id: EntityId
    type: str
    entity_type: str = "DEVICE"


_DEVICE_DATA = {"configuration": {"type": "DEFAULT"}, "transportConfiguration": {"type": "DEFAULT"}}


def device_shape(it: Device) -> DeviceShape:
    """Return the wire form of a device."""
    return DeviceShape(**_fields(it))


def device_info_shape(it: DeviceInfo) -> DeviceInfoShape:
    """Return the wire form of a device with what lists show beside it."""
    return DeviceInfoShape(
        **_fields(it),
        customer_title=it.customer_title,
        customer_is_public=it.customer_is_public,
        owner_name=it.customer_title,
        device_profile_name=it.type,
        active=it.active,
    )


def device_draft(it: DeviceSaveShape) -> DeviceDraft:
    """Return what the body wants. A profile or type that is null or empty leaves it as it is."""
    profile_id = referred_id(None if it.device_profile_id is UNSET else it.device_profile_id)
    return DeviceDraft(
        name=it.name,
        type=it.type or UNSET,
        label=it.label,
        profile_id=UNSET if profile_id is None else profile_id,
        additional_info=it.additional_info,
        version=it.version,
    )


def referred_id(it: IdShape | UnsetType | None) -> UUID | None:
    """Return the id that a reference names, None for none and for the null id."""
    return it.id if isinstance(it, IdShape) and it.id != NULL_ID else None


def _fields(it: Device) -> dict[str, Any]:
    return {
        "id": reference("DEVICE", it.id),
        "created_time": it.created_at,
        "tenant_id": reference("TENANT", it.tenant_id),
        "customer_id": reference("CUSTOMER", it.customer_id),
        "owner_id": reference("CUSTOMER", it.customer_id)
        if it.customer_id
        else reference("TENANT", it.tenant_id),
        "name": it.name,
        "type": it.type,
        "label": it.label,
        "device_profile_id": reference("DEVICE_PROFILE", it.profile_id),
        "device_data": _DEVICE_DATA,
        "version": it.version,
        "additional_info": json_value(it.additional_info),
    }
