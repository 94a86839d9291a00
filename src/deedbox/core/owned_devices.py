"""The devices of a customer as its people see them: found through the open deed, never without one."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import msgspec


class OwnedDevice(msgspec.Struct, frozen=True):
    """A device with its open deed. Moments: epoch milliseconds; `last_activity_at` None: never seen."""

    id: UUID
    name: str
    label: str | None
    opened_at: int
    last_activity_at: int | None

    @property
    def title(self) -> str:
        """What its owner calls it."""
        return self.label or self.name

    @property
    def seen_at(self) -> int | None:
        """When it was last heard of by this owner; what it did before is none of the owner's business."""
        seen = self.last_activity_at
        return seen if seen is not None and seen >= self.opened_at else None


class OwnedDeviceStore(Protocol):
    """Reads open deeds of a customer, inside one transaction."""

    async def owned_devices(self, customer_id: UUID, after: UUID | None, most: int) -> Sequence[OwnedDevice]:
        """Return devices of the customer in id order, those after the given id."""
        ...

    async def owned_device(self, customer_id: UUID, device_id: UUID) -> OwnedDevice | None:
        """Return the device, None when the customer does not own it."""
        ...

    async def owned_device_named(self, tenant_id: UUID, customer_id: UUID, name: str) -> OwnedDevice | None:
        """Return the tenant's device of that name, None when the customer does not own it."""
        ...
