"""Lists of device profiles."""

from collections.abc import Callable
from typing import Annotated, TypeVar
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from deedbox.api.context import ApiRequest, context_of, principal_of
from deedbox.api.identifiers import uuids_of
from deedbox.api.paging import page_of
from deedbox.api.shapes.device_profiles import (
    DeviceProfileInfoShape,
    DeviceProfileShape,
    device_profile_info_shape,
    device_profile_shape,
)
from deedbox.api.shapes.entities import Page, reference
from deedbox.api.shapes.tenants import EntityInfoShape
from deedbox.core.device_profiles import DeviceProfile
from deedbox.core.paging import LARGEST_PAGE, Listing, PageRequest, PageSlice
from deedbox.core.permissions import Operation, Principal, Resource, Target, check
from deedbox.core.storage import Stores

TAGS = ["Device profiles"]
S = TypeVar("S")


@get("/api/deviceProfiles", tags=TAGS, summary="List device profiles")
async def list_profiles(
    request: ApiRequest, wanted: NamedDependency[PageRequest]
) -> Page[DeviceProfileShape]:
    """Return a page of your tenant's profiles. For tenant administrators."""
    principal = await _allowed(request, Operation.READ_CREDENTIALS)
    return await _page(request, principal, wanted, device_profile_shape)


@get("/api/deviceProfileInfos", tags=TAGS, summary="List what there is to see of device profiles")
async def list_infos(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    profile_ids: Annotated[
        str | None, QueryParameter(name="deviceProfileIds", description="Some by their ids.")
    ] = None,
) -> Page[DeviceProfileInfoShape] | list[DeviceProfileInfoShape]:
    """Return a page of your tenant's profiles, or a plain list of those that `deviceProfileIds` names."""
    if profile_ids is not None:
        return await _some(request, profile_ids)
    principal = await _allowed(request, Operation.READ)
    return await _page(request, principal, wanted, device_profile_info_shape)


@get("/api/deviceProfileInfos/list", tags=TAGS, summary="Read several device profiles")
async def list_infos_by_ids(
    request: ApiRequest,
    profile_ids: Annotated[
        str, QueryParameter(name="deviceProfileIds", description="Ids with commas between.")
    ],
) -> list[DeviceProfileInfoShape]:
    """Return those of the profiles that your tenant has, at most 1000 at once."""
    return await _some(request, profile_ids)


@get("/api/deviceProfile/names", tags=TAGS, summary="List names of device profiles")
async def list_names(
    request: ApiRequest,
    active_only: Annotated[
        str, QueryParameter(name="activeOnly", description="true: only profiles that devices have.")
    ] = "false",
) -> list[EntityInfoShape]:
    """Return ids and names of your tenant's profiles in the order of names, at most 1000."""
    principal = await _allowed(request, Operation.READ)
    # Python clients write "True".
    in_use = active_only.lower() == "true"

    async def work(stores: Stores) -> list[tuple[UUID, str]]:
        return await stores.device_profiles.profile_names(
            principal.tenant_id, in_use=in_use, most=LARGEST_PAGE
        )

    found = await context_of(request).storage.read(work)
    return [EntityInfoShape(id=reference("DEVICE_PROFILE", it), name=name) for it, name in found]


async def _page(
    request: ApiRequest, principal: Principal, wanted: PageRequest, shape: Callable[[DeviceProfile], S]
) -> Page[S]:
    async def work(stores: Stores, asked: PageSlice) -> Listing[DeviceProfile]:
        return await stores.device_profiles.page_of_profiles(principal.tenant_id, asked)

    return await page_of(request, principal, wanted, work, shape)


async def _some(request: ApiRequest, profile_ids: str) -> list[DeviceProfileInfoShape]:
    principal = await _allowed(request, Operation.READ)
    asked = uuids_of(profile_ids, "deviceProfileIds")

    async def work(stores: Stores) -> list[DeviceProfile]:
        found = [await stores.device_profiles.profile(principal.tenant_id, it) for it in asked]
        return [it for it in found if it is not None]

    return [device_profile_info_shape(it) for it in await context_of(request).storage.read(work)]


async def _allowed(request: ApiRequest, operation: Operation) -> Principal:
    principal = await principal_of(request)
    check(principal, operation, Target(Resource.DEVICE_PROFILE, principal.tenant_id))
    return principal
