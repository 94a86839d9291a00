"""Holders and values of many things at once."""

from collections.abc import Collection, Mapping
from uuid import UUID

import msgspec

from deedbox.core.attributes import Scope
from deedbox.core.entity_queries import Known
from deedbox.core.holders import Extent, Holder
from deedbox.core.permissions import Resource
from deedbox.storage.holders import HolderStore
from deedbox.storage.time_series import value_of


class EntityDataStore(HolderStore):
    """Values of many things inside a transaction."""

    async def holders(self, kind: Resource, ids: Collection[UUID]) -> Mapping[UUID, Holder]:
        """Return those of these things that there are."""
        if kind is not Resource.DEVICE:
            found = [await self.holder(kind, it) for it in ids]
            return {it.id: it for it in found if it is not None}
        rows = await self.transaction.batch("devices_as_holders", [(it,) for it in sorted(set(ids))])
        holders = (
            Holder(kind, UUID(bytes=row[0]), UUID(bytes=row[1]), _id(row[2]), row[3], row[4], row[5], row[6])
            for row in rows
        )
        return {it.id: it for it in holders}

    async def latest_of(
        self, extents: Mapping[UUID, Extent], names: Collection[str]
    ) -> Mapping[UUID, Mapping[str, Known]]:
        """Return the newest points of these series, by thing and name, each within its extent."""
        asked = [
            (it, of.from_epoch, name) for it, of in sorted(extents.items()) for name in sorted(set(names))
        ]
        found: dict[UUID, dict[str, Known]] = {}
        for row in await self.transaction.batch("latest_points_of", asked):
            found.setdefault(UUID(bytes=row[0]), {})[row[1]] = Known(row[2], value_of(row[3:]))
        return found

    async def attributes_of_all(
        self, extents: Mapping[UUID, Extent], scope: Scope, names: Collection[str]
    ) -> Mapping[UUID, Mapping[str, Known]]:
        """Return these attributes of a scope, by thing and name, each within its extent."""
        asked = [
            (it, of.epoch, of.from_epoch, name)
            for it, of in sorted(extents.items())
            for name in sorted(set(names))
        ]
        found: dict[UUID, dict[str, Known]] = {}
        for row in await self.transaction.batch("attributes_of_all", asked, scope=int(scope)):
            known = Known(row[3], msgspec.json.decode(row[2]))
            found.setdefault(UUID(bytes=row[0]), {})[row[1]] = known
        return found


def _id(stored: bytes | None) -> UUID | None:
    return None if stored is None else UUID(bytes=stored)
