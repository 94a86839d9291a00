"""Group permissions: which group of users has which role."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, post
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath

from deedbox.api.access.reaching import permitted_group
from deedbox.api.access.roles import TAGS
from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.shapes.devices import referred_id
from deedbox.api.shapes.groups import (
    GroupPermissionSaveShape,
    GroupPermissionShape,
    group_permission_shape,
)
from deedbox.core.access import group_permissions
from deedbox.core.access.giving import check_may_give
from deedbox.core.access.group_permissions import Given, GroupPermission
from deedbox.core.access.groups import EntityGroup
from deedbox.core.errors import NotFound
from deedbox.core.ids import NULL_ID
from deedbox.core.paging import LARGEST_PAGE
from deedbox.core.permissions import Operation, Principal, Resource, Target, check, may
from deedbox.core.storage import Stores

_PERMISSION = "/api/groupPermission/{group_permission_id:str}"
_NEW = Example(
    summary="A role for a group of users",
    value={
        "userGroupId": {"entityType": "ENTITY_GROUP", "id": "01890a5d-ac96-774b-bcce-b302099a8057"},
        "roleId": {"entityType": "ROLE", "id": "01890a5d-ac96-774b-bcce-b302099a8058"},
    },
)
_NEWS = Example(summary="Roles for groups of users", value=[_NEW.value])


@post("/api/groupPermission", status_code=200, tags=TAGS, summary="Give a role to a group of users")
async def save_group_permission(
    request: ApiRequest, data: Annotated[GroupPermissionSaveShape, Body(examples=[_NEW])]
) -> GroupPermissionShape:
    """Give a role (no `id`), or give another one in place of what `id` names.

    A GROUP role is given for the group of things in `entityGroupId`. Nobody gives more than they have (403).
    """
    principal, permission_id = await principal_of(request), referred_id(data.id)
    actor, draft = principal.actor(source_address(request)), _draft(principal, data)

    async def work(stores: Stores) -> Given:
        if permission_id is None:
            new = await _wanted(stores, principal, Operation.CREATE, draft)
            return await group_permissions.create(stores.access, actor, new)
        before = await _permitted(stores, principal, Operation.WRITE, permission_id)
        after = await _wanted(stores, principal, Operation.WRITE, draft)
        return await group_permissions.change(stores.access, actor, before, after)

    given = await context_of(request).storage.write(work)
    context_of(request).authenticator.forget(principal.tenant_id)
    return group_permission_shape(given)


@get(
    [_PERMISSION, "/api/groupPermission/info/{group_permission_id:str}"],
    tags=TAGS,
    summary="Read a group permission",
)
async def get_group_permission(
    request: ApiRequest, group_permission_id: FromPath[UUID]
) -> GroupPermissionShape:
    """Return a group permission with the names of what it is about."""
    principal = await principal_of(request)
    return group_permission_shape(
        await context_of(request).storage.read(
            lambda it: _permitted(it, principal, Operation.READ, group_permission_id)
        )
    )


@delete(_PERMISSION, status_code=200, tags=TAGS, summary="Take a role from a group of users")
async def delete_group_permission(request: ApiRequest, group_permission_id: FromPath[UUID]) -> None:
    """Take the role away, from everybody in the group, at once. 400 for what is there from the start."""
    principal = await principal_of(request)
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> None:
        it = await _permitted(stores, principal, Operation.DELETE, group_permission_id)
        await group_permissions.delete(stores.access, actor, it)

    await context_of(request).storage.write(work)
    context_of(request).authenticator.forget(principal.tenant_id)


@get(
    "/api/userGroup/{user_group_id:str}/groupPermissions", tags=TAGS, summary="List what a group of users has"
)
async def list_of_users(request: ApiRequest, user_group_id: FromPath[UUID]) -> list[GroupPermissionShape]:
    """Return the roles of a group of users."""
    principal = await principal_of(request)

    async def work(stores: Stores) -> list[Given]:
        users = await permitted_group(stores, principal, Operation.READ, user_group_id)
        _check(principal, Operation.READ, users)
        return await group_permissions.given_to(stores.access, users)

    return [group_permission_shape(it) for it in await context_of(request).storage.read(work)]


@get(
    "/api/entityGroup/{entity_group_id:str}/groupPermissions",
    tags=TAGS,
    summary="List who has roles for a group",
)
async def list_for_things(request: ApiRequest, entity_group_id: FromPath[UUID]) -> list[GroupPermissionShape]:
    """Return the roles that groups of users have for a group of things, those of users that you may see."""
    principal = await principal_of(request)

    async def work(stores: Stores) -> list[Given]:
        things = await permitted_group(stores, principal, Operation.READ, entity_group_id)
        _check(principal, Operation.READ, things)
        found = await group_permissions.given_for(stores.access, things)
        return [it for it in found if may(principal, Operation.READ, _target(it.users))]

    return [group_permission_shape(it) for it in await context_of(request).storage.read(work)]


@post("/api/userGroup/groupPermissions/info", status_code=200, tags=TAGS, summary="Look roles to give up")
async def look_up(
    request: ApiRequest, data: Annotated[list[GroupPermissionSaveShape], Body(examples=[_NEWS])]
) -> list[GroupPermissionShape]:
    """Return group permissions as they would be stored, with the names of what they are about."""
    principal = await principal_of(request)
    drafts = [_draft(principal, it) for it in data[:LARGEST_PAGE]]

    async def work(stores: Stores) -> list[Given]:
        return [await _wanted(stores, principal, Operation.READ, it) for it in drafts]

    return [group_permission_shape(it) for it in await context_of(request).storage.read(work)]


async def _wanted(
    stores: Stores, principal: Principal, operation: Operation, draft: GroupPermission
) -> Given:
    """Return what somebody wants to give, if they may. Raises NotFound, NotPermitted, InvalidValue."""
    users = await permitted_group(stores, principal, Operation.READ, draft.user_group_id)
    _check(principal, operation, users)
    new = await group_permissions.wanted(stores.access, principal.tenant_id, draft)
    if operation is not Operation.READ:
        if new.things is not None:
            await permitted_group(stores, principal, Operation.WRITE, new.things.id)
        check_may_give(principal, [new])
    return new


async def _permitted(
    stores: Stores, principal: Principal, operation: Operation, permission_id: UUID
) -> Given:
    it = await group_permissions.given(stores.access, principal.tenant_id, permission_id)
    _check(principal, operation, it.users)
    return it


def _check(principal: Principal, operation: Operation, group: EntityGroup) -> None:
    check(principal, operation, _target(group))


def _target(group: EntityGroup) -> Target:
    return Target(Resource.GROUP_PERMISSION, group.tenant_id, group.owner.customer_id)


def _draft(principal: Principal, data: GroupPermissionSaveShape) -> GroupPermission:
    if referred_id(data.tenant_id) not in (None, principal.tenant_id):
        raise NotFound
    return GroupPermission(
        NULL_ID,
        principal.tenant_id,
        referred_id(data.user_group_id) or NULL_ID,
        referred_id(data.role_id) or NULL_ID,
        referred_id(data.entity_group_id) or NULL_ID,
    )
