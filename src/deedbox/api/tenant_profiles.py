"""Tenant profiles, for system administrators; a tenant's own administrators read the one that it has."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, post
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath

from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.shapes.tenant_profiles import (
    TenantProfileSaveShape,
    TenantProfileShape,
    tenant_profile_draft,
    tenant_profile_info_shape,
    tenant_profile_shape,
)
from deedbox.api.shapes.tenants import EntityInfoShape
from deedbox.api.tenant_profile_reading import readable, whose_profile
from deedbox.core import tenant_profiles
from deedbox.core.errors import NotFound
from deedbox.core.ids import NULL_ID
from deedbox.core.permissions import Operation, Principal, Resource, Target, check
from deedbox.core.storage import Stores
from deedbox.core.tenant_profiles import TenantProfile

TAGS = ["Tenants"]
_NEW = Example(
    summary="A hundred devices, each twenty messages a second",
    value={
        "name": "Starter",
        "profileData": {
            "configuration": {
                "type": "DEFAULT",
                "maxDevices": 100,
                "transportDeviceMsgRateLimit": "20:1,600:60",
            }
        },
    },
)


@post("/api/tenantProfile", status_code=200, tags=TAGS, summary="Make or change a tenant profile")
async def save_profile(
    request: ApiRequest, data: Annotated[TenantProfileSaveShape, Body(examples=[_NEW])]
) -> TenantProfileShape:
    """Make a profile, or change the one that `id` names. For system administrators.

    Of `profileData.configuration` what the reference names in the page on limits is enforced: for devices
    that are connected, too. All else is kept. A limit that is null or absent is left to the settings.
    """
    is_new = data.id is None
    principal = await _allowed(request, Operation.CREATE if is_new else Operation.WRITE)
    actor, wanted = principal.actor(source_address(request)), tenant_profile_draft(data)

    async def work(stores: Stores) -> TenantProfile:
        return await tenant_profiles.save(stores.tenants, actor, wanted, is_new=is_new)

    stored = await context_of(request).storage.write(work)
    await context_of(request).reload_limits()
    return _shape(request, stored)


@get("/api/tenantProfile/{profile_id:str}", tags=TAGS, summary="Read a tenant profile")
async def get_profile(request: ApiRequest, profile_id: FromPath[UUID]) -> TenantProfileShape:
    """Return a profile; administrators of a tenant read the one that it has."""
    return _shape(request, await _read(request, profile_id))


@get("/api/tenantProfileInfo/default", tags=TAGS, summary="Read the default tenant profile's name")
async def get_default_info(request: ApiRequest) -> EntityInfoShape:
    """Return id and name of the profile that new tenants get; for a tenant's administrators, of its own."""
    principal = await readable(request)

    async def work(stores: Stores) -> TenantProfile:
        own_id = await whose_profile(stores, principal)
        if own_id is None:
            return await stores.tenants.default_profile()
        return await tenant_profiles.profile_of(stores.tenants, own_id)

    return tenant_profile_info_shape(await context_of(request).storage.look(work))


@get("/api/tenantProfileInfo/{profile_id:str}", tags=TAGS, summary="Read a tenant profile's name")
async def get_info(request: ApiRequest, profile_id: FromPath[UUID]) -> EntityInfoShape:
    """Return id and name of a profile; administrators of a tenant read the one that it has."""
    return tenant_profile_info_shape(await _read(request, profile_id))


@post(
    "/api/tenantProfile/{profile_id:str}/default",
    status_code=200,
    tags=TAGS,
    summary="Make a tenant profile the default one",
)
async def make_default(request: ApiRequest, profile_id: FromPath[UUID]) -> TenantProfileShape:
    """Make a profile the one that new tenants get; others keep theirs. For system administrators."""
    principal = await _allowed(request, Operation.WRITE)
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> TenantProfile:
        return await tenant_profiles.make_default(stores.tenants, actor, profile_id)

    return _shape(request, await context_of(request).storage.write(work))


@delete("/api/tenantProfile/{profile_id:str}", status_code=200, tags=TAGS, summary="Delete a tenant profile")
async def delete_profile(request: ApiRequest, profile_id: FromPath[UUID]) -> None:
    """Delete a profile; not the default one, the first one, or one that tenants have (400)."""
    principal = await _allowed(request, Operation.DELETE)
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> None:
        await tenant_profiles.delete(stores.tenants, actor, profile_id)

    await context_of(request).storage.write(work)


async def _allowed(request: ApiRequest, operation: Operation) -> Principal:
    """Return who asks if they may change what all tenants live by."""
    principal = await principal_of(request)
    check(principal, operation, Target(Resource.TENANT, NULL_ID))
    return principal


async def _read(request: ApiRequest, profile_id: UUID) -> TenantProfile:
    principal = await readable(request)

    async def work(stores: Stores) -> TenantProfile:
        if await whose_profile(stores, principal) not in (None, profile_id):
            raise NotFound(f"Tenant profile with id [{profile_id}] is not found")
        return await tenant_profiles.profile_of(stores.tenants, profile_id)

    return await context_of(request).storage.look(work)


def _shape(request: ApiRequest, profile: TenantProfile) -> TenantProfileShape:
    return tenant_profile_shape(profile, context_of(request).device_limits)
