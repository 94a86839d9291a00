"""Reads a customer's devices through its open deeds."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from deedbox.core.owned_devices import OwnedDevice
from deedbox.storage.statements import Transaction

_BEFORE_ALL = UUID(int=0)


class OwnedDeviceStore:
    """Open deeds of a customer, inside a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction

    async def owned_devices(self, customer_id: UUID, after: UUID | None, most: int) -> Sequence[OwnedDevice]:
        """Return devices of the customer in id order, those after the given id."""
        after = after or _BEFORE_ALL
        return await self.transaction.structs(
            "owned_devices", OwnedDevice, customer_id=customer_id, after=after, most=most
        )

    async def owned_device(self, customer_id: UUID, device_id: UUID) -> OwnedDevice | None:
        """Return the device, None when the customer does not own it."""
        return await self._one("owned_device", customer_id=customer_id, device_id=device_id)

    async def owned_device_named(self, tenant_id: UUID, customer_id: UUID, name: str) -> OwnedDevice | None:
        """Return the tenant's device of that name, None when the customer does not own it."""
        return await self._one("owned_device_named", tenant_id=tenant_id, customer_id=customer_id, name=name)

    async def _one(self, statement: str, **values: Any) -> OwnedDevice | None:
        found: list[OwnedDevice] = await self.transaction.structs(statement, OwnedDevice, **values)
        return found[0] if found else None
