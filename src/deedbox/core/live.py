"""What happens to devices, told at once to whoever watches them: WebSockets, event streams, pages.

A change carries the epoch it was written in. In one epoch a device has one owner, so whoever was permitted to
watch in that epoch may see it without asking again; another epoch means: ask again (behaviour §5.3, §5.4).
"""

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.attributes import Scope
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
    """A deed of the device was opened or closed, or the device was deleted: ask again who may watch."""

    device_id: UUID


Change = PointsArrived | AttributesChanged | OwnershipChanged


class LiveChanges(Protocol):
    """Carries changes from wherever they were stored to whoever watches, on any node.

    A change may be lost between nodes and is never kept: the database stays the truth.
    """

    def is_watched(self, device_id: UUID) -> bool:
        """Tell whether anybody may be watching; where not, `tell` is not worth its while."""
        ...

    def tell(self, change: Change) -> None:
        """Tell everybody who watches the change's device; to be called after the commit."""
        ...

    def watch(self, device_id: UUID, receive: Callable[[Change], None]) -> Stop:
        """Call `receive` with each change, on the event loop; call what is returned to stop."""
        ...
