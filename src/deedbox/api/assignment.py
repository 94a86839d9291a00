"""Assignment: a tenant makes a customer a device's owner, or takes the device back."""

from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

from litestar import delete, post
from litestar.params import FromPath

from deedbox.api.context import ApiContext, ApiRequest, context_of, principal_of, source_address
from deedbox.api.shapes.devices import DeviceShape, device_shape
from deedbox.core import customers, deeds
from deedbox.core.device_access import locked
from deedbox.core.devices import Device
from deedbox.core.errors import InvalidValue, NotFound
from deedbox.core.permissions import Operation, Principal
from deedbox.core.storage import Stores

_TAGS = ["Assignment"]
_OPERATION = Operation.ASSIGN_TO_CUSTOMER


@post(
    "/api/customer/{customer_id:str}/device/{device_id:str}",
    status_code=200,
    tags=_TAGS,
    summary="Assign a device to a customer",
)
async def assign_device(
    request: ApiRequest, customer_id: FromPath[UUID], device_id: FromPath[UUID]
) -> DeviceShape:
    """Make the customer the owner, as a claim would; whoever owned the device before loses it."""
    return device_shape(await _assigned(request, await principal_of(request), customer_id, device_id))


@delete("/api/customer/device/{device_id:str}", status_code=200, tags=_TAGS, summary="Take a device back")
async def unassign_device(request: ApiRequest, device_id: FromPath[UUID]) -> DeviceShape:
    """End the ownership of a device. 400 when nobody owns it."""
    return device_shape(await _unassigned(request, await principal_of(request), device_id))


@post(
    "/api/customer/public/device/{device_id:str}",
    status_code=200,
    tags=_TAGS,
    summary="Make a device public",
)
async def make_device_public(request: ApiRequest, device_id: FromPath[UUID]) -> DeviceShape:
    """Assign the device to the tenant's public customer, which is made when there is none."""
    principal, context = await principal_of(request), context_of(request)
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> Device:
        await locked(stores.claims, principal, _OPERATION, device_id)
        public = await customers.ensure_public_customer(stores.customers, actor)
        return await deeds.assign(stores.claims, device_id, public.id, actor, context.keys)

    return device_shape(await _followed(context, work))


@post(
    "/api/owner/CUSTOMER/{customer_id:str}/DEVICE/{device_id:str}",
    status_code=200,
    tags=_TAGS,
    summary="Assign a device to a customer (newer clients)",
)
async def change_owner_to_customer(
    request: ApiRequest, customer_id: FromPath[UUID], device_id: FromPath[UUID]
) -> None:
    """Make the customer the owner, as `POST /api/customer/{customerId}/device/{deviceId}` does."""
    await _assigned(request, await principal_of(request), customer_id, device_id)


@post(
    "/api/owner/TENANT/{tenant_id:str}/DEVICE/{device_id:str}",
    status_code=200,
    tags=_TAGS,
    summary="Take a device back (newer clients)",
)
async def change_owner_to_tenant(
    request: ApiRequest, tenant_id: FromPath[UUID], device_id: FromPath[UUID]
) -> None:
    """End the ownership of a device, as `DELETE /api/customer/device/{deviceId}` does."""
    principal = await principal_of(request)
    if tenant_id != principal.tenant_id:
        raise NotFound
    await _unassigned(request, principal, device_id)


async def _assigned(request: ApiRequest, principal: Principal, customer_id: UUID, device_id: UUID) -> Device:
    context, actor = context_of(request), principal.actor(source_address(request))

    async def work(stores: Stores) -> Device:
        await locked(stores.claims, principal, _OPERATION, device_id)
        return await deeds.assign(stores.claims, device_id, customer_id, actor, context.keys)

    return await _followed(context, work)


async def _unassigned(request: ApiRequest, principal: Principal, device_id: UUID) -> Device:
    context, actor = context_of(request), principal.actor(source_address(request))

    async def work(stores: Stores) -> Device:
        state = await locked(stores.claims, principal, _OPERATION, device_id)
        if state.deed is None:
            raise InvalidValue("Device isn't assigned to any customer!")
        return await deeds.unassign(stores.claims, device_id, actor, context.policy, context.keys)

    return await _followed(context, work)


async def _followed(context: ApiContext, work: Callable[[Stores], Coroutine[Any, Any, Device]]) -> Device:
    """Run work that ends a deed, then what follows that end: the old owner's commands are gone."""
    device = await context.storage.write(work)
    await context.deed_closed(device.id)
    return device
