"""The one tenant profile that there is, for clients of the reference server, which has many."""

from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.params import FromPath, QueryParameter

from deedbox.api.context import ApiRequest, context_of, principal_of
from deedbox.api.identifiers import uuids_of
from deedbox.api.shapes.entities import Page
from deedbox.api.shapes.tenants import (
    EntityInfoShape,
    TenantProfileShape,
    tenant_profile_info_shape,
    tenant_profile_shape,
)
from deedbox.core.errors import NotFound
from deedbox.core.permissions import Operation, Resource, Target, check
from deedbox.core.tenants import TENANT_PROFILE_ID

TAGS = ["Tenants"]


@get("/api/tenantProfileInfo/default", tags=TAGS, summary="Read the tenant profile's name")
async def get_default_info(request: ApiRequest) -> EntityInfoShape:
    """Return id and name of the profile that every tenant has."""
    await _check(request)
    return tenant_profile_info_shape()


@get("/api/tenantProfileInfo/{profile_id:str}", tags=TAGS, summary="Read the tenant profile's name by its id")
async def get_info(request: ApiRequest, profile_id: FromPath[UUID]) -> EntityInfoShape:
    """Return id and name of the profile that every tenant has."""
    await _check(request, profile_id)
    return tenant_profile_info_shape()


@get("/api/tenantProfile/{profile_id:str}", tags=TAGS, summary="Read the tenant profile")
async def get_profile(request: ApiRequest, profile_id: FromPath[UUID]) -> TenantProfileShape:
    """Return the profile that every tenant has, with the limits of tenants that have none of their own."""
    await _check(request, profile_id)
    return tenant_profile_shape(context_of(request).device_limits)


@get("/api/tenantProfiles", tags=TAGS, summary="List tenant profiles")
async def list_profiles(request: ApiRequest) -> Page[TenantProfileShape]:
    """Return the one profile as a page."""
    await _check(request)
    profile = tenant_profile_shape(context_of(request).device_limits)
    return Page(data=[profile], total_pages=1, total_elements=1, has_next=False)


@get("/api/tenantProfiles/list", tags=TAGS, summary="Read tenant profiles by their ids")
async def list_profiles_by_ids(
    request: ApiRequest, ids: Annotated[str, QueryParameter(description="Ids with commas between.")]
) -> list[TenantProfileShape]:
    """Return the one profile if it is among these."""
    await _check(request)
    is_asked = TENANT_PROFILE_ID in uuids_of(ids, "ids")
    return [tenant_profile_shape(context_of(request).device_limits)] if is_asked else []


@get("/api/tenantProfileInfos", tags=TAGS, summary="List names of tenant profiles")
async def list_infos(request: ApiRequest) -> Page[EntityInfoShape]:
    """Return id and name of the one profile as a page."""
    await _check(request)
    return Page(data=[tenant_profile_info_shape()], total_pages=1, total_elements=1, has_next=False)


async def _check(request: ApiRequest, profile_id: UUID = TENANT_PROFILE_ID) -> None:
    principal = await principal_of(request)
    check(principal, Operation.READ, Target(Resource.TENANT, principal.tenant_id))
    if profile_id != TENANT_PROFILE_ID:
        raise NotFound(f"Tenant profile with id [{profile_id}] is not found")
