"""Customers with the title of what they belong to, as newer clients list them."""

from collections.abc import Sequence
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from deedbox.api.context import ApiRequest, context_of, principal_of
from deedbox.api.customers import TAGS
from deedbox.api.paging import page_of
from deedbox.api.shapes.customers import CustomerInfoShape, customer_info_shape
from deedbox.api.shapes.entities import Page
from deedbox.core import customers
from deedbox.core.customers import Customer
from deedbox.core.owner_titles import owner_titles
from deedbox.core.paging import Listing, PageRequest, PageSlice
from deedbox.core.permissions import Operation, Principal, Resource, Target, check
from deedbox.core.storage import Stores

_Titled = tuple[Customer, str]


@get("/api/customer/info/{customer_id:str}", tags=TAGS, summary="Read a customer with its owner's title")
async def get_customer_info(request: ApiRequest, customer_id: FromPath[UUID]) -> CustomerInfoShape:
    """Return a customer with the title of the customer above it or of its tenant."""
    principal = await principal_of(request)
    check(principal, Operation.READ, Target(Resource.CUSTOMER, principal.tenant_id, customer_id))

    async def work(stores: Stores) -> _Titled:
        customer = await customers.customer_of(stores.customers, principal.tenant_id, customer_id)
        return (await _titled(stores, principal, [customer]))[0]

    return customer_info_shape(*await context_of(request).storage.look(work))


@get("/api/customerInfos/all", tags=TAGS, summary="List customers with their owners' titles")
async def list_customer_infos(
    request: ApiRequest, wanted: NamedDependency[PageRequest]
) -> Page[CustomerInfoShape]:
    """Return a page of your tenant's customers, sub-customers too. For tenant administrators."""
    return await _page(request, wanted)


@get("/api/customer/{customer_id:str}/customerInfos", tags=TAGS, summary="List sub-customers")
async def list_sub_customer_infos(
    request: ApiRequest, customer_id: FromPath[UUID], wanted: NamedDependency[PageRequest]
) -> Page[CustomerInfoShape]:
    """Return a page of the customers right below a customer. For tenant administrators."""
    return await _page(request, wanted, customer_id)


async def _page(
    request: ApiRequest, wanted: PageRequest, above_id: UUID | None = None
) -> Page[CustomerInfoShape]:
    principal = await principal_of(request)
    tenant_id = principal.tenant_id
    check(principal, Operation.READ, Target(Resource.CUSTOMER, tenant_id))

    async def work(stores: Stores, asked: PageSlice) -> Listing[_Titled]:
        if above_id is None:
            found = await stores.customers.page_of_customers(tenant_id, asked)
        else:
            await customers.customer_of(stores.customers, tenant_id, above_id)
            found = await stores.customers.page_of_sub_customers(tenant_id, above_id, asked)
        titled = await _titled(stores, principal, found.items)
        return Listing(titled, found.total, found.has_next, found.end)

    return await page_of(request, principal, wanted, work, lambda it: customer_info_shape(*it))


async def _titled(stores: Stores, principal: Principal, found: Sequence[Customer]) -> list[_Titled]:
    titles = await owner_titles(stores, principal.tenant_id, {it.parent_customer_id for it in found})
    return [(it, titles.get(it.parent_customer_id, "")) for it in found]
