"""Tenants, for system administrators; a tenant's own administrators read it and set how claiming works."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, QueryParameter

from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.identifiers import uuids_of
from deedbox.api.paging import page_of
from deedbox.api.shapes.devices import referred_id
from deedbox.api.shapes.entities import Page
from deedbox.api.shapes.tenants import (
    ClaimSettingsShape,
    TenantInfoShape,
    TenantSaveShape,
    TenantShape,
    tenant_draft,
    tenant_info_shape,
    tenant_shape,
)
from deedbox.core import tenants
from deedbox.core.erasure import Piece, erase_tenant
from deedbox.core.ids import NULL_ID
from deedbox.core.paging import Listing, PageRequest, PageSlice
from deedbox.core.permissions import Operation, Resource, Target, check
from deedbox.core.storage import Stores
from deedbox.core.tenants import Tenant

TAGS = ["Tenants"]
_NEW = Example(summary="A new tenant", value={"title": "Acme Heating", "slug": "acme"})
_SETTINGS = Example(summary="Devices must be allowed", value={"allowClaimingByDefault": False})


@post("/api/tenant", status_code=200, tags=TAGS, summary="Make or change a tenant")
async def save_tenant(
    request: ApiRequest, data: Annotated[TenantSaveShape, Body(examples=[_NEW])]
) -> TenantShape:
    """Make a tenant with its default device profile, or change the one that `id` names.

    For system administrators. Title, `slug` and `claimHost` are unique; without a `slug` a new tenant gets
    one like its title. Without `tenantProfileId` a new tenant gets the default profile, and any other keeps
    what it has. With `version` the change is refused (409) when somebody else changed it since.
    """
    principal = await principal_of(request)
    tenant_id = referred_id(data.id)
    operation = Operation.CREATE if tenant_id is None else Operation.WRITE
    check(principal, operation, Target(Resource.TENANT, tenant_id or NULL_ID))
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> Tenant:
        if tenant_id is None:
            wanted = tenant_draft(data, None)
            return await tenants.create(stores.tenants, stores.device_profiles, actor, wanted)
        stored = await tenants.tenant_of(stores.tenants, tenant_id)
        return await tenants.change(stores.tenants, actor, tenant_draft(data, stored), data.version)

    saved = await context_of(request).storage.write(work)
    await context_of(request).reload_limits()
    return tenant_shape(saved)


@get("/api/tenant/{tenant_id:str}", tags=TAGS, summary="Read a tenant")
async def get_tenant(request: ApiRequest, tenant_id: FromPath[UUID]) -> TenantShape:
    """Return a tenant; administrators of a tenant read their own."""
    return tenant_shape(await _read(request, tenant_id))


@get("/api/tenant/info/{tenant_id:str}", tags=TAGS, summary="Read a tenant with its profile's name")
async def get_tenant_info(request: ApiRequest, tenant_id: FromPath[UUID]) -> TenantInfoShape:
    """Return a tenant with its profile's name; administrators of a tenant read their own."""
    return tenant_info_shape(await _read(request, tenant_id))


@post("/api/tenant/{tenant_id:str}/claiming", status_code=200, tags=TAGS, summary="Set how claiming works")
async def save_claim_settings(
    request: ApiRequest,
    tenant_id: FromPath[UUID],
    data: Annotated[ClaimSettingsShape, Body(examples=[_SETTINGS])],
) -> TenantShape:
    """Set `allowClaimingByDefault` and `eraseOnReclaim`; absent ones stay as they are.

    This is all that administrators of a tenant change of it: its name, slug and host are the deployment's.
    """
    principal = await principal_of(request)
    check(principal, Operation.WRITE_CLAIM_SETTINGS, Target(Resource.TENANT, tenant_id))
    actor = principal.actor(source_address(request))
    fields = ("allow_claiming_by_default", "erase_on_reclaim")
    sent = {it: getattr(data, it) for it in fields if getattr(data, it) is not msgspec.UNSET}

    async def work(stores: Stores) -> Tenant:
        stored = await tenants.tenant_of(stores.tenants, tenant_id)
        return await tenants.change(stores.tenants, actor, msgspec.structs.replace(stored, **sent), None)

    return tenant_shape(await context_of(request).storage.write(work))


@delete("/api/tenant/{tenant_id:str}", status_code=200, tags=TAGS, summary="Delete a tenant")
async def delete_tenant(request: ApiRequest, tenant_id: FromPath[UUID]) -> None:
    """Delete a tenant with its people, customers, devices and audit log. Its ownership ledger stays.

    A large tenant goes in pieces; whoever is interrupted deletes again.
    """
    principal = await principal_of(request)
    check(principal, Operation.DELETE, Target(Resource.TENANT, tenant_id))
    context, actor = context_of(request), principal.actor(source_address(request))

    async def work(stores: Stores) -> Piece:
        return await erase_tenant(stores.erasure, stores.tenants, actor, tenant_id, context.keys)

    piece = Piece(False, [])
    while not piece.is_last:
        piece = await context.storage.write(work)
        context.authenticator.forget(tenant_id)
        for device_id in piece.closed:
            await context.deed_closed(device_id)


@get("/api/tenants", tags=TAGS, summary="List tenants")
async def list_tenants(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    tenant_ids: Annotated[
        str | None, QueryParameter(name="tenantIds", description="Some by their ids.")
    ] = None,
) -> Page[TenantShape] | list[TenantShape]:
    """Return a page of all tenants, or a plain list of those in `tenantIds`. For system administrators."""
    if tenant_ids is not None:
        return await _some(request, tenant_ids)
    principal = await principal_of(request)
    check(principal, Operation.READ, Target(Resource.TENANT, NULL_ID))
    return await page_of(request, principal, wanted, _page, tenant_shape)


@get("/api/tenants/list", tags=TAGS, summary="Read several tenants")
async def list_tenants_by_ids(
    request: ApiRequest,
    tenant_ids: Annotated[str, QueryParameter(name="tenantIds", description="Ids with commas between.")],
) -> list[TenantShape]:
    """Return those of the tenants that exist, at most 1000 at once. For system administrators."""
    return await _some(request, tenant_ids)


@get("/api/tenantInfos", tags=TAGS, summary="List tenants with their profile's name")
async def list_tenant_infos(
    request: ApiRequest, wanted: NamedDependency[PageRequest]
) -> Page[TenantInfoShape]:
    """Return a page of all tenants. For system administrators."""
    principal = await principal_of(request)
    check(principal, Operation.READ, Target(Resource.TENANT, NULL_ID))
    return await page_of(request, principal, wanted, _page, tenant_info_shape)


async def _read(request: ApiRequest, tenant_id: UUID) -> Tenant:
    principal = await principal_of(request)
    check(principal, Operation.READ, Target(Resource.TENANT, tenant_id))

    async def work(stores: Stores) -> Tenant:
        return await tenants.tenant_of(stores.tenants, tenant_id)

    return await context_of(request).storage.look(work)


async def _page(stores: Stores, asked: PageSlice) -> Listing[Tenant]:
    return await stores.tenants.page_of_tenants(asked)


async def _some(request: ApiRequest, tenant_ids: str) -> list[TenantShape]:
    principal = await principal_of(request)
    check(principal, Operation.READ, Target(Resource.TENANT, NULL_ID))
    asked = uuids_of(tenant_ids, "tenantIds")

    async def work(stores: Stores) -> list[Tenant]:
        return await stores.tenants.tenants(asked)

    return [tenant_shape(it) for it in await context_of(request).storage.read(work)]
