"""Lists of groups, and of what is in them."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from deedbox.api.access.reaching import check_contents, check_owner, may_list, owner_of, permitted_group
from deedbox.api.access.roles import TAGS
from deedbox.api.access.short_pages import short_page
from deedbox.api.context import ApiRequest, context_of, principal_of
from deedbox.api.identifiers import uuids_of
from deedbox.api.paging import page_of
from deedbox.api.shapes.entities import EntityId, Page
from deedbox.api.shapes.groups import (
    GroupShape,
    MemberShape,
    group_reference,
    group_shape,
    member_shape,
)
from deedbox.core.access import groups
from deedbox.core.access.groups import EntityGroup, Member, Owner
from deedbox.core.entities import Reference, kind_of, readable_one
from deedbox.core.errors import NotFound
from deedbox.core.paging import Listing, PageRequest, PageSlice
from deedbox.core.permissions import Operation, Principal, Resource
from deedbox.core.storage import Stores

_OF_OWNER = "/api/entityGroups/{owner_type:str}/{owner_id:str}/{group_type:str}"


@get(_OF_OWNER, tags=TAGS, summary="List an owner's groups")
async def list_groups_of_owner(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    owner_type: FromPath[str],
    owner_id: FromPath[UUID],
    group_type: FromPath[str],
) -> Page[GroupShape] | list[GroupShape]:
    """Return a page of a tenant's or customer's groups of a type; without `pageSize` a list of all."""
    found = await _of_owner(request, owner_type, owner_id, group_type)
    return short_page(found, wanted, group_shape) if "pageSize" in request.query_params else _shapes(found)


@get(_OF_OWNER + "/all", tags=TAGS, summary="List all of an owner's groups")
async def list_all_groups_of_owner(
    request: ApiRequest, owner_type: FromPath[str], owner_id: FromPath[UUID], group_type: FromPath[str]
) -> list[GroupShape]:
    """Return all groups of a tenant or customer of a type."""
    return _shapes(await _of_owner(request, owner_type, owner_id, group_type))


@get("/api/entityGroups/{group_type:str}", tags=TAGS, summary="List your groups")
async def list_groups(
    request: ApiRequest, wanted: NamedDependency[PageRequest], group_type: FromPath[str]
) -> Page[GroupShape] | list[GroupShape]:
    """Return a page of the groups of your tenant or customer, and of those that roles let you read.

    Without `pageSize` a list of all.
    """
    found = await _mine(request, group_type)
    return short_page(found, wanted, group_shape) if "pageSize" in request.query_params else _shapes(found)


@get("/api/entityGroups/{group_type:str}/all", tags=TAGS, summary="List all of your groups")
async def list_all_groups(request: ApiRequest, group_type: FromPath[str]) -> list[GroupShape]:
    """Return all groups that `GET /api/entityGroups/{groupType}` has."""
    return _shapes(await _mine(request, group_type))


@get(["/api/entityGroups", "/api/entityGroups/list"], tags=TAGS, summary="Read several groups")
async def list_groups_by_ids(
    request: ApiRequest,
    group_ids: Annotated[str, QueryParameter(name="entityGroupIds", description="Ids with commas between.")],
) -> list[GroupShape]:
    """Return those of these groups that you may see."""
    principal, ids = await principal_of(request), uuids_of(group_ids, "entityGroupIds")

    async def work(stores: Stores) -> list[EntityGroup]:
        found = await groups.groups_named(stores.access, principal.tenant_id, ids)
        return [it for it in found if may_list(principal, it)]

    return _shapes(await context_of(request).storage.read(work))


@get("/api/entityGroups/{entity_type:str}/{entity_id:str}", tags=TAGS, summary="List a thing's groups")
async def list_groups_of_entity(
    request: ApiRequest, entity_type: FromPath[str], entity_id: FromPath[UUID]
) -> list[EntityId]:
    """Return the groups that a thing is in, as far as you may see them."""
    principal, kind = await principal_of(request), kind_of(entity_type, "entityType")

    async def work(stores: Stores) -> list[EntityGroup]:
        found = await readable_one(stores.entities, principal, Reference(kind, entity_id))
        in_groups = await stores.access.groups_of([found.reference.id])
        ids = sorted(in_groups.get(entity_id, ()))
        known = await groups.groups_named(stores.access, principal.tenant_id, ids)
        return [it for it in known if may_list(principal, it)]

    return [group_reference(it.id) for it in await context_of(request).storage.read(work)]


@get("/api/entityGroup/{entity_group_id:str}/entities", tags=TAGS, summary="List what is in a group")
async def list_entities(
    request: ApiRequest, wanted: NamedDependency[PageRequest], entity_group_id: FromPath[UUID]
) -> Page[MemberShape]:
    """Return a page of what is in a group: ids and names."""
    principal, group = await _readable(request, entity_group_id)

    async def work(stores: Stores, asked: PageSlice) -> Listing[Member]:
        await permitted_group(stores, principal, Operation.READ, group.id)
        return await stores.access.page_of_members(group, asked)

    return await page_of(request, principal, wanted, work, lambda it: member_shape(group.kind, it))


async def readable_group(request: ApiRequest, group_id: UUID, kind: str) -> tuple[Principal, EntityGroup]:
    """Return who asks, and a group of that kind that they may see. Raises NotFound, NotPermitted."""
    principal, group = await _readable(request, group_id)
    if group.kind != kind:
        raise NotFound(f"Entity group with id [{group_id}] holds no {kind.lower()}s")
    return principal, group


async def _readable(request: ApiRequest, group_id: UUID) -> tuple[Principal, EntityGroup]:
    principal = await principal_of(request)
    group = await context_of(request).storage.look(
        lambda it: permitted_group(it, principal, Operation.READ, group_id)
    )
    check_contents(principal, group)
    return principal, group


async def _of_owner(request: ApiRequest, owner_type: str, owner_id: UUID, kind: str) -> list[EntityGroup]:
    principal = await principal_of(request)
    owner = owner_of(principal, owner_type, owner_id)
    check_owner(principal, Operation.READ, owner, kind)
    return await context_of(request).storage.read(lambda it: groups.groups_of_owner(it.access, owner, kind))


async def _mine(request: ApiRequest, kind: str) -> list[EntityGroup]:
    principal = await principal_of(request)
    shared = _shared(principal, groups.checked_kind(kind))
    if not shared:
        check_owner(principal, Operation.READ, Owner(principal.tenant_id, principal.customer_id), kind)
    owner = Owner(principal.tenant_id, principal.customer_id)

    async def work(stores: Stores) -> list[EntityGroup]:
        found = await groups.groups_of_owner(stores.access, owner, kind)
        found += await groups.groups_named(stores.access, principal.tenant_id, shared)
        return [it for it in {it.id: it for it in found}.values() if may_list(principal, it)]

    return await context_of(request).storage.read(work)


def _shared(principal: Principal, kind: str) -> list[UUID]:
    return principal.grants.groups_with(Operation.READ, Resource(kind)) if principal.grants else []


def _shapes(found: Sequence[EntityGroup]) -> list[GroupShape]:
    return [group_shape(it) for it in found]
