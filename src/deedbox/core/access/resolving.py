"""What somebody's groups and roles add up to, found out when a sign-in token is looked up."""

from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec

from deedbox.core.access.computed import DEFAULT_GROUP, ROLE_OF_GROUP, ComputedGroup, ComputedRole
from deedbox.core.access.grants import (
    Grants,
    always,
    default_permissions,
    default_rules,
    operations_of,
    rules_of,
    united,
)
from deedbox.core.access.operations import Authority, Operation, Resource
from deedbox.core.access.rules import Rules


class Gift(msgspec.Struct, frozen=True):
    """A role that a group of somebody's has. `permissions` is JSON text; `things` None for GENERIC roles.

    `group_name` and `role_name` are for people who ask why.
    """

    group_name: str
    role_name: str
    permissions: str
    things: UUID | None = None
    things_kind: str = ""


class Membership(msgspec.Struct, frozen=True):
    """Where somebody stands: in the default group or not, and with what in groups beside it.

    `default_role` and `administrators_role`: JSON text where the tenant changed what they give.
    """

    in_default: bool = True
    is_administrator: bool = False
    default_role: str | None = None
    administrators_role: str | None = None
    gifts: tuple[Gift, ...] = ()


def grants_of(authority: Authority, found: Membership) -> Grants | None:
    """Return what a membership adds up to; None where it is just the default."""
    if found == Membership():
        return None
    parts = [it for _, it in generic_parts(authority, found)]
    by_group: dict[Resource, dict[UUID, frozenset[Operation]]] = {}
    for gift in found.gifts:
        if gift.things is not None:
            kind = by_group.setdefault(Resource(gift.things_kind), {})
            names = msgspec.json.decode(gift.permissions)
            known = kind.get(gift.things, frozenset())
            kind[gift.things] = known | operations_of(authority, gift.things_kind, names)
    return Grants(united(parts), by_group)


def generic_parts(authority: Authority, found: Membership) -> Iterable[tuple[str, Mapping[Resource, Rules]]]:
    """Yield what each generic role of somebody gives, and where it comes from in words."""
    yield "every user", always(authority)
    if authority not in DEFAULT_GROUP:
        yield "administrators of the deployment", default_rules(authority)
    if found.in_default and authority in DEFAULT_GROUP:
        yield _of_default(authority, DEFAULT_GROUP[authority], found.default_role)
    if found.is_administrator:
        yield _of_default(authority, ComputedGroup.CUSTOMER_ADMINISTRATORS, found.administrators_role)
    for gift in found.gifts:
        if gift.things is None:
            source = f"role '{gift.role_name}' of group '{gift.group_name}'"
            yield source, rules_of(authority, msgspec.json.decode(gift.permissions))


def _of_default(
    authority: Authority, group: ComputedGroup, changed: str | None
) -> tuple[str, Mapping[Resource, Rules]]:
    role = ROLE_OF_GROUP[group]
    source = f"default role of the group '{group.title}'"
    if changed is not None:
        return source + ", as the tenant changed it", rules_of(authority, msgspec.json.decode(changed))
    if role is ComputedRole.CUSTOMER_ADMINISTRATOR:
        return source, united([default_rules(authority), rules_of(authority, default_permissions(role))])
    return source, default_rules(authority)
