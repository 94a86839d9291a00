"""How much the devices of a tenant may send, for system administrators; the tenant's own may read it."""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath

from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.shapes.device_limits import (
    TenantLimitsSaveShape,
    TenantLimitsShape,
    tenant_limits_shape,
    wanted_limits,
)
from deedbox.core import device_limits
from deedbox.core.device_limits import TenantLimits
from deedbox.core.limits_in_force import in_force
from deedbox.core.permissions import Operation, Resource, Target, check
from deedbox.core.storage import Stores
from deedbox.core.tenant_profiles import WIRE_NAMES, ProfileLimits, profile_limits, profile_of
from deedbox.core.tenants import tenant_of

TAGS = ["Tenants"]
_LIMITS = Example(
    summary="Twenty messages a second from a device, a thousand from all",
    value={"transportDeviceMsgRateLimit": "20:1,600:60", "transportTenantMsgRateLimit": "1000:1"},
)


@get("/api/tenant/{tenant_id:str}/limits", tags=TAGS, summary="Read the limits of a tenant's devices")
async def get_limits(request: ApiRequest, tenant_id: FromPath[UUID]) -> TenantLimitsShape:
    """Return a tenant's own limits, null where its profile's count, and under `inForce` what counts."""
    principal = await principal_of(request)
    check(principal, Operation.READ, Target(Resource.TENANT, tenant_id))

    async def work(stores: Stores) -> tuple[TenantLimits, ProfileLimits]:
        return await stores.device_limits.limits_of(tenant_id), await _profile(stores, tenant_id)

    return _shape(request, *await context_of(request).storage.look(work))


@post(
    "/api/tenant/{tenant_id:str}/limits",
    status_code=200,
    tags=TAGS,
    summary="Set the limits of a tenant's devices",
)
async def save_limits(
    request: ApiRequest,
    tenant_id: FromPath[UUID],
    data: Annotated[TenantLimitsSaveShape, Body(examples=[_LIMITS])],
) -> TenantLimitsShape:
    """Set limits: `COUNT:SECONDS` pairs with commas between; empty for none, null for the profile's.

    Absent ones stay as they are. They count at once, for devices that are connected too. For system
    administrators.
    """
    principal = await principal_of(request)
    check(principal, Operation.WRITE, Target(Resource.TENANT, tenant_id))
    actor = principal.actor(source_address(request))
    wanted = device_limits.checked(wanted_limits(data), WIRE_NAMES)

    async def work(stores: Stores) -> tuple[TenantLimits, ProfileLimits]:
        store, tenants = stores.device_limits, stores.tenants
        stored = await device_limits.change(store, tenants, actor, tenant_id, wanted)
        return stored, await _profile(stores, tenant_id)

    stored = await context_of(request).storage.write(work)
    await context_of(request).reload_limits()
    return _shape(request, *stored)


async def _profile(stores: Stores, tenant_id: UUID) -> ProfileLimits:
    tenant = await tenant_of(stores.tenants, tenant_id)
    return profile_limits((await profile_of(stores.tenants, tenant.profile_id)).data)


def _shape(request: ApiRequest, own: TenantLimits, profile: ProfileLimits) -> TenantLimitsShape:
    return tenant_limits_shape(own, in_force(own, profile, context_of(request).device_limits))
