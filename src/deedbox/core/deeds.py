"""Deeds: one row per period in which a customer owns a device; at most one is open, the database says so.

A claim (`claiming.py`), an assignment and a transfer open deeds; a reclaim and whatever ends ownership
closes them. Each opening and each closing raises the device's epoch in the same transaction (behaviour §5).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core import label_keys
from deedbox.core.access.lookup import GroupLookup
from deedbox.core.deed_records import Reason as Reason  # noqa: PLC0414  # part of what this module offers
from deedbox.core.deed_records import Recorded, record
from deedbox.core.devices import Device
from deedbox.core.errors import NotFound
from deedbox.core.keys import KeyRing
from deedbox.core.ownership import ClaimPolicy, DeviceState, Window
from deedbox.core.records import Actor, Change, RecordStore, Subject, audit_entry
from deedbox.core.windows import WindowStore


class Opening(msgspec.Struct, frozen=True):
    """A deed to be opened. With `window`, only if that window is open at `now_ms` and nothing blocks."""

    deed_id: UUID
    device_id: UUID
    customer_id: UUID
    actor: Actor
    reason: Reason
    now_ms: int
    window: Window | None = None
    burnt: tuple[bytes, ...] = ()
    idempotency_digest: bytes | None = None


class Closing(msgspec.Struct, frozen=True):
    """A deed to be closed, if it is still the open one."""

    deed_id: UUID
    device_id: UUID
    customer_id: UUID
    actor: Actor
    reason: Reason
    now_ms: int


class DeedStore(WindowStore, RecordStore, GroupLookup, Protocol):
    """Deeds and what follows their opening and closing, inside one transaction."""

    def random_bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""
        ...

    async def now_ms(self) -> int:
        """Return the moment that decides, in epoch ms (the database's clock where there are nodes)."""
        ...

    async def lock_devices(self, device_ids: Collection[UUID]) -> Mapping[UUID, DeviceState]:
        """Lock these devices' rows in id order and return their states; unknown ids are left out."""
        ...

    async def open_deeds(self, openings: Sequence[Opening]) -> Mapping[UUID, int]:
        """Open deeds in one guarded statement and raise the epochs; return deed id -> new epoch.

        A device that has an open deed already, is blocked, or whose window is not open at that moment, or
        that a customer asks for which its tenant does not have (any more), is left as it is and its deed is
        missing from the answer.
        """
        ...

    async def close_deeds(self, closings: Sequence[Closing]) -> Mapping[UUID, int]:
        """Close deeds in one guarded statement and raise the epochs; return deed id -> new epoch."""
        ...

    async def drop_claiming_allowed(self, device_ids: Collection[UUID]) -> None:
        """Delete the attribute `claimingAllowed` of these devices."""
        ...

    async def write_claiming_allowed(self, device_ids: Collection[UUID]) -> None:
        """Write the attribute `claimingAllowed` = true for these devices."""
        ...

    async def rotate_credentials(self, device_ids: Collection[UUID], keys: KeyRing) -> None:
        """Give each of these devices a new access token; what it had before stops working at once."""
        ...

    async def queue_erasures(self, deed_ids: Collection[UUID]) -> None:
        """Hide what was written in the epochs of these closed deeds, to be deleted in the background."""
        ...

    async def customer_title(self, tenant_id: UUID, customer_id: UUID) -> str:
        """Return the customer's title. Raises NotFound when the tenant has no such customer."""
        ...


async def assign(store: DeedStore, device_id: UUID, customer_id: UUID, actor: Actor, keys: KeyRing) -> Device:
    """Make the customer the owner, closing another's deed first; nothing changes if it is the owner already.

    Raises NotFound for a device or customer that the actor's tenant does not have.
    """
    state = await _locked(store, device_id, actor.tenant_id)
    title = await store.customer_title(actor.tenant_id, customer_id)
    if state.deed and state.deed.customer_id == customer_id:
        return state.device
    now_ms = await store.now_ms()
    if state.deed:
        await close(store, [state], actor, Reason.REASSIGNMENT, keys)
    opening = Opening(
        store.new_id(),
        device_id,
        customer_id,
        actor,
        Reason.ASSIGNMENT,
        now_ms,
        burnt=_burnt(state),
    )
    opened = await store.open_deeds([opening])
    if not opened:
        raise NotFound
    await store.drop_windows([device_id])
    await record_openings(store, [(opening, state.device, title)], opened)
    # Read again: closing a deed ends what its owner wrote, the label among it.
    return (await _locked(store, device_id, actor.tenant_id)).device


async def reclaim(
    store: DeedStore, state: DeviceState | None, actor: Actor, policy: ClaimPolicy, keys: KeyRing
) -> bool:
    """End the deed on the owner's or the tenant's wish; return whether there was one (behaviour §5).

    `state` is the locked device, None when the tenant has none of that name.
    Raises NotFound, changing nothing, for everybody who is neither the tenant nor the owning customer.
    """
    owner = state.deed.customer_id if state and state.deed else None
    if state is None or actor.customer_id not in (None, owner):
        raise NotFound
    if owner is None:
        # The tenant takes back what the device offered, as the reference server forgets it here.
        await store.drop_announced_windows([state.device.id])
        return False
    await hand_back(store, [state], actor, Reason.RECLAIM, policy, keys)
    return True


async def unassign(
    store: DeedStore, device_id: UUID, actor: Actor, policy: ClaimPolicy, keys: KeyRing
) -> Device:
    """Take the device from its owner. Raises NotFound when the tenant has no such device."""
    state = await _locked(store, device_id, actor.tenant_id)
    await hand_back(store, [state], actor, Reason.UNASSIGNMENT, policy, keys)
    return (await _locked(store, device_id, actor.tenant_id)).device


async def hand_back(  # what closing takes, and the settings for what follows it
    store: DeedStore,
    states: Sequence[DeviceState],
    actor: Actor,
    reason: Reason,
    policy: ClaimPolicy,
    keys: KeyRing,
) -> None:
    """Close the open deeds of locked devices so that they can be claimed again where claiming is allowed.

    Where a device's profile says so, it gets a new label: the former owner may know the old one.
    """
    owned = [state for state in states if state.deed]
    await close(store, owned, actor, reason, keys)
    await store.write_claiming_allowed([it.device.id for it in owned if not it.allowed_by_default(policy)])
    relabelled = [_after_closing(it) for it in owned if it.renews_label]
    await label_keys.make(store, keys, policy, actor, relabelled, "newSecretOnReclaim")


async def close(
    store: DeedStore, states: Sequence[DeviceState], actor: Actor, reason: Reason, keys: KeyRing
) -> None:
    """Close the open deeds of locked devices, drop what the devices announced, and record it.

    Where a device's profile says so, its access token is replaced: the former owner may know the old one.
    Where the tenant says so, what was written for the owner is out of sight from now on, and deleted.
    """
    now_ms = await store.now_ms()
    owned = {state.deed.id: (state, state.deed) for state in states if state.deed}
    closings = [
        Closing(deed_id, state.device.id, deed.customer_id, actor, reason, now_ms)
        for deed_id, (state, deed) in owned.items()
    ]
    epochs = await store.close_deeds(closings)
    closed = [owned[deed_id][0] for deed_id in epochs]
    await store.drop_announced_windows([it.device.id for it in closed])
    await store.queue_erasures([it for it in epochs if owned[it][0].erases_values])
    await _rotate(store, [it for it in closed if it.rotates_credentials], actor, now_ms, keys)
    for deed_id, epoch in epochs.items():
        state, deed = owned[deed_id]
        done = Recorded(state.device, deed.id, deed.customer_id, deed.customer_title, actor, reason, now_ms)
        await record(store, Change.CLOSED, [(done, epoch)])


async def _rotate(
    store: DeedStore, states: Sequence[DeviceState], actor: Actor, now_ms: int, keys: KeyRing
) -> None:
    if not states:
        return
    await store.rotate_credentials([it.device.id for it in states], keys)
    subjects = [_after_closing(it) for it in states]
    data = {"reason": "rotateCredentialsOnReclaim"}
    entries = [
        audit_entry(store, actor, it, "CREDENTIALS_UPDATED", now_ms=now_ms, data=data) for it in subjects
    ]
    await store.add_audit_entries(entries)


async def record_openings(
    store: RecordStore, openings: Sequence[tuple[Opening, Device, str]], opened: Mapping[UUID, int]
) -> None:
    """Record those openings (with device and customer title) that came true: audit, ledger, event."""
    done = [
        (
            Recorded(device, o.deed_id, o.customer_id, title, o.actor, o.reason, o.now_ms),
            opened[o.deed_id],
        )
        for o, device, title in openings
        if o.deed_id in opened
    ]
    await record(store, Change.OPENED, done)


def _after_closing(state: DeviceState) -> Subject:
    return Subject("DEVICE", state.device.id, state.device.name, state.epoch + 1)


def _burnt(state: DeviceState) -> tuple[bytes, ...]:
    return tuple(window.digest for window in state.windows)


async def _locked(store: DeedStore, device_id: UUID, tenant_id: UUID) -> DeviceState:
    state = (await store.lock_devices([device_id])).get(device_id)
    if state is None or state.device.tenant_id != tenant_id:
        raise NotFound
    return state
