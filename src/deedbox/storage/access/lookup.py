"""Which groups things are in, and that they leave them."""

from collections.abc import Collection, Mapping
from uuid import UUID

from deedbox.core.access import computed
from deedbox.core.ids import NULL_ID, identifier
from deedbox.storage.statements import Row, Transaction


async def groups_of_things(
    transaction: Transaction, entity_ids: Collection[UUID]
) -> Mapping[UUID, frozenset[UUID]]:
    """Return the stored groups that things are in, by thing."""
    found: dict[UUID, set[UUID]] = {}
    asked = [(it,) for it in sorted(set(entity_ids))]
    for entity_id, group_id in await transaction.batch("groups_of_things", asked):
        found.setdefault(identifier(entity_id), set()).add(identifier(group_id))
    return {it: frozenset(groups) for it, groups in found.items()}


async def leave_groups(transaction: Transaction, entity_ids: Collection[UUID]) -> None:
    """Take things out of all groups: they got another owner, or go."""
    await transaction.later("leave_groups", [(it,) for it in sorted(set(entity_ids))])


def asked_groups(tenant_id: UUID, groups: Collection[UUID] | None) -> list[Row]:
    """Return groups as lists ask for what is in them: a stored group, all of a customer, or of the tenant.

    None asks for nothing, since there is no restriction; no groups ask for one that is nobody's.
    """
    if groups is None:
        return []
    rows: list[Row] = []
    for it in sorted(groups):
        which = computed.group_of(it)
        if which is None:
            rows.append((it, None, None))
        else:
            is_tenant = which[0] == tenant_id
            rows.append((None, None if is_tenant else which[0], tenant_id if is_tenant else None))
    return rows or [(NULL_ID, None, None)]
