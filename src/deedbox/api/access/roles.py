"""Roles: make, change, read, list and delete them."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, QueryParameter

from deedbox.api.access.short_pages import short_page
from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.identifiers import uuids_of
from deedbox.api.shapes.devices import referred_id
from deedbox.api.shapes.entities import Page
from deedbox.api.shapes.roles import RoleSaveShape, RoleShape, referred_role, role_draft, role_shape
from deedbox.core.access import roles
from deedbox.core.access.giving import check_everything
from deedbox.core.access.roles import Role, RoleKind
from deedbox.core.errors import InvalidValue, NotFound
from deedbox.core.paging import PageRequest
from deedbox.core.permissions import Operation, Principal, Resource, Target, check
from deedbox.core.storage import Stores

TAGS = ["Roles and groups"]
_NEW = Example(
    summary="Who may claim",
    value={"name": "Claiming", "type": "GENERIC", "permissions": {"DEVICE": ["CLAIM_DEVICES"]}},
)


@post("/api/role", status_code=200, tags=TAGS, summary="Make or change a role")
async def save_role(request: ApiRequest, data: Annotated[RoleSaveShape, Body(examples=[_NEW])]) -> RoleShape:
    """Make a role (no `id`) or change the one that `id` names; its type stays.

    For those who may everything: whoever else could change roles could give themselves more.
    """
    role_id = referred_role(data)
    operation = Operation.CREATE if role_id is None else Operation.WRITE
    principal = await _changing(request, operation)
    if referred_id(data.tenant_id) not in (None, principal.tenant_id):
        raise NotFound
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> Role:
        if role_id is None:
            return await roles.create(stores.access, actor, role_draft(data))
        return await roles.change(stores.access, actor, role_id, role_draft(data))

    role = await context_of(request).storage.write(work)
    context_of(request).authenticator.forget(principal.tenant_id)
    return role_shape(role)


@get("/api/role/{role_id:str}", tags=TAGS, summary="Read a role")
async def get_role(request: ApiRequest, role_id: FromPath[UUID]) -> RoleShape:
    """Return a role of your tenant."""
    principal = await _allowed(request, Operation.READ)

    async def work(stores: Stores) -> Role:
        return await roles.role_of(stores.access, principal.tenant_id, role_id)

    return role_shape(await context_of(request).storage.look(work))


@delete("/api/role/{role_id:str}", status_code=200, tags=TAGS, summary="Delete a role")
async def delete_role(request: ApiRequest, role_id: FromPath[UUID]) -> None:
    """Delete a role that no group has (else 400). A default role gets back what it was at first."""
    principal = await _changing(request, Operation.DELETE)
    actor = principal.actor(source_address(request))
    await context_of(request).storage.write(lambda it: roles.delete(it.access, actor, role_id))
    context_of(request).authenticator.forget(principal.tenant_id)


@get("/api/roles", tags=TAGS, summary="List roles")
async def list_roles(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    role_ids: Annotated[str | None, QueryParameter(name="roleIds", description="Only these.")] = None,
    kind: Annotated[str, QueryParameter(name="type", description="GENERIC or GROUP.")] = "",
) -> Page[RoleShape] | list[RoleShape]:
    """Return a page of your tenant's roles, the default ones first; or a list of those in `roleIds`."""
    if role_ids is not None:
        return await _some(request, role_ids)
    principal = await _allowed(request, Operation.READ)
    if kind and kind not in set(RoleKind):
        raise InvalidValue("The type of a role is GENERIC or GROUP.", "/type")

    async def work(stores: Stores) -> list[Role]:
        found = await roles.all_roles(stores.access, principal.tenant_id)
        return [it for it in found if kind in ("", it.kind)]

    return short_page(await context_of(request).storage.read(work), wanted, role_shape)


@get("/api/roles/list", tags=TAGS, summary="Read several roles")
async def list_roles_by_ids(
    request: ApiRequest,
    role_ids: Annotated[str, QueryParameter(name="roleIds", description="Ids with commas between.")],
) -> list[RoleShape]:
    """Return those of these roles that your tenant has."""
    return await _some(request, role_ids)


async def _some(request: ApiRequest, role_ids: str) -> list[RoleShape]:
    principal, ids = await _allowed(request, Operation.READ), uuids_of(role_ids, "roleIds")

    async def work(stores: Stores) -> list[Role]:
        return await roles.roles_of(stores.access, principal.tenant_id, ids)

    return [role_shape(it) for it in await context_of(request).storage.read(work)]


async def _allowed(request: ApiRequest, operation: Operation) -> Principal:
    principal = await principal_of(request)
    check(principal, operation, Target(Resource.ROLE, principal.tenant_id, principal.customer_id))
    return principal


async def _changing(request: ApiRequest, operation: Operation) -> Principal:
    principal = await _allowed(request, operation)
    check_everything(principal, operation, Resource.ROLE)
    return principal
