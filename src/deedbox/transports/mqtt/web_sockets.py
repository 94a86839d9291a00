"""MQTT over WebSocket: an ASGI application whose binary messages are a client's bytes, cut up in any way."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from deedbox.transports.mqtt.server import MqttServer
from deedbox.transports.mqtt.sockets import ClientProtocol

Message = dict[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

#: MQTT 5 §6, and what libraries for MQTT 3.1 say.
SUBPROTOCOLS = ("mqtt", "mqttv3.1")
_NORMAL, _NOT_BINARY = 1000, 1003
_OFFER_MQTT = b"This WebSocket is for MQTT. Expected: the subprotocol mqtt, in Sec-WebSocket-Protocol.\n"
#: A message is no longer than about this, and the client is slow when more waits for it.
_MOST_TOGETHER_BYTES, _FEW_BYTES = 65_536, 16_384
#: How long a client may take to read what is left once the connection is closed.
_LONGEST_END_S = 15.0

_log = logging.getLogger(__name__)


class MqttWebSockets:
    """The ASGI application. `end` says good-bye to its clients before the server stops."""

    def __init__(self, server: MqttServer) -> None:
        self._server = server
        self._protocols: set[ClientProtocol] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket until it is closed."""
        await receive()  # what asks for the handshake
        chosen = next((it for it in scope["subprotocols"] if it in SUBPROTOCOLS), None)
        if chosen is None:
            await _turn_away(send)
            return
        await send({"type": "websocket.accept", "subprotocol": chosen})
        protocol = self._server.new_protocol()
        self._protocols.add(protocol)
        try:
            await MessageTransport(protocol, send, scope.get("client")).run(receive)
        finally:
            self._protocols.discard(protocol)

    def end(self) -> None:
        """Tell all clients to come back later, and close."""
        for it in tuple(self._protocols):
            it.dismiss()


class MessageTransport(asyncio.Transport):
    """One WebSocket, as the protocol of a socket wants to see it."""

    def __init__(self, protocol: asyncio.Protocol, send: Send, client: Any = None) -> None:
        super().__init__({"peername": client})
        self._protocol = protocol
        self._send = send
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0
        self._is_slow = self._is_closing = False
        self._close_code = _NORMAL
        self._end: asyncio.TimerHandle | None = None
        self._may_receive, self._may_send, self._aborted = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._may_receive.set()

    async def run(self, receive: Receive) -> None:
        """Carry bytes both ways until either side ends it."""
        loop = asyncio.get_running_loop()
        self._protocol.connection_made(self)
        works = (self._receive_all(receive), self._send_all(), self._aborted.wait())
        tasks = [loop.create_task(it) for it in works]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._is_closing = True
            if self._end is not None:
                self._end.cancel()
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            self._protocol.connection_lost(None)
        _log_mistakes(ends)
        if not self._aborted.is_set():
            await self._say_goodbye()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes soon."""
        self._unsent.append(bytes(data))
        self._unsent_bytes += len(data)
        self._may_send.set()
        if self._unsent_bytes > _MOST_TOGETHER_BYTES and not self._is_slow:
            self._is_slow = True
            self._protocol.pause_writing()

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait to be sent."""
        return self._unsent_bytes

    def is_closing(self) -> bool:
        """Tell whether the end was asked for."""
        return self._is_closing

    def can_write_eof(self) -> bool:
        """Tell that a WebSocket is closed both ways at once: it says why itself."""
        return False

    def close(self) -> None:
        """End the connection once all is sent, or the client takes too long to read it."""
        if not self._is_closing:
            self._is_closing = True
            self._may_send.set()
            self._end = asyncio.get_running_loop().call_later(_LONGEST_END_S, self.abort)

    def abort(self) -> None:
        """End the connection now."""
        self._is_closing = True
        self._aborted.set()

    def pause_reading(self) -> None:
        """Take no further messages; the client's socket fills up."""
        self._may_receive.clear()

    def resume_reading(self) -> None:
        """Go on taking messages."""
        self._may_receive.set()

    async def _receive_all(self, receive: Receive) -> None:
        while True:
            await self._may_receive.wait()
            message = await receive()
            if message["type"] != "websocket.receive":
                return
            data = message.get("bytes")
            if data is None:  # MQTT 5 §6.0: whoever sends text is no client
                self._close_code = _NOT_BINARY
                return
            self._protocol.data_received(data)

    async def _send_all(self) -> None:
        while self._unsent or not self._is_closing:
            await self._may_send.wait()
            if data := self._taken():
                await self._send({"type": "websocket.send", "bytes": data})
            self._note_sent(len(data))

    def _taken(self) -> bytes:
        """Take about as much as one message may hold."""
        pieces, length = [], 0
        while self._unsent and length < _MOST_TOGETHER_BYTES:
            pieces.append(self._unsent.popleft())
            length += len(pieces[-1])
        return b"".join(pieces)

    def _note_sent(self, count: int) -> None:
        self._unsent_bytes -= count
        if not self._unsent and not self._is_closing:
            self._may_send.clear()
        if self._is_slow and self._unsent_bytes <= _FEW_BYTES:
            self._is_slow = False
            self._protocol.resume_writing()

    async def _say_goodbye(self) -> None:
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(_LONGEST_END_S):
                await self._send({"type": "websocket.close", "code": self._close_code})


async def _turn_away(send: Send) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(_OFFER_MQTT)).encode())]
    await send({"type": "websocket.http.response.start", "status": 400, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": _OFFER_MQTT})


def _log_mistakes(ends: list[Any]) -> None:
    for error in ends:
        if isinstance(error, Exception) and not isinstance(error, OSError):
            _log.error("an MQTT connection over WebSocket ended by a mistake of ours", exc_info=error)
