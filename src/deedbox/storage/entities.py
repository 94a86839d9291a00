"""Finds things of every kind by their references."""

from collections.abc import Collection, Mapping
from uuid import UUID

from deedbox.core.entities import Entity, EntityKind, Reference
from deedbox.core.permissions import Authority, Resource, Target
from deedbox.storage.access.lookup import groups_of_things
from deedbox.storage.statements import Row, Transaction

_USERS = {
    Authority.SYS_ADMIN: Resource.SYSTEM_USER,
    Authority.TENANT_ADMIN: Resource.USER,
    Authority.CUSTOMER_USER: Resource.CUSTOMER_USER,
}


class EntityStore:
    """Looks things up inside a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction

    async def groups_of(self, entity_ids: Collection[UUID]) -> Mapping[UUID, frozenset[UUID]]:
        """Return the stored groups that things are in, by thing."""
        return await groups_of_things(self.transaction, entity_ids)

    async def entities(
        self, tenant_id: UUID, references: Collection[Reference]
    ) -> Mapping[Reference, Entity]:
        """Return those of the things that the tenant has; a tenant has itself."""
        found: dict[Reference, Entity] = {}
        for kind in EntityKind:
            ids = sorted({it.id for it in references if it.kind is kind})
            rows = await self.transaction.batch(
                f"entities_{kind.lower()}", [(it,) for it in ids], tenant_id=tenant_id
            )
            for row in rows:
                it = _entity(tenant_id, kind, row)
                found[it.reference] = it
        return found


def _entity(tenant_id: UUID, kind: EntityKind, row: Row) -> Entity:
    entity_id, customer, name, epoch, authority = row
    reference = Reference(kind, UUID(bytes=entity_id))
    resource = _USERS[Authority(authority)] if kind is EntityKind.USER else Resource(kind.value)
    customer_id = None if customer is None else UUID(bytes=customer)
    return Entity(reference, name, Target(resource, tenant_id, customer_id, reference.id), epoch)
