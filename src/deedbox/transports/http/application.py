"""The device side over HTTP, `/api/v1/{token}/...`: a plain ASGI application, since every message passes it.

The content type is not looked at: devices send JSON under any name. The token is the only credential, so
neither it nor the path is ever logged. `/api/v1/provision` is for those that have no token yet.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping

from deedbox.core.errors import Refusal, TooManyAttempts
from deedbox.core.ids import NULL_ID
from deedbox.transports.http.answers import (
    UNKNOWN_TOKEN,
    Answer,
    Receive,
    Scope,
    Send,
    error_answer,
    json_answer,
    refusal_answer,
    send_answer,
)
from deedbox.transports.http.context import DeviceContext
from deedbox.transports.http.messages import Messages
from deedbox.transports.http.news import News
from deedbox.transports.http.requests import BodyTooSlow, ClientGone, DeviceRequest, path_parts
from deedbox.transports.provisioning import PROVISION
from deedbox.transports.token_lookups import TokenLookups

Handler = Callable[[DeviceRequest], Awaitable[Answer]]

_NO_ROUTE = (
    "There is no such address. After the token: claim, telemetry, attributes, attributes/updates, rpc."
)
_TOO_SLOW = "The body did not come in time; the connection is closed."
_FAILED = "Something went wrong here. It is in the server's log."

_log = logging.getLogger(__name__)


class DeviceApplication:
    """An ASGI application. `end_polls` lets waiting devices go when the server stops."""

    def __init__(self, context: DeviceContext) -> None:
        self._context = context
        self._activity = context.activity
        self._tokens = TokenLookups(context.storage, context.keys)
        messages, news = Messages(context), News(context)
        self._messages = messages
        self._routes: Mapping[str, Mapping[str, Handler]] = {
            "claim": {"POST": messages.claim},
            "telemetry": {"POST": messages.telemetry},
            "attributes": {"POST": messages.attributes, "GET": messages.read_attributes},
            "attributes/updates": {"GET": news.attribute_changes},
            "rpc": {"POST": messages.ask, "GET": news.command},
            "rpc/{id}": {"POST": messages.reply},
        }
        self._news = news

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of a device."""
        try:
            answer = await self._answer(scope, receive)
        except Refusal as refusal:
            scope["refusal"] = refusal.code
            answer = refusal_answer(refusal)
        except ClientGone:
            return
        except BodyTooSlow:
            scope["refusal"] = "body_too_slow"
            answer = error_answer(408, 31, "body_too_slow", _TOO_SLOW)
            answer = answer._replace(headers=((b"connection", b"close"),))
        except Exception:
            _log.exception("unexpected error on the device side")
            answer = error_answer(500, 2, "internal_error", _FAILED)
        await send_answer(answer, send)

    @property
    def waiting_polls(self) -> int:
        """How many long polls wait now."""
        return self._news.waiting

    def end_polls(self) -> None:
        """Answer all long polls as if their time were over, and those that still come."""
        self._news.close()

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        token, route, rest = path_parts(scope)
        if (token, route) == (PROVISION, ""):
            return await self._provision(scope, receive)
        handlers = self._routes.get(route)
        if handlers is None:
            return error_answer(404, 32, "not_found", _NO_ROUTE)
        handler = handlers.get(scope["method"])
        if handler is None:
            answer = error_answer(405, 31, "method_not_allowed", f"Expected: {' or '.join(handlers)}.")
            return answer._replace(headers=((b"allow", ", ".join(handlers).encode()),))
        # Looked up every time: a token that was revoked stops working at once, on every node.
        device_id = await self._tokens.device_of(token) if token else None
        self._check_guess(scope, token, device_id is not None)
        if device_id is None:
            scope["refusal"] = "unknown_token"
            return UNKNOWN_TOKEN
        self._activity.note(device_id, self._context.clock_ms())
        request = DeviceRequest(scope, receive, device_id, rest)
        if self._context.rate_limits.is_limiting:
            await self._count(request, handler)
        return await handler(request)

    async def _provision(self, scope: Scope, receive: Receive) -> Answer:
        """Answer somebody who is no device yet."""
        if scope["method"] != "POST":
            answer = error_answer(405, 31, "method_not_allowed", "Expected: POST.")
            return answer._replace(headers=((b"allow", b"POST"),))
        settings, client = self._context.settings, scope.get("client")
        body = await DeviceRequest(scope, receive, NULL_ID, "").body(
            settings.largest_rpc_body_bytes, settings.body_timeout_s
        )
        return json_answer(await self._context.provisioning.answer(body, client[0] if client else ""))

    def _check_guess(self, scope: Scope, token: str, is_right: bool) -> None:
        """Keep from an address that tries many tokens which of them is right. Raises TooManyAttempts."""
        client, now_ms = scope.get("client"), self._context.clock_ms()
        address = client[0] if client else ""
        presented = token.encode("utf-8", "surrogatepass")
        wait_ms = self._context.login_guesses.judge(address, presented, is_right, now_ms)
        if wait_ms:
            raise TooManyAttempts(wait_ms)

    async def _count(self, request: DeviceRequest, handler: Handler) -> None:
        limiter = await self._context.rate_limits.limiter_of(request.device_id)
        if limiter is None:
            return
        now_ms = self._context.clock_ms()
        request.limiter = limiter  # size and values of a message are looked at when they are known
        if handler == self._messages.telemetry:
            limiter.check_telemetry(1, 0, now_ms)
        else:
            limiter.check_message(now_ms)


def device_application(context: DeviceContext) -> DeviceApplication:
    """Return the ASGI application that answers `/api/v1/`."""
    return DeviceApplication(context)
