"""Lists of customers, under the names that the clients of both editions of the reference server use."""

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from deedbox.api.context import ApiRequest, context_of, principal_of
from deedbox.api.identifiers import uuids_of
from deedbox.api.paging import page_of
from deedbox.api.shapes.customers import CustomerShape, customer_shape
from deedbox.api.shapes.entities import Page
from deedbox.core.customers import Customer
from deedbox.core.paging import Listing, PageRequest, PageSlice
from deedbox.core.permissions import Operation, Principal, Resource, Target, check
from deedbox.core.storage import Stores

TAGS = ["Customers"]


@get("/api/customers", tags=TAGS, summary="List customers")
async def list_customers(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    customer_ids: Annotated[
        str | None, QueryParameter(name="customerIds", description="Some by their ids.")
    ] = None,
) -> Page[CustomerShape] | list[CustomerShape]:
    """Return a page of your tenant's customers, or a plain list of those that `customerIds` names."""
    if customer_ids is not None:
        return await _some(request, customer_ids)
    return await _page(request, wanted)


@get("/api/user/customers", tags=TAGS, summary="List the customers that you may see")
async def list_my_customers(request: ApiRequest, wanted: NamedDependency[PageRequest]) -> Page[CustomerShape]:
    """Return a page of your tenant's customers. For tenant administrators."""
    return await _page(request, wanted)


@get("/api/customers/list", tags=TAGS, summary="Read several customers")
async def list_customers_by_ids(
    request: ApiRequest,
    customer_ids: Annotated[str, QueryParameter(name="customerIds", description="Ids with commas between.")],
) -> list[CustomerShape]:
    """Return those of the customers that your tenant has, at most 1000 at once."""
    return await _some(request, customer_ids)


async def _page(request: ApiRequest, wanted: PageRequest) -> Page[CustomerShape]:
    principal = await _administrator(request)

    async def work(stores: Stores, asked: PageSlice) -> Listing[Customer]:
        return await stores.customers.page_of_customers(principal.tenant_id, asked)

    return await page_of(request, principal, wanted, work, customer_shape)


async def _some(request: ApiRequest, customer_ids: str) -> list[CustomerShape]:
    principal, asked = await _administrator(request), uuids_of(customer_ids, "customerIds")

    async def work(stores: Stores) -> list[Customer]:
        return await stores.customers.customers_of(principal.tenant_id, asked)

    return [customer_shape(it) for it in await context_of(request).storage.read(work)]


async def _administrator(request: ApiRequest) -> Principal:
    principal = await principal_of(request)
    check(principal, Operation.READ, Target(Resource.CUSTOMER, principal.tenant_id))
    return principal
