"""Users with the title of what they belong to, as newer clients list them; and their invitations by mail."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.paging import page_of
from deedbox.api.shapes.entities import Page
from deedbox.api.shapes.users import UserInfoShape, user_info_shape
from deedbox.api.user_lists import Users, users_of_customer, visible_users
from deedbox.api.users import TAGS
from deedbox.core.emails import canonical
from deedbox.core.errors import InvalidValue
from deedbox.core.owner_titles import owner_titles
from deedbox.core.paging import Listing, PageRequest, PageSlice
from deedbox.core.permissions import Operation, Principal
from deedbox.core.storage import Stores
from deedbox.core.users import User, permitted_user

_Titled = tuple[User, str]


@get("/api/user/info/{user_id:str}", tags=TAGS, summary="Read a user with its owner's title")
async def get_user_info(request: ApiRequest, user_id: FromPath[UUID]) -> UserInfoShape:
    """Return a user with the title of its customer or tenant."""
    principal = await principal_of(request)

    async def work(stores: Stores) -> _Titled:
        user = await permitted_user(stores.users, principal, Operation.READ, user_id)
        return (await _titled(stores, [user]))[0]

    return user_info_shape(*await context_of(request).storage.look(work))


@get("/api/userInfos/all", tags=TAGS, summary="List users with their owners' titles")
async def list_user_infos(request: ApiRequest, wanted: NamedDependency[PageRequest]) -> Page[UserInfoShape]:
    """Return a page of the users that you may see, each with the title of its customer or tenant."""
    principal = await principal_of(request)
    return await _page(request, principal, wanted, visible_users(principal))


@get("/api/customer/{customer_id:str}/userInfos", tags=TAGS, summary="List a customer's users with its title")
async def list_customer_user_infos(
    request: ApiRequest, customer_id: FromPath[UUID], wanted: NamedDependency[PageRequest]
) -> Page[UserInfoShape]:
    """Return a page of the users of a customer. For tenant administrators."""
    principal = await principal_of(request)
    return await _page(request, principal, wanted, users_of_customer(principal, customer_id))


@post("/api/user/sendActivationMail", status_code=200, tags=TAGS, summary="Send an activation link again")
async def send_activation_mail(
    request: ApiRequest, email: Annotated[str, QueryParameter(name="email")] = ""
) -> None:
    """Send a new user its activation link by mail.

    400 once it is activated, and where this server sends no mail: `GET /api/user/{userId}/activationLink`
    has the link. 429 when the address has had too many mails within an hour.
    """
    principal, address = await principal_of(request), source_address(request)
    sign_ins = context_of(request).sign_ins
    if not sign_ins.postbox.is_open:
        raise InvalidValue(
            "This server sends no mail. Show the link of GET /api/user/{userId}/activationLink to whom you "
            "invite."
        )
    await context_of(request).storage.write(
        lambda it: sign_ins.link_mail.invite_again(it.users, principal, canonical(email), address)
    )


async def _page(
    request: ApiRequest, principal: Principal, wanted: PageRequest, users: Users
) -> Page[UserInfoShape]:
    async def work(stores: Stores, asked: PageSlice) -> Listing[_Titled]:
        found = await users(stores, asked)
        return Listing(await _titled(stores, found.items), found.total, found.has_next, found.end)

    return await page_of(request, principal, wanted, work, lambda it: user_info_shape(*it))


async def _titled(stores: Stores, users: Sequence[User]) -> list[_Titled]:
    if not users:
        return []
    titles = await owner_titles(stores, users[0].tenant_id, {it.customer_id for it in users})
    return [(it, titles.get(it.customer_id, "")) for it in users]
