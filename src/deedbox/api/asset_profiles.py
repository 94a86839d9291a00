"""Asset profiles: the types of assets. They come with the first asset of a type, or are made beforehand."""

from collections.abc import Callable
from typing import Annotated, TypeVar
from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, QueryParameter

from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.identifiers import uuids_of
from deedbox.api.paging import page_of
from deedbox.api.shapes.assets import (
    AssetProfileInfoShape,
    AssetProfileSaveShape,
    AssetProfileShape,
    asset_profile_info_shape,
    asset_profile_shape,
)
from deedbox.api.shapes.devices import referred_id
from deedbox.api.shapes.entities import Page, reference
from deedbox.api.shapes.tenants import EntityInfoShape
from deedbox.core import asset_profiles
from deedbox.core.asset_profiles import AssetProfile
from deedbox.core.paging import LARGEST_PAGE, Listing, PageRequest, PageSlice
from deedbox.core.permissions import Operation, Principal, Resource, Target, check
from deedbox.core.storage import Stores

TAGS = ["Asset profiles"]
_NEW = Example(summary="A new type of assets", value={"name": "room"})
S = TypeVar("S")


@post("/api/assetProfile", status_code=200, tags=TAGS, summary="Make or rename an asset profile")
async def save_profile(
    request: ApiRequest, data: Annotated[AssetProfileSaveShape, Body(examples=[_NEW])]
) -> AssetProfileShape:
    """Make a profile (no `id`) or rename the one that `id` names; the type of its assets follows."""
    profile_id = referred_id(data.id)
    principal = await _allowed(request, Operation.CREATE if profile_id is None else Operation.WRITE)
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> AssetProfile:
        if profile_id is None:
            return await asset_profiles.create(stores.asset_profiles, actor, data.name)
        return await asset_profiles.rename(stores.asset_profiles, actor, profile_id, data.name)

    return asset_profile_shape(await context_of(request).storage.write(work))


@get("/api/assetProfile/{asset_profile_id:str}", tags=TAGS, summary="Read an asset profile")
async def get_profile(request: ApiRequest, asset_profile_id: FromPath[UUID]) -> AssetProfileShape:
    """Return an asset profile of your tenant."""
    return asset_profile_shape(await _read(request, asset_profile_id))


@get("/api/assetProfileInfo/default", tags=TAGS, summary="Read what lists show of the default asset profile")
async def get_default_info(request: ApiRequest) -> AssetProfileInfoShape:
    """Return the profile that assets get when they are made without a type."""
    principal = await _allowed(request)

    async def work(stores: Stores) -> AssetProfile:
        return await asset_profiles.default_profile(stores.asset_profiles, principal.tenant_id)

    return asset_profile_info_shape(await context_of(request).storage.look(work))


@get(
    "/api/assetProfileInfo/{asset_profile_id:str}",
    tags=TAGS,
    summary="Read what lists show of an asset profile",
)
async def get_info(request: ApiRequest, asset_profile_id: FromPath[UUID]) -> AssetProfileInfoShape:
    """Return the name of an asset profile of your tenant."""
    return asset_profile_info_shape(await _read(request, asset_profile_id))


@delete(
    "/api/assetProfile/{asset_profile_id:str}", status_code=200, tags=TAGS, summary="Delete an asset profile"
)
async def delete_profile(request: ApiRequest, asset_profile_id: FromPath[UUID]) -> None:
    """Delete a profile; neither the default one nor one that assets have can be deleted (400)."""
    principal = await _allowed(request, Operation.DELETE)
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> None:
        await asset_profiles.delete(stores.asset_profiles, actor, asset_profile_id)

    await context_of(request).storage.write(work)


@get("/api/assetProfiles", tags=TAGS, summary="List asset profiles")
async def list_profiles(request: ApiRequest, wanted: NamedDependency[PageRequest]) -> Page[AssetProfileShape]:
    """Return a page of your tenant's asset profiles."""
    return await _page(request, wanted, asset_profile_shape)


@get("/api/assetProfileInfos", tags=TAGS, summary="List what there is to see of asset profiles")
async def list_infos(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    profile_ids: Annotated[
        str | None, QueryParameter(name="assetProfileIds", description="Some by their ids.")
    ] = None,
) -> Page[AssetProfileInfoShape] | list[AssetProfileInfoShape]:
    """Return a page of your tenant's profiles, or a plain list of those that `assetProfileIds` names."""
    if profile_ids is not None:
        return await _some(request, profile_ids)
    return await _page(request, wanted, asset_profile_info_shape)


@get("/api/assetProfileInfos/list", tags=TAGS, summary="Read several asset profiles")
async def list_infos_by_ids(
    request: ApiRequest,
    profile_ids: Annotated[
        str, QueryParameter(name="assetProfileIds", description="Ids with commas between.")
    ],
) -> list[AssetProfileInfoShape]:
    """Return those of the profiles that your tenant has, at most 1000 at once."""
    return await _some(request, profile_ids)


@get("/api/assetProfile/names", tags=TAGS, summary="List names of asset profiles")
async def list_names(
    request: ApiRequest,
    active_only: Annotated[
        str, QueryParameter(name="activeOnly", description="true: only profiles that assets have.")
    ] = "false",
) -> list[EntityInfoShape]:
    """Return ids and names of your tenant's profiles in the order of names, at most 1000."""
    principal = await _allowed(request)
    # Python clients write "True".
    in_use = active_only.lower() == "true"

    async def work(stores: Stores) -> list[tuple[UUID, str]]:
        return await stores.asset_profiles.profile_names(
            principal.tenant_id, in_use=in_use, most=LARGEST_PAGE
        )

    found = await context_of(request).storage.read(work)
    return [EntityInfoShape(id=reference("ASSET_PROFILE", it), name=name) for it, name in found]


async def _page(request: ApiRequest, wanted: PageRequest, shape: Callable[[AssetProfile], S]) -> Page[S]:
    principal = await _allowed(request)

    async def work(stores: Stores, asked: PageSlice) -> Listing[AssetProfile]:
        return await stores.asset_profiles.page_of_profiles(principal.tenant_id, asked)

    return await page_of(request, principal, wanted, work, shape)


async def _some(request: ApiRequest, profile_ids: str) -> list[AssetProfileInfoShape]:
    principal = await _allowed(request)
    asked = uuids_of(profile_ids, "assetProfileIds")

    async def work(stores: Stores) -> list[AssetProfile]:
        found = [await stores.asset_profiles.profile(principal.tenant_id, it) for it in asked]
        return [it for it in found if it is not None]

    return [asset_profile_info_shape(it) for it in await context_of(request).storage.read(work)]


async def _read(request: ApiRequest, profile_id: UUID) -> AssetProfile:
    principal = await _allowed(request)

    async def work(stores: Stores) -> AssetProfile:
        return await asset_profiles.profile_of(stores.asset_profiles, principal.tenant_id, profile_id)

    return await context_of(request).storage.look(work)


async def _allowed(request: ApiRequest, operation: Operation = Operation.READ) -> Principal:
    principal = await principal_of(request)
    check(principal, operation, Target(Resource.ASSET_PROFILE, principal.tenant_id))
    return principal
