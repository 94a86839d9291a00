"""What of a request a handler needs: whose it is, the rest of its path, its query, its body."""

import asyncio
from urllib.parse import parse_qs, unquote_to_bytes
from uuid import UUID

from deedbox.core.errors import InvalidValue, PayloadTooLarge
from deedbox.transports.http.answers import Receive, Scope
from deedbox.transports.rate_limits import Limiter

PREFIX = b"/api/v1/"


class ClientGone(Exception):
    """The client closed the connection; nobody waits for an answer."""


class BodyTooSlow(Exception):
    """The body did not come in time."""


class DeviceRequest:
    """A request of a device that is known by its token."""

    __slots__ = ("_scope", "device_id", "limiter", "receive", "rest")

    def __init__(self, scope: Scope, receive: Receive, device_id: UUID, rest: str) -> None:
        self._scope = scope
        self.receive = receive
        self.device_id = device_id
        #: What stands behind the route in the path, as the 7 in `/rpc/7`.
        self.rest = rest
        #: What holds the device to its limits, None where nobody has any.
        self.limiter: Limiter | None = None

    async def body(self, limit_bytes: int, timeout_s: float) -> bytes:
        """Return the body. Raises PayloadTooLarge, BodyTooSlow, ClientGone."""
        if _declared_bytes(self._scope) > limit_bytes:
            raise _too_large(limit_bytes)
        if self.limiter:
            self.limiter.check_payload(_declared_bytes(self._scope))
        try:
            async with asyncio.timeout(timeout_s):
                body = await self._read(limit_bytes)
        except TimeoutError:
            raise BodyTooSlow from None
        if self.limiter:
            self.limiter.check_payload(len(body))
        return body

    async def _read(self, limit_bytes: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            piece = message.get("body", b"")
            size += len(piece)
            if size > limit_bytes:
                raise _too_large(limit_bytes)
            pieces.append(piece)
            if not message.get("more_body"):
                return b"".join(pieces)

    def names(self, parameter: str) -> list[str] | None:
        """Return a comma-separated query parameter as a list, None when it is absent or empty."""
        given = self._query(parameter)
        return [name for name in given.split(",") if name] if given else None

    def number(self, parameter: str, default: int) -> int:
        """Return a query parameter as a whole number from 0 on. Raises InvalidValue for anything else."""
        given = self._query(parameter)
        if given and not (given.isascii() and given.isdigit() and len(given) < 16):
            raise InvalidValue(f"{parameter} must be a whole number of milliseconds, as 20000.")
        return int(given) if given else default

    def _query(self, parameter: str) -> str:
        query = self._scope["query_string"].decode("latin-1")
        return parse_qs(query).get(parameter, [""])[-1] if query else ""


def path_parts(scope: Scope) -> tuple[str, str, str]:
    """Return token, route and what follows, from `/api/v1/TOKEN/ROUTE[/REST]`; decoded after the cut."""
    raw = scope.get("raw_path") or scope["path"].encode()
    token, _, path = raw.removeprefix(PREFIX).partition(b"/")
    route = path.removesuffix(b"/").decode("latin-1")
    if route.startswith("rpc/"):
        return _decoded(token), "rpc/{id}", route.removeprefix("rpc/")
    return _decoded(token), route, ""


def _decoded(token: bytes) -> str:
    return unquote_to_bytes(token).decode("utf-8", "replace")


def _declared_bytes(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
    return 0


def _too_large(limit_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is too large: at most {limit_bytes} bytes are accepted here.")
