"""Lists of users: a tenant's, a customer's, those of some ids."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from deedbox.api.context import ApiRequest, context_of, principal_of
from deedbox.api.identifiers import uuids_of
from deedbox.api.paging import page_of
from deedbox.api.shapes.entities import Page
from deedbox.api.shapes.users import UserEmailShape, UserShape, user_email_shape, user_shape
from deedbox.api.users import TAGS
from deedbox.core.errors import NotFound
from deedbox.core.ids import NULL_ID
from deedbox.core.paging import Listing, PageRequest, PageSlice
from deedbox.core.permissions import Authority, Operation, Principal, Resource, Target, check, may, may_all
from deedbox.core.storage import Stores
from deedbox.core.users import User, target

Users = Callable[[Stores, PageSlice], Coroutine[Any, Any, Listing[User]]]


@get(["/api/users", "/api/user/users"], tags=TAGS, summary="List the users that you may see")
async def list_users(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    user_ids: Annotated[str | None, QueryParameter(name="userIds", description="Only these.")] = None,
) -> Page[UserShape] | list[UserShape]:
    """Return a page of your tenant's users; of the deployment's administrators for these; yourself for
    customers' users. With `userIds` a list of those instead of a page.
    """
    principal = await principal_of(request)
    if user_ids is not None:
        return await _users_by_ids(request, principal, user_ids)
    return await page_of(request, principal, wanted, visible_users(principal), user_shape)


@get("/api/users/info", tags=TAGS, summary="List people to choose from")
async def list_user_infos(request: ApiRequest, wanted: NamedDependency[PageRequest]) -> Page[UserEmailShape]:
    """Return addresses and names of the users that you may see."""
    principal = await principal_of(request)
    return await page_of(request, principal, wanted, visible_users(principal), user_email_shape)


@get("/api/users/list", tags=TAGS, summary="Read users by their ids")
async def list_users_by_ids(
    request: ApiRequest, user_ids: Annotated[str, QueryParameter(name="userIds", description="With commas.")]
) -> list[UserShape]:
    """Return those of these users that you may see."""
    return await _users_by_ids(request, await principal_of(request), user_ids)


@get("/api/tenant/{tenant_id:str}/users", tags=TAGS, summary="List a tenant's administrators")
async def list_tenant_administrators(
    request: ApiRequest, tenant_id: FromPath[UUID], wanted: NamedDependency[PageRequest]
) -> Page[UserShape]:
    """Return a page of a tenant's administrators. For system administrators, and for these themselves."""
    principal = await principal_of(request)
    check(principal, Operation.READ, Target(Resource.USER, tenant_id))

    async def work(stores: Stores, asked: PageSlice) -> Listing[User]:
        if not await stores.users.has_tenant(tenant_id):
            raise NotFound("Requested tenant wasn't found!")
        return await stores.users.administrators_of_tenant(tenant_id, asked)

    return await page_of(request, principal, wanted, work, user_shape)


@get("/api/customer/{customer_id:str}/users", tags=TAGS, summary="List a customer's users")
async def list_customer_users(
    request: ApiRequest, customer_id: FromPath[UUID], wanted: NamedDependency[PageRequest]
) -> Page[UserShape]:
    """Return a page of the users of a customer. For tenant administrators."""
    principal = await principal_of(request)
    return await page_of(request, principal, wanted, users_of_customer(principal, customer_id), user_shape)


@get("/api/customer/users", tags=TAGS, summary="List the users of all customers")
async def list_all_customer_users(
    request: ApiRequest, wanted: NamedDependency[PageRequest]
) -> Page[UserShape]:
    """Return a page of the users of all customers of your tenant. For tenant administrators."""
    principal = await principal_of(request)
    check(principal, Operation.READ, Target(Resource.CUSTOMER_USER, principal.tenant_id))

    async def work(stores: Stores, asked: PageSlice) -> Listing[User]:
        return await stores.users.customer_users_of_tenant(principal.tenant_id, asked)

    return await page_of(request, principal, wanted, work, user_shape)


def users_of_customer(principal: Principal, customer_id: UUID) -> Users:
    """Return what reads a page of a customer's users. Raises NotPermitted."""
    check(principal, Operation.READ, Target(Resource.CUSTOMER_USER, principal.tenant_id, customer_id))

    async def work(stores: Stores, asked: PageSlice) -> Listing[User]:
        home = await stores.users.home(customer_id)
        if home is None or home.tenant_id != principal.tenant_id:
            raise NotFound("Requested customer wasn't found!")
        return await stores.users.users_of_customer(principal.tenant_id, customer_id, asked)

    return work


def visible_users(principal: Principal) -> Users:
    """Return what reads a page of the users that somebody may see."""

    async def work(stores: Stores, asked: PageSlice) -> Listing[User]:
        if principal.authority is Authority.SYS_ADMIN:
            return await stores.users.administrators_of_tenant(NULL_ID, asked)
        all_users, tenant_id = _seen_in_whole(principal), principal.tenant_id
        if all_users == {Resource.USER, Resource.CUSTOMER_USER}:
            return await stores.users.users_of_tenant(tenant_id, asked)
        if Resource.USER in all_users:
            return await stores.users.administrators_of_tenant(tenant_id, asked)
        if all_users and principal.customer_id is not None:
            return await stores.users.users_of_customer(tenant_id, principal.customer_id, asked)
        if all_users:
            return await stores.users.customer_users_of_tenant(tenant_id, asked)
        user = await stores.users.find_user(principal.user_id)
        is_here = user is not None and asked.request.number == 0
        return Listing([user] if user and is_here else [], 1 if user else 0, False)

    return work


def _seen_in_whole(principal: Principal) -> set[Resource]:
    """Return the kinds of people of whom the principal may see all: the tenant's, or the customer's."""
    kinds = (Resource.USER, Resource.CUSTOMER_USER)
    return {it for it in kinds if may_all(principal, Operation.READ, it)}


async def _users_by_ids(request: ApiRequest, principal: Principal, text: str) -> list[UserShape]:
    ids = uuids_of(text, "userIds")

    async def work(stores: Stores) -> list[User]:
        found = [await stores.users.find_user(user_id) for user_id in dict.fromkeys(ids)]
        return [user for user in found if user and may(principal, Operation.READ, target(user))]

    return [user_shape(user) for user in await context_of(request).storage.read(work)]
