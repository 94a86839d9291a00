"""Devices that gateways bring along: they are made, with the gateway's owner as theirs, or adopted."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from deedbox.core.credential_kinds import CredentialsDraft
from deedbox.core.credentials import new_credentials
from deedbox.core.deeds import DeedStore, Opening, Reason, record_openings
from deedbox.core.device_changes import added_entry, changed_entry
from deedbox.core.device_profiles import (
    DeviceProfile,
    DeviceProfileStore,
    default_profile,
    profile_for_type,
)
from deedbox.core.devices import LONGEST_ADDITIONAL_INFO, Device, DeviceStore
from deedbox.core.errors import InvalidValue
from deedbox.core.keys import KeyRing
from deedbox.core.ownership import DeviceState
from deedbox.core.records import Actor, AuditEntry, Subject, audit_entry

#: Types of the relation that leads from a gateway to a device.
MADE, ADOPTED = "Created", "Manages"
LAST_GATEWAY = "lastConnectedGateway"


class ChildMaking(msgspec.Struct, frozen=True):
    """What making and changing a gateway's devices needs; `gateway` is locked."""

    devices: DeviceStore
    deeds: DeedStore
    profiles: DeviceProfileStore
    keys: KeyRing
    gateway: DeviceState

    @property
    def actor(self) -> Actor:
        """The gateway, as who did it."""
        it = self.gateway.device
        return Actor(it.tenant_id, it.customer_id, None, it.name)


async def make(making: ChildMaking, wishes: Mapping[str, str]) -> list[Device]:
    """Store new devices, name -> type, with access tokens of their own; their owner is the gateway's."""
    if not wishes:
        return []
    store, now_ms = making.devices, await making.devices.now_ms()
    profiles = {it: await _profile(making, it) for it in set(wishes.values())}
    info = msgspec.json.encode({LAST_GATEWAY: making.gateway.device.id}).decode()
    made = [_new(making, name, profiles[it], info, now_ms) for name, it in wishes.items()]
    await store.add_devices(made)
    tokens = [new_credentials(store, making.keys, it.id, CredentialsDraft(), now_ms) for it in made]
    await store.put_credentials(tokens)
    await store.add_audit_entries([added_entry(store, making.actor, it) for it in made])
    await _hand_over(making, made, now_ms)
    return made


def _new(making: ChildMaking, name: str, profile: DeviceProfile, info: str, now_ms: int) -> Device:
    return Device(
        id=making.devices.new_id(),
        tenant_id=making.actor.tenant_id,
        name=name,
        type=profile.name,
        label=None,
        profile_id=profile.id,
        additional_info=info,
        created_at=now_ms,
        version=1,
    )


async def note_adopted(making: ChildMaking, adopted: Sequence[DeviceState]) -> None:
    """Write into the audit log that the gateway took these devices under it."""
    store, now_ms = making.devices, await making.devices.now_ms()
    data: dict[str, Any] = {"gatewayId": making.gateway.device.id, "type": ADOPTED}
    await store.add_audit_entries(
        [
            audit_entry(store, making.actor, _subject(it), "RELATION_ADD_OR_UPDATE", now_ms=now_ms, data=data)
            for it in adopted
        ]
    )


async def note_gateway(making: ChildMaking, states: Sequence[DeviceState]) -> None:
    """Write down which gateway these devices were last connected by."""
    now_ms = await making.devices.now_ms()
    changed: list[Device] = []
    entries: list[AuditEntry] = []
    for state in states:
        after = _with_gateway(state.device, making.gateway.device.id)
        if after != state.device:
            changed.append(after)
            at = (state.epoch, now_ms)
            entries.append(changed_entry(making.devices, making.actor, state.device, after, at))
    if changed:
        await making.devices.change_devices(changed)
        await making.devices.add_audit_entries(entries)


def _with_gateway(device: Device, gateway_id: UUID) -> Device:
    info = msgspec.json.decode(device.additional_info) or {}
    if not isinstance(info, dict) or info.get(LAST_GATEWAY) == str(gateway_id):
        return device
    text = msgspec.json.encode(info | {LAST_GATEWAY: gateway_id}).decode()
    if len(text) > LONGEST_ADDITIONAL_INFO:
        return device
    return msgspec.structs.replace(device, additional_info=text, version=device.version + 1)


async def _hand_over(making: ChildMaking, made: Sequence[Device], now_ms: int) -> None:
    """Open the deeds of a gateway's owner over what the gateway has made."""
    deed, store = making.gateway.deed, making.deeds
    if deed is None:
        return
    openings = [
        Opening(store.new_id(), it.id, deed.customer_id, making.actor, Reason.MADE_BY_GATEWAY, now_ms)
        for it in made
    ]
    opened = await store.open_deeds(openings)
    await record_openings(
        store, [(o, it, deed.customer_title) for o, it in zip(openings, made, strict=True)], opened
    )


async def _profile(making: ChildMaking, type_name: str) -> DeviceProfile:
    """Return the profile of a type. A customer's gateway makes no profiles: others get the default one."""
    tenant_id = making.actor.tenant_id
    found = await making.profiles.profile_named(tenant_id, type_name) if type_name else None
    if found is None and type_name and making.gateway.deed is None:
        try:
            found = await profile_for_type(making.profiles, tenant_id, type_name)
        except InvalidValue:
            found = None
    return found or await default_profile(making.profiles, tenant_id)


def _subject(state: DeviceState) -> Subject:
    return Subject("DEVICE", state.device.id, state.device.name, state.epoch)
