"""The table of who may do what, row by row against the specification."""

import pytest

from deedbox.core.errors import NotFound, NotPermitted
from deedbox.core.ids import NULL_ID
from deedbox.core.permissions import (
    RULES,
    Authority,
    Operation,
    Principal,
    Resource,
    Target,
    check,
    may,
)
from deedbox.testing.claim_scene import ACME, GLOBEX, NEIGHBOUR, TENANT, made_id

USER = made_id(1)
SYSTEM = Principal(USER, Authority.SYS_ADMIN, NULL_ID, None, "system@example.com", made_id(2))
ADMIN = Principal(USER, Authority.TENANT_ADMIN, TENANT, None, "admin@example.com", made_id(2))
OWNER = Principal(USER, Authority.CUSTOMER_USER, TENANT, ACME, "owner@example.com", made_id(2))
VISITOR = Principal(USER, Authority.CUSTOMER_USER, TENANT, ACME, "", made_id(2), is_public=True)

OWN = Target(Resource.DEVICE, TENANT, ACME)
FREE = Target(Resource.DEVICE, TENANT)
OTHERS = Target(Resource.DEVICE, TENANT, GLOBEX)
FOREIGN = Target(Resource.DEVICE, NEIGHBOUR, ACME)

OWNER_MAY = {
    Operation.READ,
    Operation.READ_TELEMETRY,
    Operation.READ_ATTRIBUTES,
    Operation.WRITE_SHARED_ATTRIBUTES,
    Operation.RPC_CALL,
    Operation.CLAIM_DEVICES,
    Operation.WRITE_LABEL,
    Operation.RECLAIM,
}
VISITOR_MAY = {Operation.READ, Operation.READ_TELEMETRY, Operation.READ_ATTRIBUTES}


@pytest.mark.parametrize("operation", list(Operation))
def test_an_owner_may_what_the_specification_lists_and_nothing_else(operation: Operation) -> None:
    """Behaviour §5: neither credentials, name, profile, creation nor deletion."""
    assert may(OWNER, operation, OWN) == (operation in OWNER_MAY)


@pytest.mark.parametrize("operation", list(Operation))
@pytest.mark.parametrize("target", [FREE, OTHERS])
def test_a_customer_may_claim_what_is_not_its_own_and_nothing_else(
    operation: Operation, target: Target
) -> None:
    """Behaviour §4, §5."""
    assert may(OWNER, operation, target) == (operation is Operation.CLAIM_DEVICES)


@pytest.mark.parametrize("operation", list(Operation))
@pytest.mark.parametrize("target", [OWN, FREE])
def test_an_administrator_may_everything_with_devices_but_claim(operation: Operation, target: Target) -> None:
    """Behaviour §4: 403, as the reference server answers."""
    assert may(ADMIN, operation, target) == (operation is not Operation.CLAIM_DEVICES)


@pytest.mark.parametrize("operation", list(Operation))
@pytest.mark.parametrize("principal", [ADMIN, OWNER, VISITOR])
def test_another_tenants_device_does_not_exist(principal: Principal, operation: Operation) -> None:
    """Attacks A12: never a hint, whatever is asked."""
    with pytest.raises((NotFound, NotPermitted)) as same_tenant:
        check(principal, operation, FOREIGN)
    allowed_at_home = operation in RULES[principal.authority, Resource.DEVICE]
    hidden = allowed_at_home and not (principal.is_public and operation not in VISITOR_MAY)
    assert same_tenant.type is (NotFound if hidden else NotPermitted)


@pytest.mark.parametrize("operation", list(Operation))
def test_system_administrators_do_nothing_with_devices(operation: Operation) -> None:
    assert not may(SYSTEM, operation, OWN)


@pytest.mark.parametrize("operation", list(Operation))
def test_visitors_of_a_public_customer_only_look(operation: Operation) -> None:
    """Behaviour §4: never claim or reclaim; nor command, write or rename what everybody can see."""
    assert may(VISITOR, operation, OWN) == (operation in VISITOR_MAY)


def test_a_customer_without_customer_owns_nothing() -> None:
    """Two empty customers are not the same customer."""
    nobody = Principal(USER, Authority.CUSTOMER_USER, TENANT, None, "x@example.com", made_id(2))
    assert not may(nobody, Operation.READ, FREE)


def test_users_of_customers_see_and_change_themselves_only() -> None:
    me, other = (Target(Resource.CUSTOMER_USER, TENANT, ACME, it) for it in (USER, made_id(9)))
    allowed = [it for it in Operation if may(OWNER, it, me)]
    assert allowed == [Operation.READ, Operation.WRITE]
    assert not any(may(OWNER, it, other) for it in Operation)


@pytest.mark.parametrize(
    "resource", [Resource.TENANT, Resource.USER, Resource.SYSTEM_USER, Resource.AUDIT_LOG]
)
@pytest.mark.parametrize("operation", list(Operation))
def test_customers_have_no_say_in_the_tenants_affairs(resource: Resource, operation: Operation) -> None:
    assert not may(OWNER, operation, Target(resource, TENANT, ACME))


def test_administrators_stay_in_their_tenant() -> None:
    for resource in Resource:
        for operation in Operation:
            assert not may(ADMIN, operation, Target(resource, NEIGHBOUR, None, NEIGHBOUR))
    assert not any(may(ADMIN, it, Target(Resource.SYSTEM_USER, TENANT)) for it in Operation)
    assert not may(ADMIN, Operation.CREATE, Target(Resource.TENANT, TENANT, None, TENANT))


def test_a_refusal_names_operation_and_resource() -> None:
    with pytest.raises(NotPermitted) as refused:
        check(OWNER, Operation.READ_CREDENTIALS, OWN)
    assert refused.value.details == {"operation": "READ_CREDENTIALS", "resource": "DEVICE"}
