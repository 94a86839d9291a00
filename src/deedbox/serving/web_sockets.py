"""The WebSocket protocol of one connection, as uvicorn speaks it; who reads nothing does not stay."""

import asyncio

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

#: How long a client may take to read what is left once the connection is closed.
_LONGEST_END_S = 15.0


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, which would wait for ever until the last byte has been read."""

    async def run_asgi(self) -> None:
        """Serve the connection, then give the client some time to go."""
        try:
            await super().run_asgi()
        finally:
            self._end_for_sure()

    def keepalive_timeout(self) -> None:
        """Close the connection of a client that does not answer."""
        super().keepalive_timeout()
        self._end_for_sure()

    def _end_for_sure(self) -> None:
        transport: asyncio.Transport = self.transport
        self.loop.call_later(_LONGEST_END_S, transport.abort)
