"""Nobody gives more than they have: else somebody with a small role could give themselves a large one."""

from collections.abc import Collection

from deedbox.core.access.computed import DEFAULT_GROUP, ROLE_OF_GROUP
from deedbox.core.access.grants import default_permissions, operations_of, rules_of
from deedbox.core.access.group_permissions import Given
from deedbox.core.access.operations import Authority, Operation, Resource
from deedbox.core.access.rules import RULES, Rules
from deedbox.core.permissions import Principal, Target, may, reach_of, refuse


def has_everything(principal: Principal) -> bool:
    """Tell whether somebody may all that people of a tenant, or of the deployment, can."""
    if principal.authority is Authority.CUSTOMER_USER:
        return False
    rules = {resource: rules for (whose, resource), rules in RULES.items() if whose is principal.authority}
    return all(_covers(principal, resource, it) is None for resource, it in rules.items())


def check_everything(principal: Principal, operation: Operation, resource: Resource) -> None:
    """Keep what could be turned into more rights for those who have all of them. Raises NotPermitted."""
    if not has_everything(principal):
        refuse(operation, resource)


def check_may_give(principal: Principal, given: Collection[Given]) -> None:
    """Check that somebody has all that these give. Raises NotPermitted, naming what is missing."""
    for it in () if has_everything(principal) else given:
        to = Authority.TENANT_ADMIN if it.users.owner.customer_id is None else Authority.CUSTOMER_USER
        if it.things is None:
            _check_rules(principal, to, it)
        else:
            _check_operations(principal, to, it)


def gives_default(principal: Principal, to: Authority) -> bool:
    """Tell whether somebody may put new people of that authority into their default group."""
    if principal.authority is Authority.SYS_ADMIN or has_everything(principal):
        return True
    role = default_permissions(ROLE_OF_GROUP[DEFAULT_GROUP[to]])
    return all(_covers(principal, resource, it) is None for resource, it in rules_of(to, role).items())


def _check_rules(principal: Principal, to: Authority, it: Given) -> None:
    for resource, rules in rules_of(to, it.role.generic).items():
        missing = _covers(principal, resource, rules)
        if missing is not None:
            refuse(missing, resource)


def _check_operations(principal: Principal, to: Authority, it: Given) -> None:
    if it.things is None:
        return
    kind = Resource(it.things.kind)
    owner = it.things.owner
    # As something in the group would be asked about.
    target = Target(kind, owner.tenant_id, owner.customer_id, groups=frozenset({it.things.id}))
    for operation in sorted(operations_of(to, it.things.kind, it.role.operations)):
        if not may(principal, operation, target):
            refuse(operation, kind)


def _covers(principal: Principal, resource: Resource, rules: Rules) -> Operation | None:
    """Return the first operation that somebody does not have as far; None where there is none."""
    for operation, reach in rules.items():
        mine = reach_of(principal, operation, resource)
        if mine is None or mine < reach:
            return operation
    return None
