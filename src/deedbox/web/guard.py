"""Stands before every page: refuses forms that other sites send, adds security headers, answers HEAD."""

from typing import Any
from urllib.parse import urlsplit

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from deedbox.web.texts import text

_READING = ("GET", "HEAD", "OPTIONS")

#: Nothing but our own files, no inline script or style, never in a frame.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not "no-referrer": browsers would then hide the origin that the check below needs.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
]
_NOT_STORED = (b"cache-control", b"no-store")
#: What a page may choose for itself.
_CHOSEN = {b"cache-control", b"referrer-policy"}
_ONLY_ENCRYPTED = (b"strict-transport-security", b"max-age=31536000")


def guarded(application: ASGIApp) -> ASGIApp:
    """Return the application behind the guard."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        is_head = scope.get("method") == "HEAD"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _with_security(scope, list(message["headers"]))
            elif is_head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        if _changes_something(scope) and not is_same_origin(scope):
            await _refuse(send_with_headers)
        else:
            asked: Any = scope | {"method": "GET"} if is_head else scope
            await application(asked, receive, send_with_headers)

    return guard


def _changes_something(scope: Any) -> bool:
    return scope.get("method", "GET") not in _READING


def is_same_origin(scope: Any) -> bool:
    """Tell whether the browser says that one of our own pages sent this.

    Over plain HTTP browsers send no Sec-Fetch-Site; then the origin must name the host that is asked.
    """
    headers: dict[bytes, str] = {name: value.decode("latin-1") for name, value in scope["headers"]}
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    # The scheme is not compared: a proxy in front may speak HTTPS where we see HTTP.
    return headers.get(b"host", "") == urlsplit(headers.get(b"origin", "")).netloc != ""


def _with_security(scope: Any, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    added = [*_HEADERS, _NOT_STORED]
    if scope["scheme"] == "https":
        added.append(_ONLY_ENCRYPTED)
    present = {name.lower() for name, _ in headers}
    taken = {name for name, _ in added} - _CHOSEN
    kept = [it for it in headers if it[0].lower() not in taken]
    return kept + [it for it in added if it[0] in taken or it[0] not in present]


async def _refuse(send: Send) -> None:
    body = text("error.other_site").encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
