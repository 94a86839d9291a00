"""The tenant's view of claiming: what could claim a device now, who had it, the block against all keys."""

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

import msgspec

from deedbox.core.ownership import DeviceState, WindowKind
from deedbox.core.records import Actor, Event, RecordStore, Subject, audit_entry, json_text
from deedbox.core.windows import Refused

#: Periods of ownership that are shown, the newest first.
SHOWN_DEEDS = 100


class ShownWindow(msgspec.Struct, frozen=True):
    """A window without its secret; `expires_at` and `opened_at` in epoch milliseconds."""

    kind: WindowKind
    expires_at: int
    opened_at: int
    lapsed: bool

    def is_open(self, now_ms: int) -> bool:
        """Tell whether the window is open at that moment; whether it counts, the block decides too."""
        return now_ms <= self.expires_at and not self.lapsed


class ShownRefusal(msgspec.Struct, frozen=True):
    """Why the device's own offer was refused last, and when (epoch milliseconds) for this reason first.

    `epoch` is the device's by then: a refusal of an earlier epoch tells of an ownership that has ended since.
    """

    reason: Refused
    epoch: int
    refused_at: int


class ShownDeed(msgspec.Struct, frozen=True):
    """A period of ownership; `closed_at` None while it lasts. Moments in epoch milliseconds."""

    customer_id: UUID
    customer_title: str
    opened_at: int
    opening_reason: str
    closed_at: int | None
    closing_reason: str | None


class ClaimingView(msgspec.Struct, frozen=True):
    """All of that as it was at `now_ms`."""

    now_ms: int
    blocked: bool
    windows: Sequence[ShownWindow]
    deeds: Sequence[ShownDeed]
    last_refusal: ShownRefusal | None


class ClaimControlStore(RecordStore, Protocol):
    """What the tenant's view of claiming needs, inside one transaction."""

    async def now_ms(self) -> int:
        """Return the moment of the transaction, in epoch milliseconds."""
        ...

    async def set_blocked(self, device_id: UUID, blocked: bool) -> None:
        """Block or allow claiming of a device, whatever its keys say."""
        ...

    async def is_blocked(self, device_id: UUID) -> bool:
        """Tell whether claiming of the device is blocked."""
        ...

    async def shown_refusal(self, device_id: UUID) -> ShownRefusal | None:
        """Return the last refusal of what the device announced, None when there was none."""
        ...

    async def shown_windows(self, device_id: UUID) -> list[ShownWindow]:
        """Return the device's windows, one per kind."""
        ...

    async def shown_deeds(self, device_id: UUID, most: int) -> list[ShownDeed]:
        """Return the device's periods of ownership, newest first."""
        ...


async def view(store: ClaimControlStore, device_id: UUID) -> ClaimingView:
    """Return what there is to see about claiming this device."""
    return ClaimingView(
        await store.now_ms(),
        await store.is_blocked(device_id),
        await store.shown_windows(device_id),
        await store.shown_deeds(device_id, SHOWN_DEEDS),
        await store.shown_refusal(device_id),
    )


async def block(store: ClaimControlStore, actor: Actor, state: DeviceState) -> None:
    """Let no key claim this device, for one that was recalled or stolen. Its owner, if any, keeps it."""
    await _set(store, actor, state, True)


async def unblock(store: ClaimControlStore, actor: Actor, state: DeviceState) -> None:
    """Let keys count again: those that were there before the block, too, until they expire."""
    await _set(store, actor, state, False)


async def _set(store: ClaimControlStore, actor: Actor, state: DeviceState, blocked: bool) -> None:
    if state.blocked == blocked:
        return
    device, now_ms = state.device, await store.now_ms()
    await store.set_blocked(device.id, blocked)
    subject = Subject("DEVICE", device.id, device.name, state.epoch)
    data: dict[str, Any] = {"entityId": device.id, "claimingBlocked": blocked}
    await store.add_audit_entries([audit_entry(store, actor, subject, "UPDATED", now_ms=now_ms, data=data)])
    kind = "device.claiming_blocked" if blocked else "device.claiming_unblocked"
    text = json_text({"deviceName": device.name})
    await store.add_events(
        [Event(store.new_id(), device.tenant_id, device.id, state.epoch, kind, text, now_ms)]
    )
