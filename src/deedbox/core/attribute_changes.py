"""Tells devices that shared attributes changed: only which ones; what they are now, the database says.

So a hint that comes late, twice or after a change of ownership can never carry somebody else's value.
"""

from collections.abc import Collection
from typing import Protocol
from uuid import UUID


class AttributeChanges(Protocol):
    """Carries hints about shared attributes from whoever changed them to whoever serves the device."""

    def tell(self, device_id: UUID, names: Collection[str]) -> None:
        """Say that these shared attributes of the device were written or deleted."""
        ...

    async def next_change(self, device_id: UUID) -> frozenset[str]:
        """Wait for the next hint and return the names; what happened before the wait is not repeated."""
        ...
