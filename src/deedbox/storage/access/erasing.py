"""Deletes the groups of customers and tenants that are being deleted."""

from collections.abc import Sequence
from uuid import UUID

from deedbox.core.access import computed
from deedbox.core.access.computed import ComputedGroup
from deedbox.storage.access.lookup import leave_groups
from deedbox.storage.statements import Transaction

_WHAT_GROUPS_HAVE = ("erase_permissions_of_users", "erase_permissions_for_things", "erase_members_of_groups")


async def erase_groups_of(transaction: Transaction, owner_ids: Sequence[UUID]) -> None:
    """Delete owners' groups, who is in them, and what was given to them or for them."""
    owners = [(it,) for it in owner_ids]
    rows = await transaction.batch("ids_of_groups_of", owners)
    computed_ids = [(computed.group_id(it, group),) for it in owner_ids for group in ComputedGroup]
    groups = [*((row[0],) for row in rows), *computed_ids]
    for statement in _WHAT_GROUPS_HAVE:
        await transaction.batch(statement, groups)
    await transaction.batch("erase_groups_of", owners)
    await leave_groups(transaction, owner_ids)
