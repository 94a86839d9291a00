"""Tells devices that shared attributes changed: only which ones; what they are now, the database says.

So a hint that comes late, twice or after a change of ownership can never carry somebody else's value.
"""

from collections.abc import Callable, Collection
from typing import Protocol
from uuid import UUID

MOST_NAMES = 1_000


class AttributeChanges(Protocol):
    """Carries hints about shared attributes from whoever changed them to whoever serves the device."""

    def tell(self, device_id: UUID, names: Collection[str]) -> None:
        """Say that these shared attributes of the device were written or deleted."""
        ...

    def attach(self, device_id: UUID, receive: Callable[[frozenset[str]], None]) -> Callable[[], None]:
        """Call `receive` with each hint for a device that stays connected; call what is returned to stop."""
        ...

    async def next_change(self, device_id: UUID) -> frozenset[str]:
        """Wait for the next hint and return the names; hints of the moments before may be among them."""
        ...


class EndedAttributeStore(Protocol):
    """Finds what ended with a deed, inside one transaction."""

    async def names_of_past_owners(self, device_id: UUID) -> list[str]:
        """Return names of shared attributes that owners before this epoch wrote, a thousand at most."""
        ...
