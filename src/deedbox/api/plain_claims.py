"""Claims without the web framework: the one request that comes in crowds skips what it does not need.

Litestar takes longer to route a request than the database to decide it (docs/decisions). Whatever is not
plain (a query, an unusual body, another method) goes the ordinary way; both ways run `claiming.claim_for`.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from deedbox.api.claiming import Wish, claim_for
from deedbox.api.context import ApiContext
from deedbox.api.errors import failure_content, refusal_answer
from deedbox.api.shapes.claiming import ClaimResultShape, ClaimShape
from deedbox.api.shapes.devices import device_shape
from deedbox.core.errors import InvalidValue, NotSignedIn, Refusal

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_PATH = re.compile(r"/api/customer/device/([^/]+)/claim")
_TEMPLATE = "/api/customer/device/{device_name}/claim"
_LARGEST_BODY_BYTES = 4096
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(ClaimShape | None)


class PlainClaims:
    """Answers plain claims itself and leaves all other requests to `rest`."""

    def __init__(self, context: ApiContext, rest: Application) -> None:
        self._context = context
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        found = _PATH.fullmatch(scope["path"]) if _may_be_plain(scope) else None
        headers = dict(scope["headers"]) if found else {}
        if found is None or not _is_short(headers):
            await self._rest(scope, receive, send)
            return
        body = await _whole_body(receive)
        if body is None:
            return  # half a body must not claim with half a key, or with none
        scope["path_template"] = _TEMPLATE
        content: object
        try:
            status, content, extra = await self._answer(scope, found[1], headers, body)
        except Refusal as refusal:
            scope["refusal"] = refusal.code
            status, content, extra = refusal_answer(refusal)
        except Exception as error:
            status, content, extra = 500, failure_content(error, "claim_device"), None
        await _send(send, status, _encoder.encode(content), extra)

    async def _answer(
        self, scope: Scope, device_name: str, headers: dict[bytes, bytes], body: bytes
    ) -> tuple[int, object, dict[str, str] | None]:
        principal = await self._context.known(_token(headers))
        key = headers.get(b"idempotency-key")
        source = scope["client"][0] if scope.get("client") else ""
        wish = Wish(device_name, _shape(body), None, key.decode("latin-1") if key else None, source)
        outcome = await claim_for(self._context, principal, wish)
        if outcome.device is None:
            return 400, str(outcome.answer), None
        return 200, ClaimResultShape(device=device_shape(outcome.device)), None


def _may_be_plain(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] == "POST" and not scope["query_string"]


def _is_short(headers: dict[bytes, bytes]) -> bool:
    length = headers.get(b"content-length", b"0")
    return b"transfer-encoding" not in headers and length.isdigit() and int(length) <= _LARGEST_BODY_BYTES


async def _whole_body(receive: Receive) -> bytes | None:
    """Return the body, None when the client went away before its end."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _shape(body: bytes) -> ClaimShape | None:
    try:
        return _decoder.decode(body) if body else None
    except msgspec.ValidationError as error:
        raise InvalidValue(str(error)) from None
    except msgspec.DecodeError as error:
        # The parser names the position, never the text: bodies hold keys.
        reason = str(error).removeprefix("JSON is malformed: ")
        raise InvalidValue(f"The body is not valid JSON: {reason}") from None
    except (UnicodeDecodeError, RecursionError):
        raise InvalidValue("The body is not valid JSON: no UTF-8 text, or nested too deep.") from None


def _token(headers: dict[bytes, bytes]) -> str:
    header = headers.get(b"x-authorization") or headers.get(b"authorization") or b""
    scheme, _, token = header.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotSignedIn
    return token.strip()


async def _send(send: Send, status: int, body: bytes, extra: dict[str, str] | None) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in (extra or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
