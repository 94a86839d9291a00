"""Lists of devices: a tenant's, a customer's, those of some ids; and the types that they have."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from deedbox.api.context import ApiRequest, context_of, principal_of
from deedbox.api.devices import TAGS, named_device
from deedbox.api.identifiers import uuids_of
from deedbox.api.paging import page_of
from deedbox.api.shapes.devices import (
    DeviceInfoShape,
    DeviceShape,
    EntitySubtypeShape,
    device_info_shape,
    device_shape,
)
from deedbox.api.shapes.entities import Page, reference
from deedbox.core.access.lookup import all_with_groups
from deedbox.core.access.visible import groups_of_mine, groups_to_list
from deedbox.core.device_access import target
from deedbox.core.devices import DeviceFilter, DeviceInfo
from deedbox.core.paging import Listing, PageRequest, PageSlice
from deedbox.core.permissions import Operation, Principal, Resource, Target, check, check_somewhere, may
from deedbox.core.storage import Stores

Type = Annotated[str, QueryParameter(name="type", description="Only devices of this type.")]
ProfileId = Annotated[
    UUID | None, QueryParameter(name="deviceProfileId", description="Only of this profile.")
]
Active = Annotated[bool | None, QueryParameter(name="active", description="Only those active now, or not.")]


@get("/api/tenant/devices", tags=TAGS, summary="List the tenant's devices")
async def list_tenant_devices(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    device_type: Type = "",
    device_name: Annotated[
        str | None, QueryParameter(name="deviceName", description="The one device of this name.")
    ] = None,
) -> Page[DeviceShape] | DeviceShape:
    """Return a page of all devices of your tenant; with `deviceName` that one device instead of a page."""
    principal = await principal_of(request)
    if device_name is not None:
        return device_shape(await named_device(request, principal, device_name))
    work = _devices(principal, device_type, DeviceFilter(principal.tenant_id))
    return await page_of(request, principal, wanted, work, device_shape)


@get(
    ["/api/tenant/deviceInfos", "/api/deviceInfos/all"],
    tags=TAGS,
    summary="List the tenant's devices with their owners",
)
async def list_tenant_device_infos(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    device_type: Type = "",
    profile_id: ProfileId = None,
    active: Active = None,
    include_customers: Annotated[
        bool, QueryParameter(name="includeCustomers", description="false: only those that nobody owns.")
    ] = True,
) -> Page[DeviceInfoShape]:
    """Return a page of all devices of your tenant with owner's title, profile's name and activity.

    The second path is the newer client's; there a customer's user gets the customer's devices.
    """
    principal = await principal_of(request)
    everybody = request.url.path.endswith("/all")
    customer_id = principal.customer_id if everybody else None
    unowned = not include_customers and customer_id is None
    listed = DeviceFilter(principal.tenant_id, customer_id, profile_id, active, unowned)
    work = _devices(principal, device_type, listed, mine=everybody and not unowned)
    return await page_of(request, principal, wanted, work, device_info_shape)


@get("/api/customer/{customer_id:str}/devices", tags=TAGS, summary="List a customer's devices")
async def list_customer_devices(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    customer_id: FromPath[UUID],
    device_type: Type = "",
) -> Page[DeviceShape]:
    """Return a page of the devices that the customer owns."""
    principal = await principal_of(request)
    work = _devices(principal, device_type, DeviceFilter(principal.tenant_id, customer_id))
    return await page_of(request, principal, wanted, work, device_shape)


@get(
    "/api/customer/{customer_id:str}/deviceInfos",
    tags=TAGS,
    summary="List a customer's devices with their owner",
)
async def list_customer_device_infos(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    customer_id: FromPath[UUID],
    device_type: Type = "",
    profile_id: ProfileId = None,
    active: Active = None,
) -> Page[DeviceInfoShape]:
    """Return a page of the devices that the customer owns, with profile's name and activity."""
    principal = await principal_of(request)
    listed = DeviceFilter(principal.tenant_id, customer_id, profile_id, active)
    work = _devices(principal, device_type, listed)
    return await page_of(request, principal, wanted, work, device_info_shape)


@get("/api/user/devices", tags=TAGS, summary="List the devices that you may see")
async def list_my_devices(
    request: ApiRequest, wanted: NamedDependency[PageRequest], device_type: Type = ""
) -> Page[DeviceShape]:
    """Return a page of your customer's devices, for tenant administrators of all of the tenant's.

    Devices of groups that roles let you read are among them.
    """
    principal = await principal_of(request)
    mine = DeviceFilter(principal.tenant_id, principal.customer_id)
    work = _devices(principal, device_type, mine, mine=True)
    return await page_of(request, principal, wanted, work, device_shape)


@get("/api/devices", tags=TAGS, summary="Read several devices")
async def list_devices_by_ids(
    request: ApiRequest,
    device_ids: Annotated[str, QueryParameter(name="deviceIds", description="Ids with commas between.")],
) -> list[DeviceShape]:
    """Return those of the devices that exist and that you may read, at most 1000 at once."""
    principal, wanted = await principal_of(request), uuids_of(device_ids, "deviceIds")
    check_somewhere(principal, Operation.READ, Resource.DEVICE)

    async def work(stores: Stores) -> list[DeviceInfo]:
        found = await stores.devices.devices(principal.tenant_id, wanted)
        targets = [target(it) for it in found]
        known = await all_with_groups(stores.devices, principal, Operation.READ, targets)
        seen = {it.id for it in known if may(principal, Operation.READ, it)}
        return [it for it in found if it.id in seen]

    return [device_shape(it) for it in await context_of(request).storage.read(work)]


@get("/api/device/types", tags=TAGS, summary="List device types")
async def list_device_types(request: ApiRequest) -> list[EntitySubtypeShape]:
    """Return the types that devices of your tenant may have: the names of its device profiles."""
    principal = await principal_of(request)
    check(principal, Operation.READ, Target(Resource.DEVICE_PROFILE, principal.tenant_id))

    async def work(stores: Stores) -> list[str]:
        return await stores.devices.device_types(principal.tenant_id)

    found = await context_of(request).storage.read(work)
    return [EntitySubtypeShape(tenant_id=reference("TENANT", principal.tenant_id), type=it) for it in found]


def _devices(
    principal: Principal, type_name: str, wanted: DeviceFilter, *, mine: bool = False
) -> Callable[[Stores, PageSlice], Coroutine[Any, Any, Listing[DeviceInfo]]]:
    """Return what reads a page, after checking that the principal may see any of these devices.

    `mine`: all that the principal may see.
    """
    tenant_id, customer_id, kind = principal.tenant_id, wanted.customer_id, Resource.DEVICE
    groups = groups_of_mine(principal, kind) if mine else groups_to_list(principal, kind, customer_id)
    of_customer = None if mine and groups is not None else customer_id
    wanted = msgspec.structs.replace(wanted, customer_id=of_customer, groups=groups)

    async def work(stores: Stores, asked: PageSlice) -> Listing[DeviceInfo]:
        if customer_id is not None:
            await stores.claims.customer_title(tenant_id, customer_id)
        if not type_name:
            return await stores.devices.list_devices(wanted, asked)
        profile = await stores.device_profiles.profile_named(tenant_id, type_name)
        if profile is None or wanted.profile_id not in (None, profile.id):
            return Listing([], 0, has_next=False)
        narrowed = msgspec.structs.replace(wanted, profile_id=profile.id)
        return await stores.devices.list_devices(narrowed, asked)

    return work
