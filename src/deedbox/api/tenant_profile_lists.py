"""Lists of tenant profiles."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from deedbox.api.context import ApiRequest, context_of
from deedbox.api.identifiers import uuids_of
from deedbox.api.paging import page_of
from deedbox.api.shapes.entities import Page
from deedbox.api.shapes.tenant_profiles import (
    TenantProfileShape,
    tenant_profile_info_shape,
    tenant_profile_shape,
)
from deedbox.api.shapes.tenants import EntityInfoShape
from deedbox.api.tenant_profile_reading import readable, whose_profile
from deedbox.core.paging import Listing, PageRequest, PageSlice
from deedbox.core.storage import Stores
from deedbox.core.tenant_profiles import TenantProfile, profile_of

TAGS = ["Tenants"]
S = TypeVar("S")


@get("/api/tenantProfiles", tags=TAGS, summary="List tenant profiles")
async def list_profiles(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    ids: Annotated[str | None, QueryParameter(description="Some by their ids.")] = None,
) -> Page[TenantProfileShape] | list[TenantProfileShape]:
    """Return a page of profiles, or a plain list of those in `ids`."""
    if ids is not None:
        return await _some(request, ids)
    deployment = context_of(request).device_limits
    return await _page(request, wanted, lambda it: tenant_profile_shape(it, deployment))


@get("/api/tenantProfiles/list", tags=TAGS, summary="Read several tenant profiles")
async def list_profiles_by_ids(
    request: ApiRequest, ids: Annotated[str, QueryParameter(description="Ids with commas between.")]
) -> list[TenantProfileShape]:
    """Return those of the profiles that there are, at most 1000 at once."""
    return await _some(request, ids)


@get("/api/tenantProfileInfos", tags=TAGS, summary="List names of tenant profiles")
async def list_infos(request: ApiRequest, wanted: NamedDependency[PageRequest]) -> Page[EntityInfoShape]:
    """Return a page of ids and names."""
    return await _page(request, wanted, tenant_profile_info_shape)


async def _page(request: ApiRequest, wanted: PageRequest, shape: Callable[[TenantProfile], S]) -> Page[S]:
    principal = await readable(request)

    async def work(stores: Stores, asked: PageSlice) -> Listing[TenantProfile]:
        own_id = await whose_profile(stores, principal)
        if own_id is None:
            return await stores.tenants.page_of_profiles(asked)
        own = [await profile_of(stores.tenants, own_id)] if asked.request.number == 0 else []
        return Listing(own, 1, has_next=False, end=None)

    return await page_of(request, principal, wanted, work, shape)


async def _some(request: ApiRequest, ids: str) -> list[TenantProfileShape]:
    principal, asked = await readable(request), uuids_of(ids, "ids")
    deployment = context_of(request).device_limits

    async def work(stores: Stores) -> list[TenantProfile]:
        own_id = await whose_profile(stores, principal)
        return await stores.tenants.profiles([it for it in asked if own_id in (None, it)])

    return [tenant_profile_shape(it, deployment) for it in await context_of(request).storage.read(work)]
