"""Users: make, change, read and delete them, one at a time, and the links that let them in."""

from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from litestar import MediaType, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, QueryParameter

from deedbox.api.access.entering import INTO, enter
from deedbox.api.context import ApiRequest, caller_of, context_of, principal_of, source_address
from deedbox.api.shapes.auth import TokenPairShape, token_pair_shape
from deedbox.api.shapes.users import (
    LinkShape,
    UserSaveShape,
    UserShape,
    referred_user,
    user_draft,
    user_shape,
)
from deedbox.core import invitations, user_changes
from deedbox.core.access.giving import gives_default
from deedbox.core.permissions import Operation, Principal
from deedbox.core.records import Actor
from deedbox.core.storage import Stores
from deedbox.core.users import Link, User, permitted_user

TAGS = ["Users"]
_LARGEST_BODY_BYTES = 131_072
_INVITED = Example(
    summary="A customer's user",
    value={
        "email": "ada@example.org",
        "authority": "CUSTOMER_USER",
        "firstName": "Ada",
        "customerId": {"entityType": "CUSTOMER", "id": "01890a5d-ac96-774b-bcce-b302099a8057"},
    },
)


@post(
    "/api/user",
    status_code=200,
    tags=TAGS,
    summary="Make or change a user",
    request_max_body_size=_LARGEST_BODY_BYTES,
    dependencies=INTO,
)
async def save_user(
    request: ApiRequest,
    data: Annotated[UserSaveShape, Body(examples=[_INVITED])],
    into: NamedDependency[list[UUID]],
    send_activation_mail: Annotated[
        bool,
        QueryParameter(
            name="sendActivationMail",
            description="Send a new user its activation link, if this server sends mail.",
        ),
    ] = True,
) -> UserShape:
    """Make a user (no `id`) or change the one that `id` names; fields that are absent stay as they are.

    `authority`, `tenantId` and `customerId` of a user never change (400). A customer's user changes its own
    names and phone; its `additionalInfo` is kept, whatever it sends. A new user is in the default group,
    unless whoever makes it has less than that gives, and in those that `entityGroupId` names.
    """
    principal, draft = await principal_of(request), user_draft(data)
    context, address = context_of(request), source_address(request)

    async def work(stores: Stores) -> User:
        if referred_user(data) is not None:
            return await user_changes.change(stores.users, principal, draft, address)
        user = await user_changes.create(stores.users, principal, draft, address)
        if not gives_default(principal, user.authority):
            await stores.access.leave_default_group([user.id])
        await enter(stores, principal, principal.actor(address), user.id, into)
        sign_ins = context.sign_ins
        link = await invitations.invite(stores.users, context.keys, sign_ins.policy, user)
        if send_activation_mail:
            await sign_ins.link_mail.invite(stores.users, user, link)
        return user

    user = await context.storage.write(work)
    context.authenticator.forget(user.id)
    return user_shape(user)


@get("/api/user/{user_id:str}", tags=TAGS, summary="Read a user")
async def get_user(request: ApiRequest, user_id: FromPath[UUID]) -> UserShape:
    """Return a user of your tenant; a customer's user reads itself only."""
    principal = await principal_of(request)
    return user_shape(
        await context_of(request).storage.look(
            lambda it: permitted_user(it.users, principal, Operation.READ, user_id)
        )
    )


@delete("/api/user/{user_id:str}", status_code=200, tags=TAGS, summary="Delete a user")
async def delete_user(request: ApiRequest, user_id: FromPath[UUID]) -> None:
    """Delete a user and end its sessions. 400 for the last administrator of a tenant or of the deployment."""
    principal, context, address = await principal_of(request), context_of(request), source_address(request)
    await context.storage.write(lambda it: user_changes.delete(it.users, principal, user_id, address))
    context.authenticator.forget(user_id)


@post(
    "/api/user/{user_id:str}/userCredentialsEnabled", status_code=200, tags=TAGS, summary="Enable or disable"
)
async def enable_user(
    request: ApiRequest,
    user_id: FromPath[UUID],
    enabled: Annotated[bool, QueryParameter(name="userCredentialsEnabled")] = True,
) -> None:
    """Let a user sign in, or end its sessions and let it not. 400 for the last administrator."""
    principal, context, address = await principal_of(request), context_of(request), source_address(request)
    await context.storage.write(
        lambda it: user_changes.enable(it.users, principal, user_id, enabled, address)
    )
    context.authenticator.forget(user_id)


@get(
    "/api/user/{user_id:str}/activationLink",
    tags=TAGS,
    summary="Show a user's activation link",
    media_type=MediaType.TEXT,
)
async def activation_link(request: ApiRequest, user_id: FromPath[UUID]) -> str:
    """Return the link by which a new user sets its password: hand it over yourself. 400 once it is used."""
    return _activation_url(request, await _activation(request, user_id))


@get("/api/user/{user_id:str}/activationLinkInfo", tags=TAGS, summary="Show an activation link and its time")
async def activation_link_info(request: ApiRequest, user_id: FromPath[UUID]) -> LinkShape:
    """Return the activation link, and for how many milliseconds it works."""
    link = await _activation(request, user_id)
    return await _link_shape(request, _activation_url(request, link), link)


@get("/api/user/{user_id:str}/resetLink", tags=TAGS, summary="Make a link that resets a password")
async def reset_link(request: ApiRequest, user_id: FromPath[UUID]) -> LinkShape:
    """Return a link by which a user sets a new password; an older one works no more. It is audited."""
    principal, context = await principal_of(request), context_of(request)

    async def work(stores: Stores) -> Link:
        user = await permitted_user(stores.users, principal, Operation.READ_CREDENTIALS, user_id)
        return await invitations.reset_link(
            stores.users, context.keys, context.sign_ins.policy, _actor(request, principal), user
        )

    link = await context.storage.write(work)
    path = "api/noauth/resetPassword?" + urlencode({"resetToken": link.token})
    return await _link_shape(request, f"{request.base_url}{path}", link)


@get("/api/user/{user_id:str}/token", tags=TAGS, summary="Sign in as somebody else")
async def user_token(request: ApiRequest, user_id: FromPath[UUID]) -> TokenPairShape:
    """Return tokens of a user below you: system administrators for tenants' administrators, these for
    customers' users. It is audited, and the user's sessions show it.
    """
    principal = await principal_of(request)
    pair = await context_of(request).sign_ins.instead_of(principal, user_id, caller_of(request))
    return token_pair_shape(pair)


async def _activation(request: ApiRequest, user_id: UUID) -> Link:
    principal, context = await principal_of(request), context_of(request)

    async def work(stores: Stores) -> Link:
        user = await permitted_user(stores.users, principal, Operation.READ_CREDENTIALS, user_id)
        return await invitations.invitation(
            stores.users, context.keys, context.sign_ins.policy, _actor(request, principal), user
        )

    return await context.storage.write(work)


def _actor(request: ApiRequest, principal: Principal) -> Actor:
    return principal.actor(source_address(request))


def _activation_url(request: ApiRequest, link: Link) -> str:
    return f"{request.base_url}api/noauth/activate?" + urlencode({"activateToken": link.token})


async def _link_shape(request: ApiRequest, url: str, link: Link) -> LinkShape:
    async def work(stores: Stores) -> int:
        return await stores.users.now_ms()

    now_ms = await context_of(request).storage.look(work)
    return LinkShape(value=url, ttl_ms=max(0, link.expires_at - now_ms))
