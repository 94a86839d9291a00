"""Leases as rows."""

from deedbox.storage.statements import Transaction


class LeaseStore:
    """Leases inside a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction

    async def take_lease(self, name: str, holder: str, lasts_ms: int) -> bool:
        """Give the lease to the holder if it is free, has run out or is its own; tell whether it has it."""
        now_ms = self.transaction.now_ms
        taken = await self.transaction.run(
            "take_lease", name=name, holder=holder, now_ms=now_ms, lasts_ms=lasts_ms
        )
        return taken > 0

    async def give_back_lease(self, name: str, holder: str) -> None:
        """Free the lease if it is the holder's."""
        await self.transaction.run("give_back_lease", name=name, holder=holder)
