"""Totals of lists: a row per owner and noun, kept in the transaction that adds or removes what it counts."""

from uuid import UUID

from deedbox.storage.statements import Transaction


async def change_tally(transaction: Transaction, owner_id: UUID, noun: str, change: int) -> None:
    """Add `change`, which may be negative, to how many of the noun the owner has."""
    await transaction.run("change_tally", owner_id=owner_id, noun=noun, change=change)


async def total_of(transaction: Transaction, owner_id: UUID, noun: str) -> int:
    """Return how many of the noun the owner has."""
    rows = await transaction.rows("total_of", owner_id=owner_id, noun=noun)
    return int(rows[0][0]) if rows else 0


async def drop_tallies(transaction: Transaction, owner_id: UUID) -> None:
    """Forget all totals of an owner that is no more."""
    await transaction.run("drop_tallies", owner_id=owner_id)
