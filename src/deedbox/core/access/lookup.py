"""Decisions about things that may be in groups: these are looked up where they matter. Most fall without."""

from collections.abc import Collection, Mapping
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.permissions import Operation, Principal, Target, check, may, may_by_group


class GroupLookup(Protocol):
    """Says which groups things are in, inside one transaction."""

    async def groups_of(self, entity_ids: Collection[UUID]) -> Mapping[UUID, frozenset[UUID]]:
        """Return the stored groups that things are in, by thing."""
        ...


async def check_target(
    store: GroupLookup, principal: Principal, operation: Operation, target: Target
) -> None:
    """Decide as `check` does, with the groups that the target is in where these matter.

    Raises NotFound, NotPermitted.
    """
    check(principal, operation, await with_groups(store, principal, operation, target))


async def with_groups(
    store: GroupLookup, principal: Principal, operation: Operation, target: Target
) -> Target:
    """Return the target with its groups, as far as a decision about the operation needs them."""
    return (await all_with_groups(store, principal, operation, [target]))[0]


async def all_with_groups(
    store: GroupLookup, principal: Principal, operation: Operation, targets: Collection[Target]
) -> list[Target]:
    """Return the targets, in their order, with their groups as far as decisions about them need these."""
    asked = [
        it.id
        for it in targets
        if may_by_group(principal, operation, it.resource) and not may(principal, operation, it)
    ]
    if not asked:
        return list(targets)
    groups = await store.groups_of(asked)
    return [msgspec.structs.replace(it, groups=groups[it.id]) if it.id in groups else it for it in targets]
