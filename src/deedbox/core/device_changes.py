"""Making, changing and deleting devices. Ownership changes by deeds only, never by what is changed here."""

from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from deedbox.core import deeds
from deedbox.core.credential_kinds import CredentialsDraft, checked
from deedbox.core.credentials import (
    Credentials,
    change_credentials,
    check_free,
    credentials_of,
    new_credentials,
)
from deedbox.core.deeds import DeedStore, Reason
from deedbox.core.device_access import check_may_change, not_found
from deedbox.core.device_names import Uniquify, free_name
from deedbox.core.device_profiles import (
    DeviceProfile,
    DeviceProfileStore,
    default_profile,
    profile_for_type,
)
from deedbox.core.device_quotas import check_room
from deedbox.core.devices import (
    Device,
    DeviceDraft,
    DeviceStore,
    checked_additional_info,
    checked_label,
    checked_name,
)
from deedbox.core.errors import InvalidValue, VersionConflict
from deedbox.core.ids import IdSource
from deedbox.core.keys import KeyRing
from deedbox.core.ownership import DeviceState
from deedbox.core.permissions import Principal
from deedbox.core.records import Actor, AuditEntry, Event, Subject, audit_entry, json_text


class DeviceMaking(msgspec.Struct, frozen=True):
    """What making and changing devices needs: stores of one transaction, the keys, and who does it."""

    devices: DeviceStore
    profiles: DeviceProfileStore
    keys: KeyRing
    actor: Actor


async def create(
    making: DeviceMaking,
    wanted: DeviceDraft,
    credentials: CredentialsDraft | None = None,
    uniquify: Uniquify | None = None,
) -> Device:
    """Store a new device with its credentials; without a draft of them it gets an access token.

    Raises InvalidValue, naming the field; NameTaken, unless `uniquify` says what to do about it;
    LimitReached when the tenant has as many devices as it may.
    """
    store, keys, actor = making.devices, making.keys, making.actor
    name = await free_name(store, actor.tenant_id, checked_name(wanted.name), None, uniquify)
    label, additional_info = checked_label(_given(wanted.label)), checked_info(_given(wanted.additional_info))
    draft = checked(credentials or CredentialsDraft())
    profile = await _profile(making, wanted) or await default_profile(making.profiles, actor.tenant_id)
    device = Device(
        id=store.new_id(),
        tenant_id=actor.tenant_id,
        name=name,
        type=profile.name,
        label=label,
        profile_id=profile.id,
        additional_info=additional_info,
        created_at=await store.now_ms(),
        version=1,
    )
    await check_free(store, keys, {device.id: draft})
    await check_room(store, actor.tenant_id)
    await store.add_devices([device])
    await store.put_credentials([new_credentials(store, keys, device.id, draft, device.created_at)])
    await _note_shown(making, device.id)
    await store.add_audit_entries([added_entry(store, actor, device)])
    return device


async def change(
    making: DeviceMaking,
    principal: Principal,
    state: DeviceState,
    wanted: DeviceDraft,
    uniquify: Uniquify | None = None,
) -> Device:
    """Change a locked device as far as the principal may: a tenant all, an owner the label.

    Raises NotFound, NotPermitted that names the field, VersionConflict, InvalidValue, NameTaken.
    """
    store, before = making.devices, state.device
    await check_may_change(store, principal, before, wanted)
    if wanted.version not in (None, before.version):
        raise VersionConflict
    after = await _changed(making, before, wanted, uniquify)
    if after == before:
        return before
    after = msgspec.structs.replace(after, version=before.version + 1)
    if after.label != before.label:
        await _note_whose_label(store, principal, before.id)
    await store.change_devices([after])
    entry = changed_entry(store, making.actor, before, after, (state.epoch, await store.now_ms()))
    await store.add_audit_entries([entry])
    return after


async def _note_whose_label(store: DeviceStore, principal: Principal, device_id: UUID) -> None:
    """What an owner writes ends with the deed (behaviour §5.3); what the tenant writes stays."""
    if principal.customer_id is None:
        await store.drop_kept_label(device_id)
    else:
        await store.keep_label(device_id)


async def replace_credentials(
    making: DeviceMaking, state: DeviceState, wanted: CredentialsDraft, version: int | None
) -> Credentials:
    """Replace a locked device's credentials; the old ones stop working with the commit.

    Raises InvalidValue, VersionConflict.
    """
    after = await change_credentials(making.devices, making.keys, state.device.id, wanted, version)
    await _note_shown(making, state.device.id)
    await _record_credentials(making, state, after, "CREDENTIALS_UPDATED")
    return after


async def read_credentials(making: DeviceMaking, state: DeviceState) -> Credentials:
    """Return a locked device's credentials in the clear, and write down who read them. Raises NotFound."""
    found = await credentials_of(making.devices, making.keys, state.device.id)
    if found is None:
        raise not_found(state.device.id)
    await _note_shown(making, state.device.id)
    await _record_credentials(making, state, found, "CREDENTIALS_READ")
    return found


async def _note_shown(making: DeviceMaking, device_id: UUID) -> None:
    """Have credentials that a customer knows replaced when the ownership ends (behaviour §5.5)."""
    if making.actor.customer_id is not None:
        await making.devices.note_credentials_shown(device_id)


async def delete(making: DeviceMaking, deed_store: DeedStore, state: DeviceState) -> None:
    """Delete a locked device; its deed is closed first and its history stays in the ledger.

    What the device said is unreachable at once and deleted in pieces afterwards (`forget_values`).
    """
    store, actor, device = making.devices, making.actor, state.device
    await deeds.close(deed_store, [state], actor, Reason.DEVICE_DELETED, making.keys)
    now_ms = await store.now_ms()
    epoch = state.epoch + (state.deed is not None)
    await store.remove_device(device)
    subject = Subject("DEVICE", device.id, device.name, epoch)
    data: dict[str, Any] = {"entityId": device.id}
    await store.add_audit_entries([audit_entry(store, actor, subject, "DELETED", now_ms=now_ms, data=data)])
    text = json_text({"deviceName": device.name})
    kind = "device.deleted"
    await store.add_events([Event(store.new_id(), device.tenant_id, device.id, epoch, kind, text, now_ms)])


def checked_info(value: object) -> str:
    """Return additional info as JSON text, `{}` for none. Raises InvalidValue for what is no object."""
    if value is not None and not isinstance(value, dict):
        raise InvalidValue(
            'additionalInfo must be a JSON object, as {"description": "..."}.', "/additionalInfo"
        )
    return checked_additional_info(value or {})


def added_entry(ids: IdSource, actor: Actor, device: Device) -> AuditEntry:
    """Return the audit entry of a new device."""
    subject = Subject("DEVICE", device.id, device.name)
    data: dict[str, Any] = {"entity": _shown(device)}
    return audit_entry(ids, actor, subject, "ADDED", now_ms=device.created_at, data=data)


def changed_entry(
    ids: IdSource, actor: Actor, before: Device, after: Device, at: tuple[int, int]
) -> AuditEntry:
    """Return the audit entry of a change, with the fields that it changed; `at`: epoch, epoch ms."""
    old, new = _shown(before), _shown(after)
    changed = {key: value for key, value in new.items() if key == "id" or value != old[key]}
    subject = Subject("DEVICE", after.id, after.name, at[0])
    return audit_entry(ids, actor, subject, "UPDATED", now_ms=at[1], data={"entity": changed})


async def _changed(
    making: DeviceMaking, before: Device, wanted: DeviceDraft, uniquify: Uniquify | None
) -> Device:
    after = before
    if wanted.name is not UNSET and wanted.name != before.name:
        name = checked_name(wanted.name)
        free = await free_name(making.devices, before.tenant_id, name, before.id, uniquify)
        after = msgspec.structs.replace(after, name=free)
    if wanted.label is not UNSET:
        after = msgspec.structs.replace(after, label=checked_label(wanted.label))
    if wanted.additional_info is not UNSET:
        after = msgspec.structs.replace(after, additional_info=checked_info(wanted.additional_info))
    profile = await _profile(making, wanted)
    if profile is not None:
        after = msgspec.structs.replace(after, profile_id=profile.id, type=profile.name)
    return after


async def _profile(making: DeviceMaking, wanted: DeviceDraft) -> DeviceProfile | None:
    profile_id, type_name = _given(wanted.profile_id), _given(wanted.type)
    tenant_id = making.actor.tenant_id
    if profile_id is not None:
        return await _existing_profile(making.profiles, tenant_id, profile_id)
    return await profile_for_type(making.profiles, tenant_id, type_name) if type_name else None


async def _existing_profile(store: DeviceProfileStore, tenant_id: UUID, profile_id: UUID) -> DeviceProfile:
    profile = await store.profile(tenant_id, profile_id)
    if profile is None:
        raise InvalidValue("Device is referencing non existing device profile!", "/deviceProfileId")
    return profile


def _given(value: Any) -> Any:
    return None if isinstance(value, UnsetType) else value


def _shown(device: Device) -> dict[str, Any]:
    return {
        "id": device.id,
        "name": device.name,
        "type": device.type,
        "label": device.label,
        "additionalInfo": msgspec.Raw(device.additional_info.encode()),
    }


async def _record_credentials(
    making: DeviceMaking, state: DeviceState, credentials: Credentials, action: str
) -> None:
    store, device = making.devices, state.device
    subject = Subject("DEVICE", device.id, device.name, state.epoch)
    # What they are, and what they were before, are secrets.
    data: dict[str, Any] = {"entityId": device.id, "credentialsType": credentials.kind}
    now_ms = await store.now_ms()
    entry = audit_entry(store, making.actor, subject, action, now_ms=now_ms, data=data)
    await store.add_audit_entries([entry])
