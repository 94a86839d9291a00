"""What roles and groups add up to, and the decision with it."""

import msgspec
import pytest

from deedbox.core.access import computed
from deedbox.core.access.computed import ComputedGroup, ComputedRole
from deedbox.core.access.grants import Grants, default_permissions, default_rules, rules_of
from deedbox.core.access.operations import IMPLIED
from deedbox.core.access.resolving import Gift, Membership, grants_of
from deedbox.core.access.rules import LIMITS, RULES
from deedbox.core.errors import NotFound, NotPermitted
from deedbox.core.permissions import (
    Authority,
    Operation,
    Principal,
    Reach,
    Resource,
    Target,
    check,
    check_somewhere,
    may,
)
from deedbox.testing.claim_scene import ACME, GLOBEX, NEIGHBOUR, TENANT, made_id

USER, SHED = made_id(1), made_id(500)
OWN = Target(Resource.DEVICE, TENANT, ACME, made_id(9))
FREE = Target(Resource.DEVICE, TENANT, None, made_id(8))
TENANTS, CUSTOMERS = Authority.TENANT_ADMIN, Authority.CUSTOMER_USER


def person(authority: Authority, *gifts: Gift, **more: object) -> Principal:
    """Somebody who is in groups that have these roles."""
    customer_id = ACME if authority is CUSTOMERS else None
    membership = Membership(gifts=gifts, **more)  # type: ignore[arg-type]
    grants = grants_of(authority, membership)
    return Principal(USER, authority, TENANT, customer_id, "x@example.com", made_id(2), grants=grants)


def generic(**permissions: list[str]) -> Gift:
    """A generic role."""
    return Gift("Claimers", "Claiming", msgspec.json.encode(permissions).decode())


def for_shed(*operations: str, kind: str = "DEVICE") -> Gift:
    """A role for a group of things."""
    return Gift("Gardeners", "Shed", msgspec.json.encode(operations).decode(), SHED, kind)


def in_shed(target: Target) -> Target:
    """The same thing, in the group."""
    return msgspec.structs.replace(target, groups=frozenset({SHED, made_id(501)}))


def test_people_of_default_groups_need_no_grants() -> None:
    """Behaviour §5: the table as it is, for whom nothing was changed."""
    assert [grants_of(it, Membership()) for it in Authority] == [None, None, None]


@pytest.mark.parametrize("authority", [TENANTS, CUSTOMERS])
def test_default_roles_are_the_table(authority: Authority) -> None:
    """Behaviour §5: as JSON, too, which a tenant starts from when it changes a role."""
    role = computed.ROLE_OF_GROUP[computed.DEFAULT_GROUP[authority]]
    written = rules_of(authority, default_permissions(role))
    for resource, rules in default_rules(authority).items():
        assert written.get(resource, {}) == {k: v for k, v in rules.items() if v is not Reach.ITSELF}


@pytest.mark.parametrize("authority", [TENANTS, CUSTOMERS])
def test_a_role_of_everything_gives_what_the_limits_say(authority: Authority) -> None:
    """Behaviour §3.3, §3.4: a customer never gets at claim keys, whatever its tenant gives it."""
    for principal in (
        person(authority, generic(ALL=["ALL"]), in_default=False),
        person(authority, generic(ALL=["ALL"])),
    ):
        for resource in Resource:
            limits, given = LIMITS.get((authority, resource), {}), principal.grants
            assert given is not None
            assert {it: reach for it, reach in given.of(resource).items() if it in limits} == limits
    assert (
        not {Operation.READ_CLAIM_KEY, Operation.WRITE_CLAIM_KEY} & LIMITS[CUSTOMERS, Resource.DEVICE].keys()
    )


def test_limits_hold_the_table() -> None:
    """A tenant can always give the default."""
    for (authority, resource), rules in RULES.items():
        wider = LIMITS[authority, resource]
        assert all(wider[it] >= reach for it, reach in rules.items() if it in wider)
        assert rules.keys() <= wider.keys() or resource is Resource.CUSTOMER_USER


def test_claiming_can_be_taken_away_and_given_to_a_group() -> None:
    """The claimers of claiming-devices.txt: the default role without it, and a group with it."""
    role = default_permissions(ComputedRole.CUSTOMER_USER)
    role["DEVICE"] = [it for it in role["DEVICE"] if it not in ("CLAIM_DEVICES", "RECLAIM")]
    changed = msgspec.json.encode(role).decode()
    everybody = person(CUSTOMERS, default_role=changed)
    with pytest.raises(NotPermitted) as refused:
        check(everybody, Operation.CLAIM_DEVICES, FREE)
    assert refused.value.details == {"operation": "CLAIM_DEVICES", "resource": "DEVICE"}
    claimer = person(CUSTOMERS, generic(DEVICE=["CLAIM_DEVICES"]), default_role=changed)
    assert may(claimer, Operation.CLAIM_DEVICES, FREE)
    assert may(claimer, Operation.RECLAIM, OWN)
    assert may(claimer, Operation.READ_TELEMETRY, OWN)
    assert not may(everybody, Operation.RECLAIM, OWN)


def test_whoever_was_taken_out_keeps_only_itself() -> None:
    for authority, kind in ((TENANTS, Resource.USER), (CUSTOMERS, Resource.CUSTOMER_USER)):
        alone = person(authority, in_default=False)
        me = Target(kind, TENANT, alone.customer_id, USER)
        assert may(alone, Operation.READ, me)
        assert not may(alone, Operation.READ, msgspec.structs.replace(me, id=made_id(3)))
        assert not may(alone, Operation.READ, OWN)
        with pytest.raises(NotPermitted):
            check_somewhere(alone, Operation.READ, Resource.DEVICE)


def test_roles_of_several_groups_are_united() -> None:
    both = person(
        TENANTS, generic(DEVICE=["READ"]), generic(DEVICE=["RPC_CALL"], USER=["READ"]), in_default=False
    )
    assert may(both, Operation.READ, OWN)
    assert may(both, Operation.RPC_CALL, OWN)
    assert may(both, Operation.READ, Target(Resource.CUSTOMER_USER, TENANT, ACME, made_id(3)))
    assert not may(both, Operation.WRITE, OWN)


def test_a_group_role_is_for_what_is_in_its_group() -> None:
    for authority in (TENANTS, CUSTOMERS):
        gardener = person(authority, for_shed("READ", "RPC_CALL"), in_default=False)
        assert may(gardener, Operation.READ, in_shed(FREE))
        assert may(gardener, Operation.RPC_CALL, in_shed(OWN))
        assert not may(gardener, Operation.WRITE, in_shed(OWN))
        assert not may(gardener, Operation.READ, FREE)
        assert not may(gardener, Operation.READ, in_shed(Target(Resource.ASSET, TENANT, ACME)))
        check_somewhere(gardener, Operation.READ, Resource.DEVICE)


def test_a_group_role_shows_nothing_of_another_tenant() -> None:
    """Attacks A12."""
    gardener = person(TENANTS, for_shed("ALL"), in_default=False)
    with pytest.raises(NotFound):
        check(gardener, Operation.READ, in_shed(Target(Resource.DEVICE, NEIGHBOUR, None, made_id(8))))


def test_a_group_role_stays_within_the_limits_of_customers() -> None:
    """Behaviour §3.4: nor does a role for a group show a claim key."""
    gardener = person(CUSTOMERS, for_shed("ALL"))
    assert may(gardener, Operation.READ_CREDENTIALS, in_shed(FREE))
    for operation in (Operation.READ_CLAIM_KEY, Operation.ASSIGN_TO_CUSTOMER, Operation.CHANGE_OWNER):
        assert not may(gardener, operation, in_shed(FREE))


def test_the_group_of_all_is_computed() -> None:
    everything = computed.group_id(GLOBEX, ComputedGroup.ALL_DEVICES)
    gift = Gift("Helpers", "Look", '["READ"]', everything, "DEVICE")
    helper = person(TENANTS, gift, in_default=False)
    assert may(helper, Operation.READ, Target(Resource.DEVICE, TENANT, GLOBEX))
    assert not may(helper, Operation.READ, OWN)


def test_people_are_in_groups_of_one_kind() -> None:
    helper = person(TENANTS, for_shed("READ", kind="USER"), in_default=False)
    for kind in (Resource.USER, Resource.CUSTOMER_USER):
        assert may(helper, Operation.READ, in_shed(Target(kind, TENANT, None, made_id(7))))


def test_what_operations_imply_comes_with_them() -> None:
    for operation, others in IMPLIED.items():
        given = rules_of(TENANTS, {"DEVICE": [str(operation)]}).get(Resource.DEVICE, {})
        within = {it for it in (operation, *others) if it in LIMITS[TENANTS, Resource.DEVICE]}
        assert given.keys() == within


def test_names_of_elsewhere_do_nothing() -> None:
    assert rules_of(TENANTS, {"DASHBOARD": ["ALL"], "DEVICE": ["SHARE_GROUP"]}) == {}


def test_computed_ids_lead_back_to_their_owner() -> None:
    for group in ComputedGroup:
        assert computed.group_of(computed.group_id(ACME, group)) == (ACME, group)
    for role in ComputedRole:
        assert computed.role_of(computed.role_id(TENANT, role)) == (TENANT, role)
    assert computed.group_of(ACME) is None
    assert computed.role_of(TENANT) is None


def test_a_visitor_of_a_public_customer_gets_nothing_by_roles() -> None:
    """Behaviour §4: visitors look, whatever users of that customer may."""
    visitor = msgspec.structs.replace(
        person(CUSTOMERS, generic(ALL=["ALL"])), is_public=True, grants=Grants(default_rules(CUSTOMERS))
    )
    assert not may(visitor, Operation.CLAIM_DEVICES, FREE)
