"""The outermost step of every HTTP request: who sent it, which application answers, and what may pass.

Devices go straight to their application. For the others the path stays as it was sent, so that `%2F` in a
device's name is no slash; bodies count as JSON, whatever clients call them; and answers get safe headers.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import msgspec

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST_BODY_BYTES = 16 * 1024 * 1024

_DEVICE = b"/api/v1/"
_API = b"/api/"
#: Where clients of MQTT over WebSocket look for it.
_MQTT = b"/mqtt"
_JSON = b"application/json"
_NOT_SNIFFED = (b"x-content-type-options", b"nosniff")
_NOT_STORED = (b"cache-control", b"no-store")
_TOO_LARGE = f"The body is too large: at most {LARGEST_BODY_BYTES} bytes are accepted here."


class FrontApplication:
    """Hands requests to the application that answers them; `web` and `mqtt` may be None."""

    def __init__(
        self,
        device: Application,
        rest: Application,
        web: Application | None,
        trusted: Sequence[str],
        mqtt: Application | None = None,
    ) -> None:
        self._device = device
        self._rest = rest
        self._web = web
        self._mqtt = mqtt
        self._trusted = [ip_network(network, strict=False) for network in trusted]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._rest(scope, receive, send)
            return
        if self._trusted:
            _believe_proxies(scope, self._trusted)
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        if raw_path.startswith(_DEVICE) and scope["type"] == "http":
            await self._device(scope, receive, send)
        elif self._web is not None and scope["type"] == "http" and _is_page(raw_path):
            await self._web(scope, receive, _with_headers(send, (_NOT_SNIFFED,)))
        elif self._mqtt is not None and raw_path == _MQTT and scope["type"] == "websocket":
            await self._mqtt(scope, receive, send)
        else:
            await self._to_rest(scope, raw_path, receive, send)

    async def _to_rest(self, scope: Scope, raw_path: bytes, receive: Receive, send: Send) -> None:
        scope["path"] = raw_path.decode("latin-1")
        headers = (_NOT_SNIFFED, _NOT_STORED) if raw_path.startswith(_API) else (_NOT_SNIFFED,)
        send_safely = _with_headers(send, headers)
        if _declared_bytes(scope) > LARGEST_BODY_BYTES:
            await _refuse_body(send_safely)
            return
        if raw_path.startswith(_API):
            _call_body_json(scope)
        await self._rest(scope, receive, send_safely)


def front_application(
    device: Application,
    rest: Application,
    web: Application | None,
    trusted_proxies: Sequence[str],
    mqtt: Application | None = None,
) -> FrontApplication:
    """Return the application that listens; `trusted_proxies` are addresses or networks, IPv4 or IPv6.

    `mqtt` serves devices that speak MQTT over WebSocket.
    """
    return FrontApplication(device, rest, web, trusted_proxies, mqtt)


def _is_page(raw_path: bytes) -> bool:
    first = raw_path[1:].partition(b"/")[0]
    return first in (b"", b"d", b"t", b"login", b"favicon.ico")


def _call_body_json(scope: Scope) -> None:
    """Let the body count as JSON: clients call it text/plain, a form, or nothing at all."""
    others = [it for it in scope["headers"] if it[0] != b"content-type"]
    scope["headers"] = [*others, (b"content-type", _JSON)]


def _with_headers(send: Send, headers: tuple[tuple[bytes, bytes], ...]) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name for name, _ in message.get("headers", ())}
            added = [it for it in headers if it[0] not in present]
            message["headers"] = [*message.get("headers", ()), *added]
        await send(message)

    return send_with_headers


def _declared_bytes(scope: Scope) -> int:
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)


async def _refuse_body(send: Send) -> None:
    now_ms = time.time_ns() // 1_000_000
    content = {"status": 413, "message": _TOO_LARGE, "errorCode": 31, "timestamp": now_ms}
    body = msgspec.json.encode(content | {"code": "payload_too_large"})
    headers = [(b"content-type", _JSON), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _believe_proxies(scope: Scope, trusted: Sequence[IPv4Network | IPv6Network]) -> None:
    """Put the address that the nearest untrusted peer came from in the place of the proxy's."""
    peer = scope.get("client")
    if not peer or not _is_within(peer[0], trusted):
        return
    forwarded = _header(scope, b"x-forwarded-for")
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    address = peer[0]
    while hops and _is_within(address, trusted):
        hop = _without_port(hops.pop())
        if not _is_address(hop):
            break
        address = hop
    scope["client"] = (address, 0)
    if _header(scope, b"x-forwarded-proto") in ("http", "https"):
        scope["scheme"] = _header(scope, b"x-forwarded-proto")


def _header(scope: Scope, wanted: bytes) -> str:
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
    return ",".join(values)


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_within(text: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    if not _is_address(text):
        return False
    address = ip_address(text)
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in networks)
