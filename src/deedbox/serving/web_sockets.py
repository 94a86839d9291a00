"""The WebSocket protocol of one connection, as uvicorn speaks it; who reads nothing does not stay."""

import asyncio

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

#: How long a client may take to read what is left once the connection is closed.
_LONGEST_END_S = 15.0
_NOT_TEXT = 1007


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, which would wait for ever until the last byte has been read."""

    async def run_asgi(self) -> None:
        """Serve the connection, then give the client some time to go."""
        try:
            await super().run_asgi()
        finally:
            self._end_for_sure()

    def send_receive_event_to_app(self) -> None:
        """Hand a message on; a text that is none closes the connection without a line in the log."""
        if self.curr_msg_data_type == "text" and not _is_text(b"".join(self.frames)):
            self.frames = []
            self.conn.fail(_NOT_TEXT, "not UTF-8")
            self.handle_parser_exception()
            return
        super().send_receive_event_to_app()

    def keepalive_timeout(self) -> None:
        """Close the connection of a client that does not answer."""
        super().keepalive_timeout()
        self._end_for_sure()

    def _end_for_sure(self) -> None:
        transport: asyncio.Transport = self.transport
        self.loop.call_later(_LONGEST_END_S, transport.abort)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
