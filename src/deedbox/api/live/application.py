"""The ASGI application that answers WebSockets: lets clients in, once they have said who they are."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec

from deedbox.api.context import ApiContext
from deedbox.api.errors import refusal_answer
from deedbox.api.live import commands
from deedbox.api.live.attendance import ASKED_EVERY_S, Attendance
from deedbox.api.live.settings import LiveSettings
from deedbox.api.live.sockets import (
    POLICY_VIOLATION,
    TOO_LONG,
    TRY_AGAIN_LATER,
    Receive,
    Send,
    Socket,
    say_goodbye,
)
from deedbox.core.errors import LimitReached, NotFound, NotSignedIn, Refusal
from deedbox.core.permissions import Principal

Scope = dict[str, Any]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

ADDRESS = "/api/ws"
#: Its clients put the token into the query; newer ones send it here, too.
OLDER_ADDRESS = "/api/ws/plugins/telemetry"
_SIGN_IN_FIRST = 'Sign in first: send {"authCmd": {"cmdId": 0, "token": "..."}} as a text message.'


class LiveApplication:
    """Answers WebSockets, and hands all other requests to `rest`."""

    def __init__(
        self,
        context: ApiContext,
        settings: LiveSettings,
        rest: Application,
        asked_every_s: float = ASKED_EVERY_S,
    ) -> None:
        self._context = context
        self._settings = settings
        self._rest = rest
        self.attendance = Attendance(context.storage, settings, asked_every_s)
        #: Hears why connections were turned away or ended here.
        self.note_closed: Callable[[str], object] = _ignore
        context.authenticator.watch(self.attendance.ask_soon)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or serve one socket."""
        if scope["type"] != "websocket":
            await self._rest(scope, receive, send)
            return
        await receive()
        try:
            if scope["path"] not in (ADDRESS, OLDER_ADDRESS):
                raise NotFound(f"There is no WebSocket here. Connect to {ADDRESS}.")
            principal = await self._known_by_address(scope)
        except Refusal as refusal:
            self.note_closed(refusal.code)
            await _turn_away(send, refusal)
            return
        await self._let_in(scope, receive, send, principal)

    async def _known_by_address(self, scope: Scope) -> Principal | None:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        token = query.get("token", [""])[0]
        if scope["path"] != OLDER_ADDRESS or not token:
            return None
        return await self._context.authenticator.authenticate(token)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send, principal: Principal | None) -> None:
        await send({"type": "websocket.accept"})
        receive = _limited(receive, send, self._settings.largest_message_bytes)
        first = "{}"
        try:
            if principal is None:
                principal, first = await self._sign_in(receive)
            source = scope["client"][0] if scope.get("client") else ""
            socket = Socket(self._context, self._settings, principal, principal.actor(source), send)
            with self.attendance.visitor(socket):
                await socket.run(receive, first)
            if socket.why_closed:
                self.note_closed(socket.why_closed)
        except Refusal as refusal:
            self.note_closed(refusal.code)
            is_full = isinstance(refusal, LimitReached)
            await say_goodbye(send, TRY_AGAIN_LATER if is_full else POLICY_VIOLATION, refusal.message)
        except ConnectionError:
            pass  # it left before it said who it is

    async def _sign_in(self, receive: Receive) -> tuple[Principal, str]:
        """Return who it is, and the message that said so.

        Raises LimitReached, NotSignedIn, InvalidValue, TokenExpired.
        """
        try:
            async with self.attendance.stranger():
                return await self._known_by_message(await receive())
        except TimeoutError:
            raise NotSignedIn(_SIGN_IN_FIRST) from None

    async def _known_by_message(self, received: dict[str, Any]) -> tuple[Principal, str]:
        if received["type"] != "websocket.receive":
            raise ConnectionError
        first = received.get("text") or ""
        asked = commands.sign_in_of(commands.message_of(first))
        token = (asked.token or asked.api_key) if asked else None
        if not token:
            raise NotSignedIn(_SIGN_IN_FIRST)
        return await self._context.authenticator.authenticate(token), first


def _ignore(_: str) -> None:
    pass


def _limited(receive: Receive, send: Send, most_bytes: int) -> Receive:
    """Let no message through that is too long: the listener allows what other WebSockets need."""

    async def receive_short() -> dict[str, Any]:
        message = await receive()
        text = message.get("text") or ""
        if len(text) * 4 <= most_bytes or len(text.encode()) <= most_bytes:
            return message
        await say_goodbye(send, TOO_LONG, "too long")
        return {"type": "websocket.disconnect", "code": TOO_LONG}

    return receive_short


async def _turn_away(send: Send, refusal: Refusal) -> None:
    """Answer the handshake as REST answers a request."""
    status, content, _ = refusal_answer(refusal)
    body = msgspec.json.encode(content)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
