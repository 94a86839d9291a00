"""Group permissions: which group of people has which role, a GROUP role for which group of things.

What the computed groups of people have is computed too, and read-only.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.access import computed, roles
from deedbox.core.access.computed import ROLE_OF_GROUP
from deedbox.core.access.groups import EntityGroup, GroupStore, Owner, group_of
from deedbox.core.access.resolving import Membership
from deedbox.core.access.roles import Role, RoleKind, RoleStore
from deedbox.core.errors import InvalidValue, NameTaken, NotFound
from deedbox.core.ids import NULL_ID
from deedbox.core.permissions import Principal
from deedbox.core.records import Actor, Subject, audit_entry

#: A group of people can have so many, so that nobody's sign-in gets slow.
MOST_OF_A_GROUP = 200


class GroupPermission(msgspec.Struct, frozen=True):
    """A role of a group of people; `entity_group_id` is NULL_ID for GENERIC ones.

    `created_at` is epoch milliseconds, 0 for what is computed.
    """

    id: UUID
    tenant_id: UUID
    user_group_id: UUID
    role_id: UUID
    entity_group_id: UUID = NULL_ID
    created_at: int = 0


class GroupPermissionStore(GroupStore, RoleStore, Protocol):
    """Stored group permissions, with roles and groups, inside one transaction."""

    async def membership(self, principal: Principal) -> Membership:
        """Return somebody's groups and what these give."""
        ...

    async def group_permissions(
        self, tenant_id: UUID, permission_ids: Collection[UUID]
    ) -> Mapping[UUID, GroupPermission]:
        """Return those that are stored."""
        ...

    async def permissions_of_users(self, tenant_id: UUID, user_group_id: UUID) -> list[GroupPermission]:
        """Return what is stored for a group of people."""
        ...

    async def permissions_for_things(self, tenant_id: UUID, entity_group_id: UUID) -> list[GroupPermission]:
        """Return what is stored for a group of things."""
        ...

    async def add_group_permission(self, permission: GroupPermission) -> None:
        """Store a new one. Raises NameTaken for one that is there."""
        ...

    async def change_group_permission(self, permission: GroupPermission) -> None:
        """Store role and group of things of one. Raises NameTaken."""
        ...

    async def delete_group_permission(self, permission: GroupPermission) -> None:
        """Delete one."""
        ...


class Given(msgspec.Struct, frozen=True):
    """A group permission with what it names."""

    permission: GroupPermission
    users: EntityGroup
    role: Role
    things: EntityGroup | None

    @property
    def is_computed(self) -> bool:
        """Tell whether it is there from the start."""
        return not self.permission.created_at


async def given_to(store: GroupPermissionStore, users: EntityGroup) -> list[Given]:
    """Return what a group of people has."""
    stored = await store.permissions_of_users(users.tenant_id, users.id)
    return await _whole(store, users.tenant_id, [*_computed(users), *stored])


async def given_for(store: GroupPermissionStore, things: EntityGroup) -> list[Given]:
    """Return what groups of people have for a group of things."""
    stored = await store.permissions_for_things(things.tenant_id, things.id)
    return await _whole(store, things.tenant_id, stored)


async def given(store: GroupPermissionStore, tenant_id: UUID, permission_id: UUID) -> Given:
    """Return a group permission of the tenant. Raises NotFound."""
    found = dict(await store.group_permissions(tenant_id, [permission_id]))
    which = computed.group_of(permission_id)
    if which is not None and which[1] in ROLE_OF_GROUP:
        found |= {it.id: it for it in _computed(await _users(store, tenant_id, permission_id))}
    if permission_id not in found:
        raise _not_found(permission_id)
    return (await _whole(store, tenant_id, [found[permission_id]]))[0]


async def wanted(store: GroupPermissionStore, tenant_id: UUID, draft: GroupPermission) -> Given:
    """Return what somebody wants to give, with what it names; nothing is stored.

    Raises InvalidValue where the parts do not belong together; NotFound for what the tenant does not have.
    """
    users = await group_of(store, tenant_id, draft.user_group_id)
    if users.kind != "USER":
        raise InvalidValue("userGroupId must name a group of users.", "/userGroupId")
    role = await roles.role_of(store, tenant_id, draft.role_id)
    if role.kind is RoleKind.GENERIC:
        return Given(msgspec.structs.replace(draft, entity_group_id=NULL_ID), users, role, None)
    if draft.entity_group_id == NULL_ID:
        raise InvalidValue("A GROUP role is given for a group of things: name it.", "/entityGroupId")
    things = await group_of(store, tenant_id, draft.entity_group_id)
    # A customer's people never get at another customer's things, by no role.
    if not _may_meet(users.owner, things.owner):
        raise InvalidValue(
            "A customer's users get roles for its own groups and its tenant's.", "/entityGroupId"
        )
    return Given(draft, users, role, things)


async def create(store: GroupPermissionStore, actor: Actor, new: Given) -> Given:
    """Store what `wanted` returned as a new group permission. Raises InvalidValue, NameTaken."""
    known = await store.permissions_of_users(actor.tenant_id, new.users.id)
    if len(known) >= MOST_OF_A_GROUP:
        raise InvalidValue(f"A group of users can have {MOST_OF_A_GROUP} roles. Take some away first.")
    permission = msgspec.structs.replace(
        new.permission, id=store.new_id(), tenant_id=actor.tenant_id, created_at=await store.now_ms()
    )
    await store.add_group_permission(permission)
    added = msgspec.structs.replace(new, permission=permission)
    await _record(store, actor, added, "ADDED")
    return added


async def change(store: GroupPermissionStore, actor: Actor, before: Given, after: Given) -> Given:
    """Store what `wanted` returned in place of a group permission. Raises InvalidValue, NameTaken."""
    _check_stored(before)
    if after.users.id != before.users.id:
        raise InvalidValue("The group of users can't be changed. Give the role anew.", "/userGroupId")
    kept = before.permission
    permission = msgspec.structs.replace(
        after.permission, id=kept.id, tenant_id=kept.tenant_id, created_at=kept.created_at
    )
    await store.change_group_permission(permission)
    changed = msgspec.structs.replace(after, permission=permission)
    await _record(store, actor, changed, "UPDATED")
    return changed


async def delete(store: GroupPermissionStore, actor: Actor, it: Given) -> None:
    """Take a role from a group of people. Raises InvalidValue for what is there from the start."""
    _check_stored(it)
    await store.delete_group_permission(it.permission)
    await _record(store, actor, it, "DELETED")


def already_given() -> NameTaken:
    """Return the refusal of giving the same twice."""
    return NameTaken("The group of users has this role already.", "/roleId")


def _may_meet(users: Owner, things: Owner) -> bool:
    return users.customer_id is None or things.customer_id in (None, users.customer_id)


def _check_stored(it: Given) -> None:
    if it.is_computed:
        raise InvalidValue(
            f"'{it.users.name}' has this role from the start. Take people out of it, or change the role."
        )


def _computed(users: EntityGroup) -> list[GroupPermission]:
    which = users.computed
    if which not in ROLE_OF_GROUP or which is None:
        return []
    role_id = computed.role_id(users.tenant_id, ROLE_OF_GROUP[which])
    # There is one of each such group: its id is the group's.
    return [GroupPermission(users.id, users.tenant_id, users.id, role_id)]


async def _users(store: GroupPermissionStore, tenant_id: UUID, permission_id: UUID) -> EntityGroup:
    try:
        return await group_of(store, tenant_id, permission_id)
    except NotFound:
        raise _not_found(permission_id) from None


def _not_found(permission_id: UUID) -> NotFound:
    return NotFound(f"Group permission with id [{permission_id}] is not found")


async def _whole(
    store: GroupPermissionStore, tenant_id: UUID, found: Sequence[GroupPermission]
) -> list[Given]:
    whole = []
    for it in found:
        users = await group_of(store, tenant_id, it.user_group_id)
        role = await roles.role_of(store, tenant_id, it.role_id)
        is_generic = it.entity_group_id == NULL_ID
        things = None if is_generic else await group_of(store, tenant_id, it.entity_group_id)
        whole.append(Given(it, users, role, things))
    return whole


async def _record(store: GroupPermissionStore, actor: Actor, it: Given, action: str) -> None:
    data = {
        "userGroupId": it.users.id,
        "roleId": it.role.id,
        "roleName": it.role.name,
        "entityGroupId": None if it.things is None else it.things.id,
    }
    subject = Subject("GROUP_PERMISSION", it.permission.id, f"{it.users.name}: {it.role.name}")
    entry = audit_entry(store, actor, subject, action, now_ms=await store.now_ms(), data=data)
    await store.add_audit_entries([entry])
