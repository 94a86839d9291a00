"""Finds what values are about, with the boundary of what its owner may see."""

from uuid import UUID

from deedbox.core.holders import Holder
from deedbox.core.permissions import Resource
from deedbox.storage.records import RecordStore


class HolderStore(RecordStore):
    """Holders of values inside a transaction."""

    async def holder(self, kind: Resource, holder_id: UUID) -> Holder | None:
        """Return the holder, None when there is none of that kind and id."""
        rows = await self.transaction.rows(f"{kind.value.lower()}_as_holder", id=holder_id)
        if not rows:
            return None
        tenant_id, customer_id, name, epoch, owner_reads_from, hidden_below = rows[0]
        owner = None if customer_id is None else UUID(bytes=customer_id)
        return Holder(
            kind, holder_id, UUID(bytes=tenant_id), owner, name, epoch, owner_reads_from, hidden_below
        )
