"""Attributes as rows: one per entity, scope, name and writer, those of owners and devices also per epoch."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import msgspec

from deedbox.core.attributes import Attribute, NewAttribute, Scope
from deedbox.core.holders import Extent
from deedbox.storage.holders import HolderStore


class AttributeStore(HolderStore):
    """Attributes inside a transaction."""

    async def write_attributes(self, attributes: Sequence[NewAttribute]) -> None:
        """Write rows, each stamped with its device's epoch as it is at that very moment."""
        rows = [
            (
                it.entity_id,
                it.on_device,
                int(it.scope),
                it.name,
                int(it.writer),
                msgspec.json.encode(it.value).decode(),
                it.updated_at,
            )
            for it in attributes
        ]
        await self.transaction.batch("write_attributes", rows)

    async def reported_names(self, device_ids: Collection[UUID]) -> Mapping[UUID, set[str]]:
        """Return the names of the attributes that each device reported in any epoch."""
        return await self.names_of("reported_names", device_ids)

    async def attributes_of(
        self, entity_id: UUID, scopes: Collection[Scope], extent: Extent
    ) -> list[Attribute]:
        """Return what counts within `extent`, one per scope and name, ordered by both."""
        found: list[Attribute] = []
        for scope in sorted(scopes):
            found += await self._of_scope(entity_id, scope, extent)
        return found

    async def drop_attributes(self, entity_id: UUID, scope: Scope, names: Collection[str]) -> None:
        """Delete these attributes, whoever wrote them in whatever epoch."""
        await self._drop("drop_attributes", entity_id, scope, names)

    async def drop_owner_attributes(self, entity_id: UUID, scope: Scope, names: Collection[str]) -> None:
        """Delete what the current owner wrote under these names."""
        await self._drop("drop_owner_attributes", entity_id, scope, names)

    async def _of_scope(self, entity_id: UUID, scope: Scope, extent: Extent) -> list[Attribute]:
        rows = await self.transaction.rows(
            "attributes_of_scope",
            entity_id=entity_id,
            scope=int(scope),
            epoch=extent.epoch,
            from_epoch=extent.from_epoch,
        )
        counting = {name: (value, updated_at) for name, value, updated_at in rows}
        return [
            Attribute(scope, name, msgspec.json.decode(value), updated_at)
            for name, (value, updated_at) in counting.items()
        ]

    async def _drop(self, statement: str, entity_id: UUID, scope: Scope, names: Collection[str]) -> None:
        rows = [(name,) for name in names]
        await self.transaction.batch(statement, rows, entity_id=entity_id, scope=int(scope))
