"""Finds which shared attributes ended with a deed."""

from uuid import UUID

from deedbox.core.attribute_changes import MOST_NAMES
from deedbox.storage.statements import Transaction


class EndedAttributeStore:
    """Attributes of past owners, inside a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction

    async def names_of_past_owners(self, device_id: UUID) -> list[str]:
        """Return names of shared attributes that owners before this epoch wrote, a thousand at most."""
        rows = await self.transaction.rows("names_of_past_owners", device_id=device_id, most=MOST_NAMES)
        return [name for (name,) in rows]
