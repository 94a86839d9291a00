"""Erasing what an owner's time left behind, where the tenant wants it so (behaviour §5.3).

The transaction that ends the deed queues it: from then on nobody reads it. It is deleted in the background,
in bites that keep nobody waiting: time series, latest values, attributes of the device and the owner, stored
commands. While it lasts, what is older is out of sight, too. The ownership ledger and the audit log stay.
"""

from typing import Protocol

#: Until then the device has been told which attributes ended (`deed_ends.py`).
_AFTER_MS = 10_000


class ValueErasureStore(Protocol):
    """Erasures that are queued, inside one transaction."""

    async def now_ms(self) -> int:
        """Return the moment of the transaction, in epoch milliseconds."""
        ...

    async def is_queued(self, before_ms: int) -> bool:
        """Tell whether an erasure is queued since before then."""
        ...

    async def erase_next(self, before_ms: int, most: int) -> bool:
        """Look at `most` points of one such erasure; delete what it means; tell whether there was one."""
        ...


async def is_due(store: ValueErasureStore) -> bool:
    """Tell whether there is something to erase now."""
    return await store.is_queued(await store.now_ms() - _AFTER_MS)


async def erase(store: ValueErasureStore, most: int) -> bool:
    """Take one bite of `most` rows; tell whether there was something to erase."""
    return await store.erase_next(await store.now_ms() - _AFTER_MS, most)
