"""Customers, for administrators of their tenant; a customer's users read their own."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, post
from litestar.enums import MediaType
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, QueryParameter

from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.shapes.customers import (
    CustomerSaveShape,
    CustomerShape,
    ShortCustomerShape,
    customer_draft,
    customer_shape,
    short_customer_shape,
)
from deedbox.api.shapes.devices import referred_id
from deedbox.core import customers
from deedbox.core.customers import Customer
from deedbox.core.erasure import Piece, erase_customer
from deedbox.core.errors import NotFound
from deedbox.core.permissions import Operation, Resource, Target, check
from deedbox.core.storage import Stores

TAGS = ["Customers"]
_NEW = Example(summary="A household", value={"title": "Family Miller", "city": "Graz"})
_BELOW = Example(
    summary="A sub-customer",
    value={
        "title": "Upper floor",
        "parentCustomerId": {"entityType": "CUSTOMER", "id": "01890a5d-ac96-774b-bcce-b302099a8057"},
    },
)


@post("/api/customer", status_code=200, tags=TAGS, summary="Make or change a customer")
async def save_customer(
    request: ApiRequest, data: Annotated[CustomerSaveShape, Body(examples=[_NEW, _BELOW])]
) -> CustomerShape:
    """Make a customer of your tenant, or change the one that `id` names; the title is unique in the tenant.

    `parentCustomerId` counts for a new customer only. With `version` the change is refused (409) when
    somebody else changed the customer since.
    """
    principal = await principal_of(request)
    customer_id = referred_id(data.id)
    operation = Operation.CREATE if customer_id is None else Operation.WRITE
    check(principal, operation, Target(Resource.CUSTOMER, principal.tenant_id, customer_id))
    actor, wanted = principal.actor(source_address(request)), customer_draft(data)

    async def work(stores: Stores) -> Customer:
        if customer_id is None:
            return await customers.create(stores.customers, actor, wanted)
        return await customers.change(stores.customers, actor, wanted, data.version)

    saved = await context_of(request).storage.write(work)
    # Whoever is signed in carries the title along.
    context_of(request).authenticator.forget(saved.id)
    return customer_shape(saved)


@get("/api/customer/{customer_id:str}", tags=TAGS, summary="Read a customer")
async def get_customer(request: ApiRequest, customer_id: FromPath[UUID]) -> CustomerShape:
    """Return a customer of your tenant; customers read their own."""
    return customer_shape(await _read(request, customer_id))


@get("/api/customer/{customer_id:str}/shortInfo", tags=TAGS, summary="Read a customer's title and kind")
async def get_short_info(request: ApiRequest, customer_id: FromPath[UUID]) -> ShortCustomerShape:
    """Return a customer's title and whether it stands for everybody."""
    return short_customer_shape(await _read(request, customer_id))


@get(
    "/api/customer/{customer_id:str}/title",
    tags=TAGS,
    summary="Read a customer's title as text",
    media_type=MediaType.TEXT,
)
async def get_title(request: ApiRequest, customer_id: FromPath[UUID]) -> str:
    """Return a customer's title as plain text."""
    return (await _read(request, customer_id)).title


@get("/api/tenant/customers", tags=TAGS, summary="Read a customer by its title")
async def get_customer_by_title(
    request: ApiRequest, title: Annotated[str, QueryParameter(name="customerTitle")]
) -> CustomerShape:
    """Return the customer with exactly this title. For tenant administrators."""
    principal = await principal_of(request)
    check(principal, Operation.READ, Target(Resource.CUSTOMER, principal.tenant_id))

    async def work(stores: Stores) -> Customer:
        found = await stores.customers.customer_titled(principal.tenant_id, title)
        if found is None:
            raise NotFound
        return found

    return customer_shape(await context_of(request).storage.look(work))


@delete("/api/customer/{customer_id:str}", status_code=200, tags=TAGS, summary="Delete a customer")
async def delete_customer(request: ApiRequest, customer_id: FromPath[UUID]) -> None:
    """Delete a customer and its people; the devices that it owned are free again, its sub-customers stay.

    A large customer goes in pieces; whoever is interrupted deletes again.
    """
    principal = await principal_of(request)
    check(principal, Operation.DELETE, Target(Resource.CUSTOMER, principal.tenant_id, customer_id))
    context, actor = context_of(request), principal.actor(source_address(request))

    async def work(stores: Stores) -> Piece:
        return await erase_customer(
            stores.erasure, stores.customers, actor, customer_id, context.policy, context.keys
        )

    piece = Piece(False, [])
    while not piece.is_last:
        piece = await context.storage.write(work)
        context.authenticator.forget(customer_id)
        for device_id in piece.closed:
            await context.deed_closed(device_id)


async def _read(request: ApiRequest, customer_id: UUID) -> Customer:
    principal = await principal_of(request)
    # Whether somebody's id is a customer at all is not for users of other customers to find out.
    check(principal, Operation.READ, Target(Resource.CUSTOMER, principal.tenant_id, customer_id))

    async def work(stores: Stores) -> Customer:
        return await customers.customer_of(stores.customers, principal.tenant_id, customer_id)

    return await context_of(request).storage.look(work)
