"""Whether somebody may do something to a device, and how the refusal reads."""

from uuid import UUID

import msgspec
from msgspec import UNSET

from deedbox.core.access.lookup import GroupLookup, check_target, with_groups
from deedbox.core.deeds import DeedStore
from deedbox.core.devices import Device, DeviceDraft
from deedbox.core.errors import NotFound, NotPermitted
from deedbox.core.ownership import DeviceState
from deedbox.core.permissions import Operation, Principal, Resource, Target, may

#: What an owner can't change, with the names on the wire.
_TENANTS_FIELDS = {
    "name": "name",
    "type": "type",
    "profile_id": "deviceProfileId",
    "additional_info": "additionalInfo",
}


async def locked(
    deed_store: DeedStore, principal: Principal, operation: Operation, device_id: UUID
) -> DeviceState:
    """Lock a device and return its state, if the principal may do that to it.

    Raises NotFound for a device that its tenant does not have, NotPermitted.
    """
    state = (await deed_store.lock_devices([device_id])).get(device_id)
    if state is None:
        raise not_found(device_id)
    await check_device(deed_store, principal, operation, state.device)
    return state


async def check_device(
    store: GroupLookup, principal: Principal, operation: Operation, device: Device
) -> None:
    """Return when the principal may do that to the device. Raises NotFound, NotPermitted."""
    if device.tenant_id != principal.tenant_id:
        raise not_found(device.id)
    await check_target(store, principal, operation, target(device))


def target(device: Device) -> Target:
    """Return the device as permissions see it."""
    return Target(Resource.DEVICE, device.tenant_id, device.customer_id, device.id)


def not_found(device_id: UUID) -> NotFound:
    """Return the refusal of an id that the tenant has no device of."""
    return NotFound(f"Device with id [{device_id}] is not found")


async def check_may_change(
    store: GroupLookup, principal: Principal, before: Device, wanted: DeviceDraft
) -> None:
    """Check that the principal may change the device like this: an owner may change the label only.

    Raises NotFound, NotPermitted that names the first other field.
    """
    await check_device(store, principal, Operation.WRITE_LABEL, before)
    if may(principal, Operation.WRITE, await with_groups(store, principal, Operation.WRITE, target(before))):
        return
    for field, wire_name in _TENANTS_FIELDS.items():
        value = getattr(wanted, field)
        if value is not UNSET and value != _as_wanted(before, field):
            raise NotPermitted(
                f"You don't have permission to change '{wire_name}' of this device; "
                "its owner may change 'label'.",
                operation=str(Operation.WRITE),
                resource=str(Resource.DEVICE),
            )


def _as_wanted(device: Device, field: str) -> object:
    if field == "additional_info":
        value: object = msgspec.json.decode(device.additional_info)
        return value
    return getattr(device, field)
