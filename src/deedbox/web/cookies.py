"""The cookies: a session's two tokens and the claim intent; out of reach of scripts and of other sites.

Over HTTPS they are bound to the host (`__Host-`). Over plain HTTP, as in a trial on a local network, browsers
refuse that prefix, so it is left out.
"""

from typing import Any

from litestar import Response
from litestar.datastructures import Cookie

from deedbox.web.context import WebRequest, is_encrypted

SESSION = "session"
REFRESH = "refresh"
CLAIM = "claim"
DEVICE = "device"


def read_cookie(request: WebRequest, name: str) -> str:
    """Return the cookie's value, "" when there is none."""
    return request.cookies.get(full_name(name, is_encrypted(request)), "")


def set_cookie(request: WebRequest, response: Response[Any], name: str, value: str, lifetime_s: int) -> None:
    """Let the browser keep the value for so long."""
    response.set_cookie(new_cookie(name, value, lifetime_s, is_encrypted(request)))


def clear_cookie(request: WebRequest, response: Response[Any], name: str) -> None:
    """Let the browser forget the value."""
    set_cookie(request, response, name, "", 0)


def new_cookie(name: str, value: str, lifetime_s: int, encrypted: bool) -> Cookie:
    """Return the cookie; a lifetime of 0 lets the browser forget it."""
    return Cookie(
        key=full_name(name, encrypted),
        value=value,
        max_age=lifetime_s,
        path="/",
        secure=encrypted,
        httponly=True,
        samesite="lax",
    )


def full_name(name: str, encrypted: bool) -> str:
    """Return what the browser calls the cookie."""
    return f"__Host-{name}" if encrypted else name
