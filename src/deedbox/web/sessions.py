"""A browser's session: the cookies that hold its two tokens, set by a sign-in and cleared by a sign-out."""

from typing import Any

from litestar import Response
from litestar.datastructures import Cookie

from deedbox.core.accounts.callers import Caller
from deedbox.core.sign_in import SignInPolicy
from deedbox.core.tokens import TokenPair
from deedbox.web.context import WebRequest, context_of, is_encrypted, source_address
from deedbox.web.cookies import DEVICE, REFRESH, SESSION, new_cookie, read_cookie, set_cookie

#: Browsers keep no cookie for longer.
_DEVICE_KNOWN_S = 400 * 86_400


def open_session(request: WebRequest, response: Response[Any], pair: TokenPair) -> None:
    """Let the browser keep a session's tokens."""
    policy = context_of(request).sign_ins.policy
    for cookie in session_cookies(pair, policy, is_encrypted(request)):
        response.set_cookie(cookie)
    if pair.device_token:
        set_cookie(request, response, DEVICE, pair.device_token, _DEVICE_KNOWN_S)


def caller_of(request: WebRequest) -> Caller:
    """Return who calls, before it is known who it is."""
    client = request.headers.get("user-agent", "")
    return Caller(source_address(request), client, read_cookie(request, DEVICE))


def close_session(request: WebRequest, response: Response[Any]) -> None:
    """Let the browser forget its session."""
    for cookie in no_session_cookies(is_encrypted(request)):
        response.set_cookie(cookie)


def session_cookies(pair: TokenPair, policy: SignInPolicy, encrypted: bool) -> list[Cookie]:
    """Return the cookies of a session; each lives as long as its token."""
    return [
        new_cookie(SESSION, pair.token, policy.access_token_s, encrypted),
        new_cookie(REFRESH, pair.refresh_token, policy.refresh_token_s, encrypted),
    ]


def no_session_cookies(encrypted: bool) -> list[Cookie]:
    """Return the cookies that clear a session."""
    return [new_cookie(name, "", 0, encrypted) for name in (SESSION, REFRESH)]
