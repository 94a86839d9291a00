"""Roles and groups as rows, on each database."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from deedbox.core.access import computed, group_permissions, groups, members, roles
from deedbox.core.access.computed import ComputedGroup, ComputedRole
from deedbox.core.access.group_permissions import GroupPermission
from deedbox.core.access.groups import EntityGroup, GroupDraft, Owner
from deedbox.core.access.roles import Role, RoleDraft
from deedbox.core.devices import DeviceFilter
from deedbox.core.errors import InvalidValue, NameTaken, NotFound
from deedbox.core.ids import NULL_ID
from deedbox.core.paging import PageRequest, PageSlice
from deedbox.core.permissions import Authority, Operation, Principal, Resource
from deedbox.storage.access.memberships import with_grants
from deedbox.storage.stores import Stores
from deedbox.testing.claim_scene import (
    ACME,
    ALICE,
    GLOBEX,
    NEIGHBOUR,
    TENANT,
    ClaimScene,
    made_device,
    made_id,
)
from tests.storage.sqlite_bench import StorageBench

EVERYTHING = PageSlice(PageRequest())
SOMEBODY = Principal(made_id(90), Authority.TENANT_ADMIN, TENANT, None, "s@example.com", made_id(91))
THEM = Principal(made_id(92), Authority.CUSTOMER_USER, TENANT, ACME, "t@example.com", made_id(93))
ACTOR = SOMEBODY.actor()


ROLE = RoleDraft("Look", "GROUP", ["READ"])


@pytest.fixture
async def scene(either_bench: StorageBench) -> ClaimScene:
    scene = ClaimScene(either_bench)
    await scene.prepare(3)
    insert = (
        "insert into user_account (id, tenant_id, customer_id, email, authority, created_at) "
        "values (?, ?, ?, ?, ?, 0)"
    )
    for it in (SOMEBODY, THEM):
        either_bench.sql(insert, it.user_id, it.tenant_id, it.customer_id, it.email, str(it.authority))
    return scene


async def made_group(stores: Stores, owner: Owner, kind: str, name: str, *ids: UUID) -> EntityGroup:
    """A new group with these things in it."""
    group = await groups.create(stores.access, ACTOR, owner, GroupDraft(name, kind))
    await members.add(stores.access, ACTOR, group, ids)
    return group


async def give(stores: Stores, users: EntityGroup, role: Role, things: UUID | None = None) -> None:
    """Give a role to a group of people."""
    draft = GroupPermission(NULL_ID, TENANT, users.id, role.id, things or NULL_ID)
    wanted = await group_permissions.wanted(stores.access, TENANT, draft)
    await group_permissions.create(stores.access, ACTOR, wanted)


async def listed(stores: Stores, groups: tuple[UUID, ...], customer_id: UUID | None = None) -> list[str]:
    """Names of the devices that a list of these groups shows."""
    wanted = DeviceFilter(TENANT, customer_id, groups=groups)
    found = await stores.devices.list_devices(wanted, EVERYTHING)
    assert found.total == len(found.items)
    return [it.name for it in found.items]


async def test_lists_of_groups(scene: ClaimScene, either_bench: StorageBench) -> None:
    """Stored groups, all of a customer, all that nobody owns; each thing once."""
    await scene.assign(made_device(2), ACME)

    async def work(stores: Stores) -> list[list[str]]:
        shed = await made_group(stores, Owner(TENANT), "DEVICE", "Shed", made_device(1).id)
        other = await made_group(stores, Owner(TENANT), "DEVICE", "Other", made_device(1).id)
        acmes = computed.group_id(ACME, ComputedGroup.ALL_DEVICES)
        free = computed.group_id(TENANT, ComputedGroup.ALL_DEVICES)
        many = tuple(made_id(n) for n in range(100, 400))
        asked = [(shed.id, other.id), (acmes,), (free,), (shed.id, acmes, free, *many), (), many]
        narrowed = await listed(stores, (shed.id, acmes), ACME)
        return [*[await listed(stores, it) for it in asked], narrowed]

    one, two, three = "device-1", "device-2", "device-3"
    found = await either_bench.storage.write(work)
    assert found == [[one], [two], [one, three], [one, two, three], [], [], [two]]


async def test_a_thing_leaves_all_groups_with_its_owner(
    scene: ClaimScene, either_bench: StorageBench
) -> None:
    """Behaviour §4.5, thingsboard §9: by a claim and by a reclaim."""
    device = made_device(1)
    in_groups = "select count(*) from group_member where entity_id = ?"

    async def put(owner: Owner, name: str) -> None:
        await either_bench.storage.write(lambda stores: made_group(stores, owner, "DEVICE", name, device.id))

    await put(Owner(TENANT), "Stock")
    await scene.announce(device)
    assert (await scene.claim(ALICE, device)).device is not None
    assert either_bench.sql(in_groups, device.id)[0][0] == 0
    with pytest.raises(NotFound):
        await put(Owner(TENANT), "Returned")
    await put(Owner(TENANT, ACME), "Kitchen")
    assert either_bench.sql(in_groups, device.id)[0][0] == 1
    await scene.reclaim(ALICE, device)
    assert either_bench.sql(in_groups, device.id)[0][0] == 0


async def test_what_groups_add_up_to(scene: ClaimScene, either_bench: StorageBench) -> None:
    """Explicit groups, the one of everybody, and the default one, until somebody leaves it."""

    async def work(stores: Stores) -> list[Principal]:
        access, owner = stores.access, Owner(TENANT, ACME)
        found = [await with_grants(access.transaction, THEM)]
        role = await roles.create(access, ACTOR, ROLE)
        shed = await made_group(stores, Owner(TENANT), "DEVICE", "Shed", made_device(1).id)
        readers = await made_group(stores, owner, "USER", "Readers", THEM.user_id)
        await give(stores, readers, role, shed.id)
        everybody = await groups.group_of(access, TENANT, computed.group_id(ACME, ComputedGroup.ALL_USERS))
        rpc = await roles.create(access, ACTOR, RoleDraft("Call", "GENERIC", {"DEVICE": ["RPC_CALL"]}))
        await give(stores, everybody, rpc)
        default = await groups.group_of(access, TENANT, computed.group_id(ACME, ComputedGroup.CUSTOMER_USERS))
        found.append(await with_grants(access.transaction, THEM))
        await members.remove(access, ACTOR, default, [THEM.user_id, SOMEBODY.user_id])
        found.append(await with_grants(access.transaction, THEM))
        await groups.delete(access, ACTOR, shed)
        found.append(await with_grants(access.transaction, THEM))
        await members.add(access, ACTOR, default, [THEM.user_id])
        found.append(await with_grants(access.transaction, SOMEBODY))
        return found

    before, given, left, bare, untouched = await either_bench.storage.write(work)
    assert (before.grants, untouched.grants) == (None, None)
    assert given.grants and left.grants and bare.grants
    assert len(given.grants.groups_with(Operation.READ, Resource.DEVICE)) == 1
    assert Operation.READ in given.grants.of(Resource.DEVICE)
    assert set(left.grants.of(Resource.DEVICE)) == {Operation.RPC_CALL}
    assert left.grants.by_group == given.grants.by_group
    assert not bare.grants.by_group


async def test_a_changed_default_role(scene: ClaimScene, either_bench: StorageBench) -> None:
    """It counts for all customers' users of the tenant until it is put back."""
    role_id = computed.role_id(TENANT, ComputedRole.CUSTOMER_USER)

    async def work(stores: Stores) -> list[Principal]:
        access = stores.access
        await roles.change(access, ACTOR, role_id, RoleDraft(None, None, {"DEVICE": ["READ"]}))
        found = [await with_grants(access.transaction, THEM)]
        again = RoleDraft(None, None, {"DEVICE": ["READ", "RPC_CALL"]}, version=1)
        assert (await roles.change(access, ACTOR, role_id, again)).version == 2
        await roles.delete(access, ACTOR, role_id)
        return [*found, await with_grants(access.transaction, THEM)]

    changed, back = await either_bench.storage.write(work)
    assert changed.grants and set(changed.grants.of(Resource.DEVICE)) == {Operation.READ}
    assert back.grants is None


async def test_names_and_rows_are_kept_apart(scene: ClaimScene, either_bench: StorageBench) -> None:
    async def twice(stores: Stores) -> None:
        for _ in range(2):
            await roles.create(stores.access, ACTOR, ROLE)

    async def grouped_twice(stores: Stores) -> None:
        for owner in (Owner(TENANT, ACME), Owner(TENANT, GLOBEX), Owner(TENANT, ACME)):
            await made_group(stores, owner, "USER", "Readers")

    async def given_twice(stores: Stores) -> None:
        users = await made_group(stores, Owner(TENANT), "USER", "Readers")
        role = await roles.create(stores.access, ACTOR, RoleDraft("Any", "GENERIC", {}))
        for _ in range(2):
            await give(stores, users, role)

    for work in (twice, grouped_twice, given_twice):
        with pytest.raises(NameTaken):
            await either_bench.storage.write(work)


async def test_nobody_is_without_an_administrator(scene: ClaimScene, either_bench: StorageBench) -> None:
    async def leave(stores: Stores) -> None:
        group_id = computed.group_id(TENANT, ComputedGroup.TENANT_ADMINISTRATORS)
        group = await groups.group_of(stores.access, TENANT, group_id)
        await members.remove(stores.access, ACTOR, group, [SOMEBODY.user_id])

    with pytest.raises(InvalidValue, match="last administrator"):
        await either_bench.storage.write(leave)
    either_bench.sql(
        "insert into user_account (id, tenant_id, email, authority, created_at) values (?, ?, ?, ?, 0)",
        made_id(95), TENANT, "second@example.com", "TENANT_ADMIN",
    )  # fmt: skip
    await either_bench.storage.write(leave)


async def test_what_a_deleted_owner_leaves(scene: ClaimScene, either_bench: StorageBench) -> None:
    """No row of its groups; those of others stay."""

    async def work(stores: Stores) -> None:
        role = await roles.create(stores.access, ACTOR, RoleDraft("Any", "GENERIC", {}))
        for owner, person in ((Owner(TENANT, ACME), THEM), (Owner(TENANT), SOMEBODY)):
            users = await made_group(stores, owner, "USER", "Readers", person.user_id)
            await give(stores, users, role)
            everybody = computed.group_id(owner.id, ComputedGroup.ALL_USERS)
            await give(stores, await groups.group_of(stores.access, TENANT, everybody), role)
        await stores.erasure.delete_customer(TENANT, ACME)

    await either_bench.storage.write(work)
    counts = [
        either_bench.sql(f"select count(*) from {table}")[0][0]
        for table in ("entity_group", "group_member", "group_permission", "role")
    ]
    assert counts == [1, 1, 2, 1]


async def test_another_tenants_are_not_there(scene: ClaimScene, either_bench: StorageBench) -> None:
    """Attacks A12: neither by an id of a row nor by one that is made of the owner's."""

    async def work(stores: Stores) -> Sequence[object]:
        role = await roles.create(stores.access, ACTOR, ROLE)
        group = await made_group(stores, Owner(TENANT), "DEVICE", "Shed")
        acmes = computed.group_id(ACME, ComputedGroup.ALL_DEVICES)
        default = computed.role_id(TENANT, ComputedRole.CUSTOMER_USER)
        return [
            *await groups.groups_named(stores.access, NEIGHBOUR, [group.id, acmes]),
            *await roles.roles_of(stores.access, NEIGHBOUR, [role.id, default]),
        ]

    assert await either_bench.storage.write(work) == []
