"""Signing in and out, refreshing, and setting passwords: `/api/auth` and `/api/noauth`."""

from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.openapi.spec import Example
from litestar.params import Body, QueryParameter
from litestar.response import Redirect

from deedbox.api.context import ApiRequest, caller_of, context_of, principal_of, source_address
from deedbox.api.shapes.auth import (
    ActivateShape,
    ChangePasswordShape,
    EmailShape,
    LoginShape,
    PasswordPolicyShape,
    PublicLoginShape,
    RefreshShape,
    ResetPasswordShape,
    TokenPairShape,
    token_pair_shape,
)
from deedbox.api.shapes.users import UserShape, user_shape
from deedbox.core.errors import InvalidValue, NotSignedIn
from deedbox.core.sign_ins import SignIns

_TAGS = ["Sign-in"]
#: Whoever is not signed in yet sends a few short texts, never more.
LARGEST_BODY_BYTES = 16_384
_PUBLIC: Any = {"tags": _TAGS, "request_max_body_size": LARGEST_BODY_BYTES, "security": [{}]}
_LOGIN = Example(summary="A user", value={"username": "ada@example.org", "password": "correct horse battery"})
_ACTIVATION = Example(
    summary="A new user", value={"activateToken": "kD3v...", "password": "correct horse battery"}
)
_PUBLIC_LOGIN = Example(value={"publicId": "01890a5d-ac96-774b-bcce-b302099a8057"})
_REFRESH = Example(value={"refreshToken": "eyJhbGciOiJIUzUxMiJ9..."})
_CHANGE = Example(value={"currentPassword": "correct horse battery", "newPassword": "staple of all horses"})
_EMAIL = Example(value={"email": "ada@example.org"})
_RESET = Example(value={"resetToken": "kD3v...", "password": "correct horse battery"})


@post("/api/auth/login", status_code=200, summary="Sign in", **_PUBLIC)
async def login(request: ApiRequest, data: Annotated[LoginShape, Body(examples=[_LOGIN])]) -> TokenPairShape:
    """Start a session. 401 for a wrong address or password; 429 with `Retry-After` after too many of them."""
    pair = await _sign_ins(request).by_password(data.username, data.password, caller_of(request))
    return token_pair_shape(pair)


@post("/api/auth/login/public", status_code=200, summary="Sign in as a public customer", **_PUBLIC)
async def login_public(
    request: ApiRequest, data: Annotated[PublicLoginShape, Body(examples=[_PUBLIC_LOGIN])]
) -> TokenPairShape:
    """Look at what a public customer shows: `publicId` is the customer's id. Such a session never claims."""
    pair = await _sign_ins(request).of_public_customer(data.public_id, source_address(request))
    return token_pair_shape(pair)


@post("/api/auth/token", status_code=200, summary="Continue a session", **_PUBLIC)
async def refresh(
    request: ApiRequest, data: Annotated[RefreshShape, Body(examples=[_REFRESH])]
) -> TokenPairShape:
    """Return the next pair of tokens. A refresh token works once: used again, it ends its session."""
    pair = await _sign_ins(request).by_refresh_token(data.refresh_token, source_address(request))
    return token_pair_shape(pair)


@post("/api/auth/logout", status_code=200, tags=_TAGS, summary="Sign out")
async def logout(request: ApiRequest) -> None:
    """End the session: its tokens work no more."""
    await _sign_ins(request).sign_out(await principal_of(request), source_address(request))


@get("/api/auth/user", tags=_TAGS, summary="Who am I")
async def current_user(request: ApiRequest) -> UserShape:
    """Return the user who sent the request. 401 for a public customer's visitor, who is no user."""
    principal = await principal_of(request)
    user = await context_of(request).storage.look(lambda it: it.users.find_user(principal.user_id))
    if user is None:
        raise NotSignedIn
    return user_shape(user)


@post(
    "/api/auth/changePassword",
    status_code=200,
    tags=_TAGS,
    summary="Change your password",
    request_max_body_size=LARGEST_BODY_BYTES,
)
async def change_password(
    request: ApiRequest, data: Annotated[ChangePasswordShape, Body(examples=[_CHANGE])]
) -> TokenPairShape:
    """Replace your password. All your sessions end; the answer is a new one."""
    principal, caller = await principal_of(request), caller_of(request)
    pair = await _sign_ins(request).change_password(
        principal, data.current_password, data.new_password, caller
    )
    return token_pair_shape(pair)


@get("/api/noauth/userPasswordPolicy", summary="What a password must have", **_PUBLIC)
async def password_policy() -> PasswordPolicyShape:
    """Return the rules for passwords; well-known passwords are refused besides."""
    return PasswordPolicyShape()


@get("/api/noauth/activate", status_code=303, summary="Follow an activation link", **_PUBLIC)
async def follow_activation_link(
    request: ApiRequest, activate_token: Annotated[str, QueryParameter(name="activateToken")]
) -> Response[Any]:
    """Go on to the page that asks for a password. 409 for a link that is unknown, used or expired.

    A browser goes on in any case: the page says what is wrong with the link.
    """
    try:
        await _sign_ins(request).check_activation(activate_token, source_address(request))
    except InvalidValue:
        if not _is_browser(request):
            return Response(None, status_code=409)
    return Redirect("/login/createPassword?" + urlencode({"activateToken": activate_token}), status_code=303)


@post("/api/noauth/activate", status_code=200, summary="Activate a user", **_PUBLIC)
async def activate(
    request: ApiRequest, data: Annotated[ActivateShape, Body(examples=[_ACTIVATION])]
) -> TokenPairShape:
    """Set the first password and sign in. 400 for a link that is unknown, used or expired."""
    caller = caller_of(request)
    return token_pair_shape(await _sign_ins(request).activate(data.activate_token, data.password, caller))


@post("/api/noauth/resetPasswordByEmail", status_code=200, summary="Ask for a new password", **_PUBLIC)
async def ask_for_reset(request: ApiRequest, data: Annotated[EmailShape, Body(examples=[_EMAIL])]) -> None:
    """Send a link, if this server sends mail, and note the wish in the audit log.

    The answer is the same for every address. Without mail an administrator hands out
    `GET /api/user/{id}/resetLink`.
    """
    await _sign_ins(request).wish_for_reset(data.email, source_address(request))


@get("/api/noauth/resetPassword", status_code=303, summary="Follow a reset link", **_PUBLIC)
async def follow_reset_link(
    request: ApiRequest, reset_token: Annotated[str, QueryParameter(name="resetToken")]
) -> Response[Any]:
    """Go on to the page that asks for a password. 409 for a link that is unknown, used or expired.

    A browser goes on in any case: the page says what is wrong with the link.
    """
    try:
        await _sign_ins(request).check_reset(reset_token, source_address(request))
    except InvalidValue:
        if not _is_browser(request):
            return Response(None, status_code=409)
    return Redirect("/login/resetPassword?" + urlencode({"resetToken": reset_token}), status_code=303)


@post("/api/noauth/resetPassword", status_code=200, summary="Reset a password", **_PUBLIC)
async def reset_password(
    request: ApiRequest, data: Annotated[ResetPasswordShape, Body(examples=[_RESET])]
) -> None:
    """Set a new password; all sessions of the user end. 400 for a link that is unknown, used or expired."""
    await _sign_ins(request).reset_password(data.reset_token, data.password, source_address(request))


def _is_browser(request: ApiRequest) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _sign_ins(request: ApiRequest) -> SignIns:
    return context_of(request).sign_ins
