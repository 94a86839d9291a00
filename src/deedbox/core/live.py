"""What happens to devices, told at once to whoever watches them: WebSockets, event streams, pages.

A change carries the epoch it was written in. In one epoch a device has one owner, so whoever was permitted to
watch in that epoch may see it without asking again; another epoch means: ask again (behaviour §5.3, §5.4).
"""

from collections.abc import Callable, Iterable
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.attributes import Scope
from deedbox.core.holders import Extent, HolderStore
from deedbox.core.permissions import Resource
from deedbox.core.telemetry import Point

Stop = Callable[[], None]


class PointsArrived(msgspec.Struct, frozen=True, tag="points"):
    """These points of the device were stored."""

    device_id: UUID
    epoch: int
    points: tuple[Point, ...]


class AttributesChanged(msgspec.Struct, frozen=True, tag="attributes"):
    """These attributes were written or deleted; what they are now, the database says."""

    device_id: UUID
    epoch: int
    scope: Scope
    names: tuple[str, ...]


class OwnershipChanged(msgspec.Struct, frozen=True, tag="ownership"):
    """A deed of the device was opened or closed, or it was deleted: ask again who may watch, and what.

    Also told where something was stored of which nobody knows the epoch: whoever asks again sees it.
    """

    device_id: UUID


Change = PointsArrived | AttributesChanged | OwnershipChanged


class LiveChanges(Protocol):
    """Carries changes from wherever they were stored to whoever watches, on any node.

    A change may be lost between nodes and is never kept: the database stays the truth.
    """

    def is_watched(self, device_id: UUID) -> bool:
        """Tell whether anybody may be watching; where not, `tell` is not worth its while.

        May be asked from any thread, so inside a transaction, too.
        """
        ...

    def tell(self, change: Change) -> None:
        """Tell everybody who watches the change's device; to be called after the commit."""
        ...

    def watch(self, device_id: UUID, receive: Callable[[Change], None]) -> Stop:
        """Call `receive` with each change, on the event loop; call what is returned to stop."""
        ...

    def tell_credentials(self, device_id: UUID) -> None:
        """Say that a device's credentials may be others now, or that it is gone; after the commit."""
        ...

    def watch_credentials(self, receive: Callable[[UUID], None]) -> Stop:
        """Call `receive` with each device whose credentials may be others now."""
        ...


def is_shown(epoch: int, extent: Extent) -> bool | None:
    """Tell whether whoever was granted that extent may see a change of that epoch; None means: ask again."""
    return None if epoch > extent.epoch else epoch >= extent.from_epoch


async def watched_epochs(
    store: HolderStore, live: LiveChanges, device_ids: Iterable[UUID]
) -> dict[UUID, int]:
    """Return the epochs, in this very transaction, of those of the devices that somebody watches."""
    holders = [await store.holder(Resource.DEVICE, it) for it in set(device_ids) if live.is_watched(it)]
    return {it.id: it.epoch for it in holders if it is not None}


def tell_stored(live: LiveChanges, change: PointsArrived | AttributesChanged, epoch: int | None) -> None:
    """Tell of what was stored, after the commit; `epoch` None: nobody watched while it was stored."""
    if epoch is not None:
        live.tell(msgspec.structs.replace(change, epoch=epoch))
    elif live.is_watched(change.device_id):
        # Somebody began to watch during the commit: what was stored may be missing in what they read first.
        live.tell(OwnershipChanged(change.device_id))
