"""Putting things into groups and taking them out."""

from collections.abc import Sequence
from uuid import UUID

from deedbox.core.access.computed import ComputedGroup
from deedbox.core.access.groups import EntityGroup, GroupStore, record
from deedbox.core.errors import InvalidValue, NotFound
from deedbox.core.records import Actor


async def add(store: GroupStore, actor: Actor, group: EntityGroup, ids: Sequence[UUID]) -> None:
    """Put things into a group. Raises NotFound, changing nothing, where one does not belong to its owner."""
    _check_not_all(group)
    missing = set(ids) - await store.owned(group.owner, group.kind, ids)
    if missing:
        raise NotFound(f"{group.kind.capitalize()} with id [{min(missing)}] is not the group's owner's.")
    await store.add_members(group, ids)
    await record(store, actor, group, "ADDED_TO_ENTITY_GROUP", {"entityIds": sorted(ids)})


async def remove(store: GroupStore, actor: Actor, group: EntityGroup, ids: Sequence[UUID]) -> None:
    """Take things out of a group. Raises InvalidValue where no administrator would be left."""
    _check_not_all(group)
    if group.computed is ComputedGroup.TENANT_ADMINISTRATORS:
        ids = sorted(await store.owned(group.owner, group.kind, ids))
        if not await store.other_administrators(group.tenant_id, ids):
            raise InvalidValue("The last administrator can't be taken out. Put another one in first.")
    await store.remove_members(group, ids)
    await record(store, actor, group, "REMOVED_FROM_ENTITY_GROUP", {"entityIds": sorted(ids)})


def _check_not_all(group: EntityGroup) -> None:
    if group.is_all:
        raise InvalidValue("The group 'All' holds whatever its owner has. Nothing is put in or taken out.")
