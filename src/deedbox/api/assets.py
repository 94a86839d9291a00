"""Assets: make, change, read and delete them, one at a time."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import delete, get, post
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, QueryParameter

from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.shapes.assets import (
    AssetInfoShape,
    AssetSaveShape,
    AssetShape,
    asset_draft,
    asset_info_shape,
    asset_shape,
)
from deedbox.api.shapes.devices import referred_id
from deedbox.core import asset_changes
from deedbox.core.access.lookup import check_target
from deedbox.core.asset_changes import AssetMaking
from deedbox.core.assets import Asset, AssetInfo, permitted_asset, target
from deedbox.core.errors import NotFound
from deedbox.core.live import OwnershipChanged
from deedbox.core.permissions import Operation, Principal, Resource, Target, check, check_somewhere, refuse
from deedbox.core.storage import Stores

TAGS = ["Assets"]
_NEW = Example(summary="A new asset", value={"name": "Boiler room", "type": "room"})


@post("/api/asset", status_code=200, tags=TAGS, summary="Make or change an asset")
async def save_asset(
    request: ApiRequest,
    data: Annotated[AssetSaveShape, Body(examples=[_NEW])],
    name_conflict_policy: Annotated[Literal["FAIL"], QueryParameter(name="nameConflictPolicy")] = "FAIL",
) -> AssetShape:
    """Make an asset (no `id`) or change the one that `id` names; fields that are absent stay as they are.

    A type that no profile is named like makes one. With `version` the change is refused (409) when somebody
    else changed the asset since it was read.
    """
    principal = await principal_of(request)
    asset_id = referred_id(data.id)
    operation = Operation.CREATE if asset_id is None else Operation.WRITE
    check(principal, operation, Target(Resource.ASSET, principal.tenant_id))
    # An asset never changes its tenant: for anybody else's it does not exist.
    if referred_id(data.tenant_id) not in (None, principal.tenant_id):
        raise NotFound

    async def work(stores: Stores) -> Asset:
        parts = making(request, principal, stores)
        if asset_id is None:
            return await _create(parts, data)
        before = await permitted_asset(stores.assets, principal, operation, asset_id)
        return await asset_changes.change(parts, before, asset_draft(data))

    return asset_shape(await context_of(request).storage.write(work))


@get("/api/asset/{asset_id:str}", tags=TAGS, summary="Read an asset")
async def get_asset(request: ApiRequest, asset_id: FromPath[UUID]) -> AssetShape:
    """Return an asset of your tenant, or for customers one that is assigned to them."""
    return asset_shape(await _read(request, asset_id))


@get("/api/asset/info/{asset_id:str}", tags=TAGS, summary="Read an asset with its customer's title")
async def get_asset_info(request: ApiRequest, asset_id: FromPath[UUID]) -> AssetInfoShape:
    """Return an asset with its customer's title and its profile's name."""
    return asset_info_shape(await _read(request, asset_id))


@get("/api/tenant/asset", tags=TAGS, summary="Read an asset by its name")
async def get_tenant_asset(
    request: ApiRequest, asset_name: Annotated[str, QueryParameter(name="assetName")]
) -> AssetShape:
    """Return the asset with exactly this name. For tenant administrators."""
    return asset_shape(await named_asset(request, await principal_of(request), asset_name))


@delete("/api/asset/{asset_id:str}", status_code=200, tags=TAGS, summary="Delete an asset")
async def delete_asset(request: ApiRequest, asset_id: FromPath[UUID]) -> None:
    """Delete an asset with its relations and all that was stored about it; what it is related to stays."""
    principal = await principal_of(request)

    async def work(stores: Stores) -> None:
        asset = await permitted_asset(stores.assets, principal, Operation.DELETE, asset_id)
        await asset_changes.delete(making(request, principal, stores), asset)

    await context_of(request).storage.write(work)
    context_of(request).live.tell(OwnershipChanged(asset_id))


async def named_asset(request: ApiRequest, principal: Principal, name: str) -> AssetInfo:
    """Return the tenant's asset of that name, for tenant administrators. Raises NotFound, NotPermitted."""
    if principal.customer_id is not None:
        refuse(Operation.READ, Resource.ASSET)
    check_somewhere(principal, Operation.READ, Resource.ASSET)

    async def work(stores: Stores) -> AssetInfo:
        ids = await stores.assets.asset_ids_named(principal.tenant_id, [name])
        found = await stores.assets.assets(principal.tenant_id, ids.values())
        if not found:
            raise NotFound
        await check_target(stores.assets, principal, Operation.READ, target(found[0]))
        return found[0]

    return await context_of(request).storage.look(work)


def making(request: ApiRequest, principal: Principal, stores: Stores) -> AssetMaking:
    """Return what making and changing assets needs."""
    actor = principal.actor(source_address(request))
    return AssetMaking(stores.assets, stores.asset_profiles, stores.customers, actor)


async def _create(parts: AssetMaking, data: AssetSaveShape) -> Asset:
    asset = await asset_changes.create(parts, asset_draft(data))
    customer_id = referred_id(data.customer_id)
    return asset if customer_id is None else await asset_changes.assign(parts, asset, customer_id)


async def _read(request: ApiRequest, asset_id: UUID) -> AssetInfo:
    principal = await principal_of(request)

    async def work(stores: Stores) -> AssetInfo:
        return await permitted_asset(stores.assets, principal, Operation.READ, asset_id)

    return await context_of(request).storage.look(work)
