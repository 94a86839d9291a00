"""What somebody's roles and groups add up to: compact, so that a decision costs a few look-ups.

Roles only give; there is nothing that takes away. What several groups give is united, and nothing goes beyond
the limits of the authority.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec

from deedbox.core.access.computed import ComputedRole
from deedbox.core.access.operations import IMPLIED, Authority, Operation, Reach, Resource
from deedbox.core.access.rules import ALWAYS, LIMITS, RULES, Rules

#: Permissions of a role as they are stored: names of kinds, each with names of operations.
Permissions = Mapping[str, Iterable[str]]
ALL = "ALL"

#: How roles name kinds of things, where it is not the kind's own name.
_NAMED: Mapping[str, tuple[Resource, ...]] = {"USER": (Resource.USER, Resource.CUSTOMER_USER)}
_NOTHING: Rules = {}
#: Operations by group of things.
ByGroup = Mapping[UUID, frozenset[Operation]]
_NO_GROUP: ByGroup = {}


class Grants(msgspec.Struct, frozen=True):
    """What somebody may: by generic roles per kind of thing, by group roles per kind and group.

    People of tenants and of customers are in groups of the same kind: USER.
    """

    rules: Mapping[Resource, Rules]
    by_group: Mapping[Resource, ByGroup] = {}

    def of(self, resource: Resource) -> Rules:
        """Return what generic roles give for a kind."""
        return self.rules.get(resource, _NOTHING)

    def in_groups_of(self, resource: Resource) -> ByGroup:
        """Return what group roles give for things of a kind."""
        kind = Resource.USER if resource is Resource.CUSTOMER_USER else resource
        return self.by_group.get(kind, _NO_GROUP)

    def groups_with(self, operation: Operation, resource: Resource) -> list[UUID]:
        """Return the groups whose things may be done that to."""
        return [it for it, operations in self.in_groups_of(resource).items() if operation in operations]


def resources_named(name: str) -> tuple[Resource, ...]:
    """Return the kinds that a role means by a name; none for one that Deedbox has nothing of."""
    if name == ALL:
        return tuple(Resource)
    return _NAMED.get(name) or ((Resource(name),) if name in set(Resource) else ())


def operations_named(names: Iterable[str]) -> frozenset[Operation]:
    """Return the operations that a role means by these names, with those that they imply."""
    names = set(names)
    if ALL in names:
        return frozenset(Operation)
    known = {Operation(it) for it in names if it in set(Operation)}
    return frozenset(known.union(*(IMPLIED.get(it, ()) for it in known)))


def rules_of(authority: Authority, permissions: Permissions) -> dict[Resource, dict[Operation, Reach]]:
    """Return what a generic role gives to people of that authority, within its limits."""
    found: dict[Resource, dict[Operation, Reach]] = {}
    for name, names in permissions.items():
        operations = operations_named(names)
        for resource in resources_named(name):
            limits = LIMITS.get((authority, resource), _NOTHING)
            rules = {it: limits[it] for it in operations if it in limits}
            if rules:
                found.setdefault(resource, {}).update(rules)
    return found


def operations_of(authority: Authority, group_type: str, names: Iterable[str]) -> frozenset[Operation]:
    """Return what a group role gives to people of that authority for the things of a group."""
    limits = [LIMITS.get((authority, it), _NOTHING) for it in resources_named(group_type)]
    return operations_named(names) & frozenset().union(*limits)


def default_rules(authority: Authority) -> dict[Resource, Rules]:
    """Return what people of that authority may who are in its default group, unless its role was changed."""
    return {resource: rules for (whose, resource), rules in RULES.items() if whose is authority}


def united(parts: Iterable[Mapping[Resource, Rules]]) -> dict[Resource, Rules]:
    """Return what several roles give together: each operation as far as any of them reaches."""
    found: dict[Resource, dict[Operation, Reach]] = {}
    for part in parts:
        for resource, rules in part.items():
            known = found.setdefault(resource, {})
            for operation, reach in rules.items():
                known[operation] = max(reach, known.get(operation, reach))
    return dict(found)


def always(authority: Authority) -> dict[Resource, Rules]:
    """Return what people of that authority may in whatever groups they are."""
    return {resource: rules for (whose, resource), rules in ALWAYS.items() if whose is authority}


#: Each kind of group that a household's own administrators keep.
_OWN_AFFAIRS = ("USER", "DEVICE_GROUP", "ASSET_GROUP", "USER_GROUP", "GROUP_PERMISSION")


def default_permissions(role: ComputedRole) -> dict[str, list[str]]:
    """Return what a computed role gives as long as its tenant has not changed it."""
    if role is ComputedRole.TENANT_ADMINISTRATOR:
        return {ALL: [ALL]}
    found = {
        str(resource): [str(it) for it, reach in rules.items() if reach is not Reach.ITSELF]
        for resource, rules in default_rules(Authority.CUSTOMER_USER).items()
    }
    if role is ComputedRole.CUSTOMER_ADMINISTRATOR:
        found |= {name: [ALL] for name in _OWN_AFFAIRS} | {"ROLE": ["READ"]}
    return {name: operations for name, operations in found.items() if operations}
