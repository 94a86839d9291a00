"""Claim windows: a device's offer to be claimed, opened by the device or by its tenant (behaviour §2, §3).

Windows are rows, one per device and kind, so they survive a restart and no number of them evicts another.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.errors import InvalidValue, NotFound
from deedbox.core.keys import KeyRing
from deedbox.core.ownership import ClaimPolicy, DeviceState, WindowKind
from deedbox.core.records import Actor, AuditEntry, Event, RecordStore, Subject, audit_entry, json_text

LONGEST_SECRET_KEY = 256


class NewWindow(msgspec.Struct, frozen=True):
    """A window to be opened or replaced. `ciphertext` is kept where the tenant may read the key again."""

    device_id: UUID
    kind: WindowKind
    digest: bytes
    expires_at: int
    opened_at: int
    ciphertext: bytes | None = None


class WindowStore(Protocol):
    """Rows of windows, inside one transaction."""

    async def open_windows(self, windows: Sequence[NewWindow]) -> Collection[UUID]:
        """Open or replace windows; announced ones only where no deed is open and nothing blocks.

        Return the devices whose window is open now. No two of `windows` name the same device and kind.
        """
        ...

    async def drop_windows(self, device_ids: Collection[UUID]) -> None:
        """Delete all windows of these devices."""
        ...

    async def drop_announced_windows(self, device_ids: Collection[UUID]) -> None:
        """Delete the windows that these devices announced."""
        ...

    async def drop_window(self, device_id: UUID, kind: WindowKind) -> bool:
        """Delete one window; tell whether there was one."""
        ...

    async def lapse_windows(self, device_ids: Collection[UUID], now_ms: int) -> None:
        """Mark windows that expired before `now_ms`: they stay shut even if the clock steps back."""
        ...


class OfferTerms(msgspec.Struct, frozen=True, gc=False):
    """What a device's tenant and profile say about offers; `allow_by_default` None: neither says anything."""

    allow_by_default: bool | None
    forbids_empty_keys: bool


class AnnounceStore(WindowStore, RecordStore, Protocol):
    """What announcing needs."""

    async def now_ms(self) -> int:
        """Return the moment that decides, in epoch milliseconds."""
        ...

    async def lock_offering_devices(self, device_ids: Collection[UUID]) -> Mapping[UUID, OfferTerms]:
        """Lock these devices' rows in id order; unknown ids are left out."""
        ...

    async def lock_devices(self, device_ids: Collection[UUID]) -> Mapping[UUID, DeviceState]:
        """Lock these devices' rows in id order and return their states."""
        ...

    async def note_refused_announcements(self, refused: Sequence[tuple[UUID, int, str]]) -> Collection[UUID]:
        """Remember refusals (device, epoch, reason), each device once.

        Return the devices for which this reason is new in this epoch (one event per state).
        """
        ...


class Announcement(msgspec.Struct, frozen=True):
    """A device's claim message. `duration_ms` 0 or negative means the default."""

    device_id: UUID
    secret_key: str = ""
    duration_ms: int = 0

    def __repr__(self) -> str:
        return f"Announcement({self.device_id})"  # never the secret key


class Refused(StrEnum):
    """Why a device's offer was not taken; the values are on the wire (behaviour §2.5)."""

    OWNED = "owned"
    BLOCKED = "blocked"
    NOT_ALLOWED = "not_allowed"


class Announced(msgspec.Struct, frozen=True):
    """The answer to an announcement: `refused`, or open until `expires_at` (`clamped`: sooner than asked)."""

    refused: Refused | None = None
    expires_at: int = 0
    clamped: bool = False


async def announce(
    announcements: Sequence[Announcement], store: AnnounceStore, keys: KeyRing, policy: ClaimPolicy
) -> list[Announced]:
    """Open windows for devices that offer themselves; the newest message of a device wins.

    The keys passed `check_secret_key`. Raises NotFound, changing nothing, when a device is not there:
    it may have been deleted since its transport authenticated it.
    """
    now_ms = await store.now_ms()
    newest = {it.device_id: it for it in announcements}
    terms = await store.lock_offering_devices(newest)
    if len(terms) < len(newest):
        raise NotFound
    # Nearly always nothing stands against an offer; if something does, the guarded statement leaves it out.
    granted = [_granted(it, now_ms, policy) for it in announcements]
    doubtful = {it.device_id for it in announcements if not _is_welcome(it, terms[it.device_id], policy)}
    hopeful = [it for device_id, it in newest.items() if not doubtful or device_id not in doubtful]
    opened = await store.open_windows([_window(it, keys, now_ms, policy) for it in hopeful])
    if len(opened) == len(newest):
        return granted
    left = [it for it in announcements if it.device_id not in opened]
    decided = iter(await _decide(left, store, keys, policy, now_ms))
    pairs = zip(announcements, granted, strict=True)
    return [answer if it.device_id in opened else next(decided) for it, answer in pairs]


async def _decide(
    announcements: Sequence[Announcement],
    store: AnnounceStore,
    keys: KeyRing,
    policy: ClaimPolicy,
    now_ms: int,
) -> list[Announced]:
    """Decide about offers by all that is known of their devices, which are locked; tell the tenants."""
    states = await store.lock_devices({it.device_id for it in announcements})
    answers = [_answer(it, states[it.device_id], now_ms, policy) for it in announcements]
    pairs = zip(announcements, answers, strict=True)
    newest = {it.device_id: it for it, answer in pairs if answer.refused is None}
    await store.open_windows([_window(it, keys, now_ms, policy) for it in newest.values()])
    await _tell_tenant(announcements, answers, states, store, now_ms)
    return answers


def _window(it: Announcement, keys: KeyRing, now_ms: int, policy: ClaimPolicy) -> NewWindow:
    return NewWindow(
        device_id=it.device_id,
        kind=WindowKind.ANNOUNCED,
        digest=keys.digest(it.device_id, it.secret_key),
        expires_at=_granted(it, now_ms, policy).expires_at,
        opened_at=now_ms,
    )


def check_secret_key(secret_key: str) -> str:
    """Return the key. Raises InvalidValue, which does not repeat it, when it is too long."""
    if len(secret_key) > LONGEST_SECRET_KEY:
        raise InvalidValue(
            f"secretKey has {len(secret_key)} characters; at most {LONGEST_SECRET_KEY} are accepted.",
            "/secretKey",
        )
    return secret_key


def _answer(it: Announcement, state: DeviceState, now_ms: int, policy: ClaimPolicy) -> Announced:
    refused = _refusal(it, state, policy)
    return _granted(it, now_ms, policy) if refused is None else Announced(refused)


def _granted(it: Announcement, now_ms: int, policy: ClaimPolicy) -> Announced:
    asked_ms = it.duration_ms if it.duration_ms > 0 else policy.duration_ms
    granted_ms = min(asked_ms, policy.max_duration_ms)
    return Announced(expires_at=now_ms + granted_ms, clamped=granted_ms < asked_ms)


def _is_welcome(it: Announcement, terms: OfferTerms, policy: ClaimPolicy) -> bool:
    """Tell whether only an owner or a block can stand against an offer."""
    allowed = policy.allow_by_default if terms.allow_by_default is None else terms.allow_by_default
    return allowed and (bool(it.secret_key) or not terms.forbids_empty_keys)


def _refusal(it: Announcement, state: DeviceState, policy: ClaimPolicy) -> Refused | None:
    if state.deed is not None:
        return Refused.OWNED
    if state.blocked:
        return Refused.BLOCKED
    if not state.announcing_allowed(policy) or (not it.secret_key and state.forbids_empty_keys):
        return Refused.NOT_ALLOWED
    return None


async def _tell_tenant(
    announcements: Sequence[Announcement],
    answers: Sequence[Announced],
    states: Mapping[UUID, DeviceState],
    store: AnnounceStore,
    now_ms: int,
) -> None:
    """Leave one audit entry and one event per new state of refusal: firmware repeats itself at every boot."""
    reasons = {
        it.device_id: answer.refused
        for it, answer in zip(announcements, answers, strict=True)
        if answer.refused is not None
    }
    if not reasons:
        return
    noted = await store.note_refused_announcements(
        [(device_id, states[device_id].epoch, reason) for device_id, reason in reasons.items()]
    )
    news = [(states[device_id], reason) for device_id, reason in reasons.items() if device_id in noted]
    await store.add_audit_entries([_entry(store, state, refused, now_ms) for state, refused in news])
    await store.add_events([_event(store, state, refused, now_ms) for state, refused in news])


def _entry(store: AnnounceStore, state: DeviceState, refused: Refused, now_ms: int) -> AuditEntry:
    device, why = state.device, refused.replace("_", " ")
    actor = Actor(device.tenant_id, device.customer_id, None, device.name)
    subject = Subject("DEVICE", device.id, device.name, state.epoch)
    return audit_entry(store, actor, subject, "ANNOUNCE_DEVICE", now_ms=now_ms, failure=why)


def _event(store: AnnounceStore, state: DeviceState, refused: Refused, now_ms: int) -> Event:
    device, kind = state.device, "device.announcement_refused"
    data = json_text({"deviceName": device.name, "reason": refused})
    return Event(store.new_id(), device.tenant_id, device.id, state.epoch, kind, data, now_ms)
