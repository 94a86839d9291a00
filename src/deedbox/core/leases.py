"""Leases: what one process at a time should do is done by whoever holds its lease, for as long as it lasts.

A lease is a row with a holder and an end by the database's clock. It keeps nodes from doing the same work
twice; it does not keep a holder that was asleep from finishing a statement. So work under a lease has to be
right when two do it.
"""

from typing import Protocol

import msgspec

#: What deletes, moves and times out on schedule.
SCHEDULED_WORK = "scheduled_work"


class LeaseTerms(msgspec.Struct, frozen=True):
    """How long a lease lasts, how often it is renewed, and how long before its end its holder stops."""

    lasts_ms: int = 10_000
    renewed_every_ms: int = 3_000
    margin_ms: int = 2_000

    @property
    def believed_for_ms(self) -> int:
        """How long a holder may believe in a lease, from before it asked: no clock but its own counts."""
        return self.lasts_ms - self.margin_ms


class LeaseStore(Protocol):
    """Leases, inside one transaction."""

    async def take_lease(self, name: str, holder: str, lasts_ms: int) -> bool:
        """Give the lease to the holder if it is free, has run out or is its own; tell whether it has it now.

        It ends `lasts_ms` after the transaction's moment.
        """
        ...

    async def give_back_lease(self, name: str, holder: str) -> None:
        """Free the lease if it is the holder's."""
        ...
