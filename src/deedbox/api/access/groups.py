"""Groups of things and people: make, change, read and delete them; put into them and take out."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any
from urllib.parse import unquote
from uuid import UUID

from litestar import delete, get, post
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath

from deedbox.api.access.reaching import (
    check_contents,
    check_owner,
    members_changed,
    owner_of,
    permitted_group,
)
from deedbox.api.access.roles import TAGS
from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.shapes.devices import referred_id
from deedbox.api.shapes.groups import (
    GroupSaveShape,
    GroupShape,
    MemberShape,
    group_draft,
    group_shape,
    member_shape,
)
from deedbox.api.shapes.tenants import EntityInfoShape
from deedbox.core.access import group_permissions, groups, members
from deedbox.core.access.giving import check_may_give
from deedbox.core.access.groups import EntityGroup, GroupStore, Owner
from deedbox.core.errors import InvalidValue, NotFound
from deedbox.core.paging import LARGEST_PAGE
from deedbox.core.permissions import Operation, Principal
from deedbox.core.records import Actor
from deedbox.core.storage import Stores

_NEW = Example(summary="A group of devices", value={"name": "Greenhouse", "type": "DEVICE"})
_IDS = Example(summary="Ids of devices", value=["01890a5d-ac96-774b-bcce-b302099a8057"])
_GROUP = "/api/entityGroup/{entity_group_id:str}"

Ids = Annotated[list[UUID], Body(examples=[_IDS])]
Step = Callable[[GroupStore, Actor, EntityGroup, Sequence[UUID]], Coroutine[Any, Any, None]]


@post("/api/entityGroup", status_code=200, tags=TAGS, summary="Make or change a group")
async def save_group(
    request: ApiRequest, data: Annotated[GroupSaveShape, Body(examples=[_NEW])]
) -> GroupShape:
    """Make a group (no `id`) of your tenant, of your customer or of `ownerId`, or change the one of `id`.

    `type` is DEVICE, ASSET, USER or CUSTOMER; type and owner of a group never change (400).
    """
    principal, group_id = await principal_of(request), referred_id(data.id)
    actor, draft = principal.actor(source_address(request)), group_draft(data)
    if referred_id(data.tenant_id) not in (None, principal.tenant_id):
        raise NotFound
    owner = _owner(principal, data)

    async def work(stores: Stores) -> EntityGroup:
        if group_id is None:
            wanted = owner or Owner(principal.tenant_id, principal.customer_id)
            check_owner(principal, Operation.CREATE, wanted, groups.checked_kind(data.type))
            return await groups.create(stores.access, actor, wanted, draft)
        group = await permitted_group(stores, principal, Operation.WRITE, group_id)
        if owner not in (None, group.owner) or data.type not in (None, group.kind):
            raise InvalidValue("Type and owner of a group can't be changed. Make another group.", "/type")
        return await groups.change(stores.access, actor, group, draft)

    return group_shape(await context_of(request).storage.write(work))


@get(_GROUP, tags=TAGS, summary="Read a group")
async def get_group(request: ApiRequest, entity_group_id: FromPath[UUID]) -> GroupShape:
    """Return a group that you may see, or whose things roles let you read."""
    return group_shape(await _read(request, entity_group_id))


@get("/api/entityGroupInfo/{entity_group_id:str}", tags=TAGS, summary="Read a group's name")
async def get_group_info(request: ApiRequest, entity_group_id: FromPath[UUID]) -> EntityInfoShape:
    """Return id and name of a group."""
    shape = group_shape(await _read(request, entity_group_id))
    return EntityInfoShape(id=shape.id, name=shape.name)


@delete(_GROUP, status_code=200, tags=TAGS, summary="Delete a group")
async def delete_group(request: ApiRequest, entity_group_id: FromPath[UUID]) -> None:
    """Delete a group with what was given to it or for it; what was in it stays."""
    principal, context = await principal_of(request), context_of(request)
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> list[UUID]:
        group = await permitted_group(stores, principal, Operation.DELETE, entity_group_id)
        await groups.delete(stores.access, actor, group)
        return [group.tenant_id]

    for it in await context.storage.write(work):
        context.authenticator.forget(it)


@post(_GROUP + "/addEntities", status_code=200, tags=TAGS, summary="Put things into a group")
async def add_entities(request: ApiRequest, entity_group_id: FromPath[UUID], data: Ids) -> None:
    """Put things of the group's owner into the group, at most 1000 at once; 404 for one of another owner.

    Whoever puts people into a group needs to have all that the group gives them.
    """
    await _changed(request, entity_group_id, data, Operation.ADD_TO_GROUP, members.add)


@post(_GROUP + "/deleteEntities", status_code=200, tags=TAGS, summary="Take things out of a group")
async def delete_entities(request: ApiRequest, entity_group_id: FromPath[UUID], data: Ids) -> None:
    """Take things out of a group. 400 where the tenant would be without an administrator."""
    await _changed(request, entity_group_id, data, Operation.REMOVE_FROM_GROUP, members.remove)


@get(_GROUP + "/{member_id:str}", tags=TAGS, summary="Read a thing of a group")
async def get_member(
    request: ApiRequest, entity_group_id: FromPath[UUID], member_id: FromPath[UUID]
) -> MemberShape:
    """Return the thing if it is in the group; else 404."""
    principal = await principal_of(request)

    async def work(stores: Stores) -> MemberShape:
        group = await permitted_group(stores, principal, Operation.READ, entity_group_id)
        check_contents(principal, group)
        found = await stores.access.member(group, member_id)
        if found is None:
            raise NotFound
        return member_shape(group.kind, found)

    return await context_of(request).storage.read(work)


@get(
    "/api/entityGroup/all/{owner_type:str}/{owner_id:str}/{group_type:str}",
    tags=TAGS,
    summary="Read the group of all",
)
async def get_group_of_all(
    request: ApiRequest, owner_type: FromPath[str], owner_id: FromPath[UUID], group_type: FromPath[str]
) -> GroupShape:
    """Return the group 'All' of a tenant or customer: whatever it has of a kind."""
    return await _named(request, (owner_type, owner_id, group_type), "All")


@get(
    "/api/entityGroup/{owner_type:str}/{owner_id:str}/{group_type:str}/{group_name:str}",
    tags=TAGS,
    summary="Read a group by its name",
)
async def get_named_group(
    request: ApiRequest,
    owner_type: FromPath[str],
    owner_id: FromPath[UUID],
    group_type: FromPath[str],
    group_name: FromPath[str],
) -> GroupShape:
    """Return the group of a tenant or customer with exactly this name."""
    # The path arrives as it was sent, so that a name may hold an encoded slash; decoded once, here.
    return await _named(request, (owner_type, owner_id, group_type), unquote(group_name))


async def put_into(
    stores: Stores, principal: Principal, actor: Actor, group_id: UUID, ids: Sequence[UUID]
) -> EntityGroup:
    """Put things into a group on somebody's behalf. Raises NotFound, NotPermitted, InvalidValue."""
    group = await permitted_group(stores, principal, Operation.ADD_TO_GROUP, group_id)
    if group.kind == "USER":
        check_may_give(principal, await group_permissions.given_to(stores.access, group))
    await members.add(stores.access, actor, group, ids)
    return group


async def _changed(
    request: ApiRequest, group_id: UUID, ids: list[UUID], operation: Operation, step: Step
) -> None:
    principal, context = await principal_of(request), context_of(request)
    actor = principal.actor(source_address(request))
    if len(ids) > LARGEST_PAGE:
        raise InvalidValue(f"{len(ids)} ids were sent; at most {LARGEST_PAGE} are taken at once.")

    async def work(stores: Stores) -> EntityGroup:
        if operation is Operation.ADD_TO_GROUP:
            return await put_into(stores, principal, actor, group_id, ids)
        group = await permitted_group(stores, principal, operation, group_id)
        await step(stores.access, actor, group, ids)
        return group

    members_changed(context, await context.storage.write(work), ids)


async def _named(request: ApiRequest, whose: tuple[str, UUID, str], name: str) -> GroupShape:
    principal = await principal_of(request)
    owner = owner_of(principal, *whose[:2])
    check_owner(principal, Operation.READ, owner, whose[2])

    async def work(stores: Stores) -> EntityGroup:
        for it in await groups.groups_of_owner(stores.access, owner, whose[2]):
            if it.name == name:
                return it
        raise NotFound

    return group_shape(await context_of(request).storage.look(work))


async def _read(request: ApiRequest, group_id: UUID) -> EntityGroup:
    principal = await principal_of(request)
    return await context_of(request).storage.look(
        lambda it: permitted_group(it, principal, Operation.READ, group_id)
    )


def _owner(principal: Principal, data: GroupSaveShape) -> Owner | None:
    if data.owner_id is None:
        return None
    return owner_of(principal, data.owner_id.entity_type, data.owner_id.id)
