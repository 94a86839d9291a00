"""Values of many things at once, each within what a reader may see of it."""

from collections.abc import Collection, Mapping
from typing import Protocol
from uuid import UUID

from deedbox.core.access.lookup import GroupLookup
from deedbox.core.attributes import Scope
from deedbox.core.entity_queries import Known
from deedbox.core.holders import Extent, Holder
from deedbox.core.permissions import Resource


class EntityDataStore(GroupLookup, Protocol):
    """Values of many things, inside one transaction."""

    async def holders(self, kind: Resource, ids: Collection[UUID]) -> Mapping[UUID, Holder]:
        """Return those of these things that there are."""
        ...

    async def latest_of(
        self, extents: Mapping[UUID, Extent], names: Collection[str]
    ) -> Mapping[UUID, Mapping[str, Known]]:
        """Return the newest points of these series, by thing and name, each within its extent."""
        ...

    async def attributes_of_all(
        self, extents: Mapping[UUID, Extent], scope: Scope, names: Collection[str]
    ) -> Mapping[UUID, Mapping[str, Known]]:
        """Return these attributes of a scope, by thing and name, each within its extent."""
        ...
