"""Devices that provision themselves: with the key and secret of their profile they get their own credentials.

A strategy makes new devices, or hands out the credentials of devices that the tenant made before, once each.
Provisioning gives nobody an owner: claiming follows.
"""

import hmac
from enum import StrEnum
from typing import Any, Protocol, cast
from uuid import UUID

import msgspec

from deedbox.core import device_changes
from deedbox.core.attempts import AttemptStore
from deedbox.core.credential_kinds import CredentialsDraft, CredentialsKind
from deedbox.core.credentials import Credentials, credentials_of, new_token
from deedbox.core.deeds import DeedStore
from deedbox.core.device_changes import DeviceMaking
from deedbox.core.device_profiles import DeviceProfileStore
from deedbox.core.devices import DeviceDraft, DeviceStore, checked_name
from deedbox.core.errors import InvalidValue, LimitReached, NameTaken
from deedbox.core.keys import KeyRing
from deedbox.core.ownership import DeviceState
from deedbox.core.provision_attempts import ProvisioningPolicy, is_news, spend, wait_of
from deedbox.core.provision_settings import (
    ProvisionSettings,
    ProvisionSettingsStore,
    Strategy,
    key_digests,
    opened,
)
from deedbox.core.records import Actor, Event, Subject, audit_entry, json_text

#: Who did it, in the audit log.
_ACTOR = "Device provisioning"


class ProvisionRequest(msgspec.Struct, frozen=True):
    """What a device asks for. `credentials` None: an access token is made up."""

    device_key: str
    device_secret: str
    device_name: str = ""
    credentials: CredentialsDraft | None = None
    is_gateway: bool = False
    source_address: str = ""

    def __repr__(self) -> str:
        return f"ProvisionRequest({self.device_name!r})"  # never the secrets: representations end in logs


class Status(StrEnum):
    """How it went; the names are on the wire."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    NOT_FOUND = "NOT_FOUND"


class Provisioned(msgspec.Struct, frozen=True):
    """How it went. `wait_ms`: too many wrong keys came from this address, for so long nothing is tried."""

    status: Status
    credentials: Credentials | None = None
    wait_ms: int = 0


class ProvisioningStore(ProvisionSettingsStore, AttemptStore, Protocol):
    """What provisioning needs, inside one transaction."""

    async def mark_provisioned(self, device_id: UUID) -> bool:
        """Set the device's `provisionState` to `provisioned`; False when it is that already."""
        ...


class Provisioning(msgspec.Struct, frozen=True):
    """Stores of one transaction, the keys and the policy."""

    store: ProvisioningStore
    devices: DeviceStore
    deeds: DeedStore
    profiles: DeviceProfileStore
    keys: KeyRing
    policy: ProvisioningPolicy


class FoundProfile(msgspec.Struct, frozen=True):
    """The profile that a device belongs to, by what it knows or shows."""

    id: UUID
    tenant_id: UUID
    settings: ProvisionSettings


class Failed(Exception):
    """A right key and secret, and yet nothing came of it; the reason is for the tenant only."""


async def is_right(store: ProvisionSettingsStore, keys: KeyRing, request: ProvisionRequest) -> bool:
    """Tell whether a profile has this key with this secret: nothing is decided yet."""
    return await _found(store, keys, request) is not None


async def refuse(parts: Provisioning, request: ProvisionRequest) -> Provisioned:
    """Spend an attempt on a wrong key or secret; which of both it is, nobody is told."""
    wait_ms = await spend(parts.store, parts.policy, request.source_address, request.device_key)
    return Provisioned(Status.FAILURE if wait_ms else Status.NOT_FOUND, wait_ms=wait_ms)


async def provision(parts: Provisioning, request: ProvisionRequest) -> Provisioned:
    """Give a device credentials, as the strategy of its profile says.

    Needs a transaction that nobody writes beside. What stood against it is in the audit log.
    """
    found = await _found(parts.store, parts.keys, request)
    if found is None:
        return await refuse(parts, request)
    wait_ms = await wait_of(parts.store, parts.policy, request.source_address, request.device_key)
    if wait_ms:
        return Provisioned(Status.FAILURE, wait_ms=wait_ms)
    case = _SecretCase(parts, request, found)
    try:
        return Provisioned(Status.SUCCESS, await case.carry_out())
    except Failed as failure:
        await case.note_failure(str(failure))
        return Provisioned(Status.FAILURE)


class Case:
    """One device that is about to get credentials, and what its tenant is told of it."""

    def __init__(self, parts: Provisioning, request: ProvisionRequest, profile: FoundProfile) -> None:
        self.parts, self.request, self.profile = parts, request, profile
        self.name = _name_of(request)
        actor = Actor(profile.tenant_id, None, None, _ACTOR, request.source_address)
        self.making = DeviceMaking(parts.devices, parts.profiles, parts.keys, actor)

    async def note_failure(self, reason: str) -> None:
        """Tell the tenant, once in a window for each name: a device may ask again and again."""
        if not await is_news(self.parts.store, self.parts.policy, f"{self.profile.id} {self.name}"):
            return
        state = await self.state()
        subject = Subject("DEVICE", None, self.name) if state is None else subject_of(state)
        await self._record(subject, "PROVISION_FAILURE", {}, failure=reason)
        await self._tell(subject, "device.provisioning_failed", {"reason": reason.replace(" ", "_")})

    async def new_device(self) -> Subject:
        """Make the device, in its profile. Raises Failed."""
        info = {"gateway": True} if self.request.is_gateway else {}
        name = self.name or new_token(self.parts.devices)
        draft = DeviceDraft(name=name, profile_id=self.profile.id, additional_info=info)
        try:
            device = await device_changes.create(self.making, draft, self.request.credentials)
        except NameTaken:
            raise Failed("name taken") from None
        except InvalidValue:
            raise Failed("bad credentials") from None
        except LimitReached:
            raise Failed("too many devices") from None

        return Subject("DEVICE", device.id, device.name)

    async def state(self) -> DeviceState | None:
        """Return the device of that name, locked."""
        ids = await self.parts.devices.device_ids_named(self.profile.tenant_id, [self.name])
        states = await self.parts.deeds.lock_devices(list(ids.values()))
        return next(iter(states.values()), None)

    async def note(self, subject: Subject, kind: CredentialsKind) -> None:
        """Tell the tenant that the device has credentials of that kind by now."""
        data = {"entityId": subject.entity_id, "credentialsType": kind}
        await self._record(subject, "PROVISION_SUCCESS", data | self._strategy())
        await self._tell(subject, "device.provisioned", self._strategy())

    def _strategy(self) -> dict[str, Any]:
        return {"provisionType": self.profile.settings.strategy}

    async def _record(self, subject: Subject, action: str, data: dict[str, Any], failure: str = "") -> None:
        store, now_ms = self.parts.store, await self.parts.store.now_ms()
        entry = audit_entry(
            store, self.making.actor, subject, action, now_ms=now_ms, failure=failure, data=data
        )
        await store.add_audit_entries([entry])

    async def _tell(self, subject: Subject, kind: str, data: dict[str, Any]) -> None:
        store, now_ms = self.parts.store, await self.parts.store.now_ms()
        text = json_text({"deviceName": subject.name} | data)
        event = Event(
            store.new_id(), self.profile.tenant_id, subject.entity_id, subject.epoch, kind, text, now_ms
        )
        await store.add_events([event])


class _SecretCase(Case):
    """One device that knows the key and the secret of a profile."""

    async def carry_out(self) -> Credentials:
        """Return the credentials that the device has from now on. Raises Failed."""
        if self.request.device_name and not self.name:
            raise Failed("bad name")
        if self.profile.settings.strategy is Strategy.ALLOW_CREATE_NEW_DEVICES:
            subject = await self.new_device()
        else:
            subject = await self._device_made_before()
        device_id = cast(UUID, subject.entity_id)
        if not await self.parts.store.mark_provisioned(device_id):
            raise Failed("provisioned before")
        credentials = await credentials_of(self.parts.devices, self.parts.keys, device_id)
        if credentials is None:
            raise Failed("unknown device")
        await self.note(subject, credentials.kind)
        return credentials

    async def _device_made_before(self) -> Subject:
        state = await self.state()
        if state is None or state.device.profile_id != self.profile.id:
            raise Failed("unknown device")
        return subject_of(state)


async def _found(
    store: ProvisionSettingsStore, keys: KeyRing, request: ProvisionRequest
) -> FoundProfile | None:
    """Return the profile with this key and this secret, None for a wrong one of either."""
    for stored in await store.settings_by_key(key_digests(keys, request.device_key)):
        settings = opened(stored, keys)
        if _same(settings.device_secret or "", request.device_secret):
            return FoundProfile(stored.profile_id, stored.tenant_id, settings)
    return None


def _same(stored: str, presented: str) -> bool:
    return hmac.compare_digest(
        stored.encode("utf-8", "surrogatepass"), presented.encode("utf-8", "surrogatepass")
    )


def _name_of(request: ProvisionRequest) -> str:
    """Return the name that a device wants to have; empty for none, and for one that no device can have."""
    try:
        return checked_name(request.device_name.strip())
    except InvalidValue:
        return ""


def subject_of(state: DeviceState) -> Subject:
    """Return a device as records name it."""
    return Subject("DEVICE", state.device.id, state.device.name, state.epoch)
