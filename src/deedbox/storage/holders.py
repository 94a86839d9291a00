"""Finds what values are about, with the boundary of what its owner may see."""

from collections.abc import Collection
from uuid import UUID

from deedbox.core.holders import Holder
from deedbox.core.permissions import Resource
from deedbox.storage.records import RecordStore


class HolderStore(RecordStore):
    """Holders of values inside a transaction."""

    async def names_of(self, statement: str, entity_ids: Collection[UUID]) -> dict[UUID, set[str]]:
        """Return names by entity, as the statement finds them."""
        found: dict[UUID, set[str]] = {}
        for entity_id, name in await self.transaction.batch(statement, [(it,) for it in sorted(entity_ids)]):
            found.setdefault(UUID(bytes=entity_id), set()).add(name)
        return found

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
