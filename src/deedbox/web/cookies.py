"""The two cookies: the session and the claim intent; out of reach of scripts and of other sites.

Over HTTPS they are bound to the host (`__Host-`). Over plain HTTP, as in a trial on a local network, browsers
refuse that prefix, so it is left out.
"""

from typing import Any

from litestar import Response

from deedbox.web.context import WebRequest, is_encrypted

SESSION = "session"
CLAIM = "claim"


def read_cookie(request: WebRequest, name: str) -> str:
    """Return the cookie's value, "" when there is none."""
    return request.cookies.get(_full_name(request, name), "")


def set_cookie(request: WebRequest, response: Response[Any], name: str, value: str, lifetime_s: int) -> None:
    """Let the browser keep the value for so long."""
    response.set_cookie(
        key=_full_name(request, name),
        value=value,
        max_age=lifetime_s,
        path="/",
        secure=is_encrypted(request),
        httponly=True,
        samesite="lax",
    )


def clear_cookie(request: WebRequest, response: Response[Any], name: str) -> None:
    """Let the browser forget the value."""
    set_cookie(request, response, name, "", 0)


def _full_name(request: WebRequest, name: str) -> str:
    return f"__Host-{name}" if is_encrypted(request) else name
