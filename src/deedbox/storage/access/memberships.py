"""Reads what somebody's groups and roles add up to."""

import msgspec

from deedbox.core.access import computed
from deedbox.core.access.computed import (
    DEFAULT_GROUP,
    ROLE_OF_GROUP,
    ComputedGroup,
    ComputedRole,
)
from deedbox.core.access.grants import default_permissions
from deedbox.core.access.resolving import Gift, Membership, grants_of
from deedbox.core.ids import NULL_ID, identifier
from deedbox.core.permissions import Principal
from deedbox.storage.statements import Row, Transaction


async def with_grants(transaction: Transaction, principal: Principal) -> Principal:
    """Return somebody who is signed in with what roles and groups add up to."""
    if principal.authority not in DEFAULT_GROUP:
        return principal
    found = await membership_of(transaction, principal)
    return msgspec.structs.replace(principal, grants=grants_of(principal.authority, found))


async def membership_of(transaction: Transaction, principal: Principal) -> Membership:
    """Return where somebody stands."""
    if principal.authority not in DEFAULT_GROUP:
        return Membership()
    owner_id, group = principal.customer_id or principal.tenant_id, DEFAULT_GROUP[principal.authority]
    role = computed.role_id(principal.tenant_id, ROLE_OF_GROUP[group])
    found = await transaction.rows(
        "membership_of_user",
        user_id=principal.user_id,
        administrators=computed.group_id(owner_id, ComputedGroup.CUSTOMER_ADMINISTRATORS),
        default_role=role,
        administrators_role=computed.role_id(principal.tenant_id, ComputedRole.CUSTOMER_ADMINISTRATOR),
    )
    left, administrates, default_role, administrators_role = found[0]
    everybody = computed.group_id(owner_id, ComputedGroup.ALL_USERS)
    rows = await transaction.rows(
        "gifts_to_user",
        user_id=principal.user_id,
        everybody=everybody,
        default_group=everybody if left else computed.group_id(owner_id, group),
    )
    return Membership(
        in_default=not left,
        is_administrator=bool(administrates),
        default_role=None if left else default_role,
        administrators_role=administrators_role if administrates else None,
        gifts=tuple(map(_gift, rows)),
    )


def _gift(row: Row) -> Gift:
    users, name, role_id, role_name, permissions, things, kind = row
    if permissions is None:  # a role that each tenant has, as it is at first
        which = computed.role_of(identifier(role_id))
        permissions = msgspec.json.encode(default_permissions(which[1])).decode() if which else "{}"
        role_name = which[1].title if which else "?"
    things_id, of_users = identifier(things), computed.group_of(identifier(users))
    of_things = computed.group_of(things_id)
    return Gift(
        group_name=name or (of_users[1].title if of_users else "?"),
        role_name=role_name,
        permissions=permissions,
        things=None if things_id == NULL_ID else things_id,
        things_kind=kind or (of_things[1].kind if of_things else ""),
    )
