"""Why somebody may do something, or may not: the decision again, once for each thing that could allow it."""

from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.access.grants import Grants, operations_of
from deedbox.core.access.lookup import GroupLookup, with_groups
from deedbox.core.access.resolving import Gift, Membership, generic_parts, grants_of
from deedbox.core.ids import NULL_ID
from deedbox.core.permissions import Operation, Principal, Reach, Resource, Target, may
from deedbox.core.users import User

_REACH = {
    Reach.ITSELF: "for oneself",
    Reach.OWN_CUSTOMER: "for what the own customer has",
    Reach.OWN_TENANT: "for what the own tenant has",
    Reach.ANYTHING: "for everything",
}


class Explanation(msgspec.Struct, frozen=True):
    """Whether somebody may, and why: each of `reasons` is enough by itself, or says what is missing."""

    allowed: bool
    reasons: list[str]


class MembershipStore(GroupLookup, Protocol):
    """Says where somebody stands, inside one transaction."""

    async def membership(self, principal: Principal) -> Membership:
        """Return somebody's groups and what these give."""
        ...


async def explain(store: MembershipStore, user: User, operation: Operation, target: Target) -> Explanation:
    """Return whether a user may do that to the target, and why."""
    bare = Principal(user.id, user.authority, user.tenant_id, user.customer_id, user.email, NULL_ID)
    found = await store.membership(bare)
    principal = msgspec.structs.replace(bare, grants=grants_of(user.authority, found))
    known = await with_groups(store, principal, operation, target)
    reasons = _reasons(bare, found, operation, known)
    if not user.enabled:
        return Explanation(False, ["the user is disabled", *(f"else: {it}" for it in reasons)])
    if may(principal, operation, known):
        return Explanation(True, reasons)
    return Explanation(False, _what_is_missing(bare, found, operation, known))


def _reasons(bare: Principal, found: Membership, operation: Operation, target: Target) -> list[str]:
    reasons = []
    for source, rules in generic_parts(bare.authority, found):
        if may(msgspec.structs.replace(bare, grants=Grants(rules)), operation, target):
            reach = _REACH[rules[target.resource][operation]]
            reasons.append(f"{source}: {operation} on {target.resource} {reach}")
    for gift in found.gifts:
        by_group = _by_group(bare, gift)
        if by_group and may(msgspec.structs.replace(bare, grants=by_group), operation, target):
            reasons.append(f"{_named(gift)}: {operation} on what is in the group {gift.things}")
    return reasons


def _what_is_missing(bare: Principal, found: Membership, operation: Operation, target: Target) -> list[str]:
    """Say what gives the operation, but not this far; or that nothing does."""
    if target.tenant_id != bare.tenant_id:
        return ["it belongs to another tenant"]
    near = [
        f"{source}: {operation} on {target.resource} only {_REACH[rules[target.resource][operation]]}"
        for source, rules in generic_parts(bare.authority, found)
        if operation in rules.get(target.resource, ())
    ]
    near += [
        f"{_named(it)}: only for what is in the group {it.things}"
        for it in found.gifts
        if it.things is not None and operation in _operations(bare, it)
    ]
    return near or [f"no role of the user's groups gives {operation} on {target.resource}"]


def _by_group(bare: Principal, gift: Gift) -> Grants | None:
    if gift.things is None:
        return None
    by_group: dict[UUID, frozenset[Operation]] = {gift.things: _operations(bare, gift)}
    return Grants({}, {Resource(gift.things_kind): by_group})


def _operations(bare: Principal, gift: Gift) -> frozenset[Operation]:
    return operations_of(bare.authority, gift.things_kind, msgspec.json.decode(gift.permissions))


def _named(gift: Gift) -> str:
    return f"role '{gift.role_name}' of group '{gift.group_name}'"
