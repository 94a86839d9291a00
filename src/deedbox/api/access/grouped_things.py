"""What is in a group, as each kind of thing is listed elsewhere."""

from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from deedbox.api.access.group_lists import readable_group
from deedbox.api.access.reaching import permitted_group
from deedbox.api.access.roles import TAGS
from deedbox.api.context import ApiRequest
from deedbox.api.paging import page_of
from deedbox.api.shapes.assets import AssetShape, asset_shape
from deedbox.api.shapes.customers import CustomerShape, customer_shape
from deedbox.api.shapes.devices import DeviceShape, device_shape
from deedbox.api.shapes.entities import Page
from deedbox.api.shapes.users import UserShape, user_shape
from deedbox.core.assets import AssetFilter, AssetInfo
from deedbox.core.customers import Customer
from deedbox.core.devices import DeviceFilter, DeviceInfo
from deedbox.core.paging import Listing, PageRequest, PageSlice
from deedbox.core.permissions import Operation
from deedbox.core.storage import Stores
from deedbox.core.users import User

_GROUP = "/api/entityGroup/{entity_group_id:str}"


@get(_GROUP + "/devices", tags=TAGS, summary="List the devices of a group")
async def list_devices(
    request: ApiRequest, wanted: NamedDependency[PageRequest], entity_group_id: FromPath[UUID]
) -> Page[DeviceShape]:
    """Return a page of the devices in a group."""
    principal, group = await readable_group(request, entity_group_id, "DEVICE")

    async def work(stores: Stores, asked: PageSlice) -> Listing[DeviceInfo]:
        await permitted_group(stores, principal, Operation.READ, group.id)
        listed = DeviceFilter(principal.tenant_id, groups=(group.id,))
        return await stores.devices.list_devices(listed, asked)

    return await page_of(request, principal, wanted, work, device_shape)


@get(_GROUP + "/assets", tags=TAGS, summary="List the assets of a group")
async def list_assets(
    request: ApiRequest, wanted: NamedDependency[PageRequest], entity_group_id: FromPath[UUID]
) -> Page[AssetShape]:
    """Return a page of the assets in a group."""
    principal, group = await readable_group(request, entity_group_id, "ASSET")

    async def work(stores: Stores, asked: PageSlice) -> Listing[AssetInfo]:
        await permitted_group(stores, principal, Operation.READ, group.id)
        listed = AssetFilter(principal.tenant_id, groups=(group.id,))
        return await stores.assets.list_assets(listed, asked)

    return await page_of(request, principal, wanted, work, asset_shape)


@get(_GROUP + "/users", tags=TAGS, summary="List the users of a group")
async def list_users(
    request: ApiRequest, wanted: NamedDependency[PageRequest], entity_group_id: FromPath[UUID]
) -> Page[UserShape]:
    """Return a page of the people in a group."""
    principal, group = await readable_group(request, entity_group_id, "USER")

    async def work(stores: Stores, asked: PageSlice) -> Listing[User]:
        await permitted_group(stores, principal, Operation.READ, group.id)
        page = await stores.access.page_of_members(group, asked)
        found = [await stores.users.find_user(it.id) for it in page.items]
        return Listing([it for it in found if it is not None], page.total, page.has_next, page.end)

    return await page_of(request, principal, wanted, work, user_shape)


@get(_GROUP + "/customers", tags=TAGS, summary="List the customers of a group")
async def list_customers(
    request: ApiRequest, wanted: NamedDependency[PageRequest], entity_group_id: FromPath[UUID]
) -> Page[CustomerShape]:
    """Return a page of the customers in a group."""
    principal, group = await readable_group(request, entity_group_id, "CUSTOMER")

    async def work(stores: Stores, asked: PageSlice) -> Listing[Customer]:
        await permitted_group(stores, principal, Operation.READ, group.id)
        page = await stores.access.page_of_members(group, asked)
        known = await stores.customers.customers_of(principal.tenant_id, [it.id for it in page.items])
        by_id = {it.id: it for it in known}
        found = [by_id[it.id] for it in page.items if it.id in by_id]
        return Listing(found, page.total, page.has_next, page.end)

    return await page_of(request, principal, wanted, work, customer_shape)
