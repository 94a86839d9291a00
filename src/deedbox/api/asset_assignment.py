"""Assignment of assets: a tenant gives an asset to a customer, or takes it back. There is no deed of it."""

from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

from litestar import delete, post
from litestar.params import FromPath

from deedbox.api.assets import TAGS, making
from deedbox.api.context import ApiRequest, context_of, principal_of
from deedbox.api.shapes.assets import AssetShape, asset_shape
from deedbox.core import asset_changes, customers
from deedbox.core.asset_changes import AssetMaking
from deedbox.core.assets import Asset, permitted_asset
from deedbox.core.errors import NotFound
from deedbox.core.live import OwnershipChanged
from deedbox.core.permissions import Operation, Principal
from deedbox.core.storage import Stores

Step = Callable[[AssetMaking, Asset], Coroutine[Any, Any, Asset]]


@post(
    "/api/customer/{customer_id:str}/asset/{asset_id:str}",
    status_code=200,
    tags=TAGS,
    summary="Assign an asset to a customer",
)
async def assign_asset(
    request: ApiRequest, customer_id: FromPath[UUID], asset_id: FromPath[UUID]
) -> AssetShape:
    """Let the customer's users read the asset; whoever had it before has it no more."""
    principal = await principal_of(request)
    return asset_shape(await _changed(request, principal, asset_id, _to(customer_id)))


@delete("/api/customer/asset/{asset_id:str}", status_code=200, tags=TAGS, summary="Take an asset back")
async def unassign_asset(request: ApiRequest, asset_id: FromPath[UUID]) -> AssetShape:
    """Take the asset from the customer that has it. 400 when none has."""
    principal = await principal_of(request)
    return asset_shape(await _changed(request, principal, asset_id, asset_changes.unassign))


@post("/api/customer/public/asset/{asset_id:str}", status_code=200, tags=TAGS, summary="Make an asset public")
async def make_asset_public(request: ApiRequest, asset_id: FromPath[UUID]) -> AssetShape:
    """Assign the asset to the tenant's public customer, which is made when there is none."""

    async def step(parts: AssetMaking, asset: Asset) -> Asset:
        public = await customers.ensure_public_customer(parts.customers, parts.actor)
        return await asset_changes.assign(parts, asset, public.id)

    return asset_shape(await _changed(request, await principal_of(request), asset_id, step))


@post(
    "/api/owner/CUSTOMER/{customer_id:str}/ASSET/{asset_id:str}",
    status_code=200,
    tags=TAGS,
    summary="Assign an asset to a customer (newer clients)",
)
async def change_asset_owner_to_customer(
    request: ApiRequest, customer_id: FromPath[UUID], asset_id: FromPath[UUID]
) -> None:
    """Assign the asset, as `POST /api/customer/{customerId}/asset/{assetId}` does."""
    await _changed(request, await principal_of(request), asset_id, _to(customer_id))


@post(
    "/api/owner/TENANT/{tenant_id:str}/ASSET/{asset_id:str}",
    status_code=200,
    tags=TAGS,
    summary="Take an asset back (newer clients)",
)
async def change_asset_owner_to_tenant(
    request: ApiRequest, tenant_id: FromPath[UUID], asset_id: FromPath[UUID]
) -> None:
    """Take the asset back, as `DELETE /api/customer/asset/{assetId}` does."""
    principal = await principal_of(request)
    if tenant_id != principal.tenant_id:
        raise NotFound
    await _changed(request, principal, asset_id, asset_changes.unassign)


def _to(customer_id: UUID) -> Step:
    async def step(parts: AssetMaking, asset: Asset) -> Asset:
        return await asset_changes.assign(parts, asset, customer_id)

    return step


async def _changed(request: ApiRequest, principal: Principal, asset_id: UUID, step: Step) -> Asset:
    async def work(stores: Stores) -> Asset:
        operation = Operation.ASSIGN_TO_CUSTOMER
        asset = await permitted_asset(stores.assets, principal, operation, asset_id)
        return await step(making(request, principal, stores), asset)

    asset = await context_of(request).storage.write(work)
    context_of(request).live.tell(OwnershipChanged(asset_id))
    return asset
