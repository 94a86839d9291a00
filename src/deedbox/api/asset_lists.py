"""Lists of assets: a tenant's, a customer's, those of some ids; and the types that they have."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from deedbox.api.assets import TAGS, named_asset
from deedbox.api.context import ApiRequest, context_of, principal_of
from deedbox.api.identifiers import uuids_of
from deedbox.api.paging import page_of
from deedbox.api.shapes.assets import AssetInfoShape, AssetShape, asset_info_shape, asset_shape
from deedbox.api.shapes.devices import EntitySubtypeShape
from deedbox.api.shapes.entities import Page, reference
from deedbox.core import customers
from deedbox.core.access.lookup import all_with_groups
from deedbox.core.access.visible import groups_to_list
from deedbox.core.assets import AssetFilter, AssetInfo, target
from deedbox.core.paging import LARGEST_PAGE, Listing, PageRequest, PageSlice
from deedbox.core.permissions import Operation, Principal, Resource, Target, check, check_somewhere, may
from deedbox.core.storage import Stores

Type = Annotated[str, QueryParameter(name="type", description="Only assets of this type.")]
ProfileId = Annotated[UUID | None, QueryParameter(name="assetProfileId", description="Only of this profile.")]


@get("/api/tenant/assets", tags=TAGS, summary="List the tenant's assets")
async def list_tenant_assets(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    asset_type: Type = "",
    asset_name: Annotated[
        str | None, QueryParameter(name="assetName", description="The one asset of this name.")
    ] = None,
) -> Page[AssetShape] | AssetShape:
    """Return a page of all assets of your tenant; with `assetName` that one asset instead of a page."""
    principal = await principal_of(request)
    if asset_name is not None:
        return asset_shape(await named_asset(request, principal, asset_name))
    return await page_of(request, principal, wanted, _assets(principal, asset_type), asset_shape)


@get(
    ["/api/tenant/assetInfos", "/api/assetInfos/all"],
    tags=TAGS,
    summary="List the tenant's assets with their customers",
)
async def list_tenant_asset_infos(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    asset_type: Type = "",
    profile_id: ProfileId = None,
) -> Page[AssetInfoShape]:
    """Return a page of all assets of your tenant with customer's title and profile's name.

    The second path is the newer client's; there a customer's user gets the customer's assets.
    """
    principal = await principal_of(request)
    customer_id = principal.customer_id if request.url.path.endswith("/all") else None
    work = _assets(principal, asset_type, customer_id, profile_id)
    return await page_of(request, principal, wanted, work, asset_info_shape)


@get("/api/customer/{customer_id:str}/assets", tags=TAGS, summary="List a customer's assets")
async def list_customer_assets(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    customer_id: FromPath[UUID],
    asset_type: Type = "",
) -> Page[AssetShape]:
    """Return a page of the assets that are assigned to the customer."""
    principal = await principal_of(request)
    work = _assets(principal, asset_type, customer_id)
    return await page_of(request, principal, wanted, work, asset_shape)


@get(
    "/api/customer/{customer_id:str}/assetInfos",
    tags=TAGS,
    summary="List a customer's assets with its title",
)
async def list_customer_asset_infos(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    customer_id: FromPath[UUID],
    asset_type: Type = "",
    profile_id: ProfileId = None,
) -> Page[AssetInfoShape]:
    """Return a page of the assets that are assigned to the customer, with profile's name."""
    principal = await principal_of(request)
    work = _assets(principal, asset_type, customer_id, profile_id)
    return await page_of(request, principal, wanted, work, asset_info_shape)


@get("/api/user/assets", tags=TAGS, summary="List the assets that you may see")
async def list_my_assets(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    asset_type: Type = "",
    profile_id: ProfileId = None,
) -> Page[AssetShape]:
    """Return a page of your customer's assets, for tenant administrators of all of the tenant's."""
    principal = await principal_of(request)
    work = _assets(principal, asset_type, principal.customer_id, profile_id)
    return await page_of(request, principal, wanted, work, asset_shape)


@get("/api/assets", tags=TAGS, summary="Read several assets")
async def list_assets_by_ids(
    request: ApiRequest,
    asset_ids: Annotated[str, QueryParameter(name="assetIds", description="Ids with commas between.")],
) -> list[AssetShape]:
    """Return those of the assets that exist and that you may read, at most 1000 at once."""
    principal, wanted = await principal_of(request), uuids_of(asset_ids, "assetIds")
    check_somewhere(principal, Operation.READ, Resource.ASSET)

    async def work(stores: Stores) -> list[AssetInfo]:
        found = await stores.assets.assets(principal.tenant_id, wanted)
        targets = [target(it) for it in found]
        known = await all_with_groups(stores.assets, principal, Operation.READ, targets)
        seen = {it.id for it in known if may(principal, Operation.READ, it)}
        return [it for it in found if it.id in seen]

    return [asset_shape(it) for it in await context_of(request).storage.read(work)]


@get("/api/asset/types", tags=TAGS, summary="List asset types")
async def list_asset_types(request: ApiRequest) -> list[EntitySubtypeShape]:
    """Return the types that assets of your tenant may have: the names of its asset profiles."""
    principal = await principal_of(request)
    check(principal, Operation.READ, Target(Resource.ASSET_PROFILE, principal.tenant_id))

    async def work(stores: Stores) -> list[tuple[UUID, str]]:
        return await stores.asset_profiles.profile_names(principal.tenant_id, in_use=False, most=LARGEST_PAGE)

    tenant = reference("TENANT", principal.tenant_id)
    found = await context_of(request).storage.read(work)
    return [EntitySubtypeShape(tenant_id=tenant, type=name, entity_type="ASSET") for _, name in found]


def _assets(
    principal: Principal, type_name: str, customer_id: UUID | None = None, profile_id: UUID | None = None
) -> Callable[[Stores, PageSlice], Coroutine[Any, Any, Listing[AssetInfo]]]:
    """Return what reads a page, after checking that the principal may see assets of that customer or all."""
    tenant_id, groups = principal.tenant_id, groups_to_list(principal, Resource.ASSET, customer_id)

    async def work(stores: Stores, asked: PageSlice) -> Listing[AssetInfo]:
        if customer_id is not None:
            await customers.customer_of(stores.customers, tenant_id, customer_id)
        wanted_profile = profile_id
        if type_name:
            profile = await stores.asset_profiles.profile_named(tenant_id, type_name)
            if profile is None or profile_id not in (None, profile.id):
                return Listing([], 0, has_next=False)
            wanted_profile = profile.id
        wanted = AssetFilter(tenant_id, customer_id, wanted_profile, groups)
        return await stores.assets.list_assets(wanted, asked)

    return work
