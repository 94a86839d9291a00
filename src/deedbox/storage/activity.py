"""When devices were last heard of, one row each."""

from collections.abc import Mapping
from uuid import UUID

from deedbox.storage.statements import Transaction


class ActivityStore:
    """Rows of last activity inside a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction

    async def note_activity(self, heard_at: Mapping[UUID, int]) -> None:
        """Store when devices were heard of; the later moment counts."""
        await self.transaction.batch("note_activity", list(heard_at.items()))
