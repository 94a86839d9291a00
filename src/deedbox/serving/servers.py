"""HTTP and HTTPS servers in one process: they start together and stop together on SIGTERM or SIGINT."""

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any, cast

import uvicorn

#: A WebSocket whose client is silent for 90 seconds is closed.
PING_EVERY_S, PONG_WITHIN_S = 30.0, 60.0
LONGEST_MESSAGE_BYTES = 65_536

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class HttpServer(uvicorn.Server):
    """One uvicorn server on sockets that are bound already; signals are handled for all servers at once."""

    def __init__(
        self,
        application: Any,
        sockets: list[socket.socket],
        keep_alive_s: int,
        grace_s: int,
        longest_message_bytes: int = LONGEST_MESSAGE_BYTES,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                loop="none",
                http="httptools",
                ws=cast(Any, web_socket_protocol),
                ws_max_size=longest_message_bytes,
                ws_ping_interval=PING_EVERY_S,
                ws_ping_timeout=PONG_WITHIN_S,
                # Updates are short; a compressor for each connection would take more memory than all else.
                ws_per_message_deflate=False,
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=keep_alive_s,
                timeout_graceful_shutdown=grace_s,
            )
        )
        self._sockets = sockets

    def use_tls(self, context: ssl.SSLContext) -> None:
        """Speak HTTPS instead of HTTP."""
        self.config.load()
        self.config.ssl = context

    async def run_until_stopped(self) -> None:
        """Accept connections until `stop`, then finish what is under way."""
        await self.serve(self._sockets)

    def stop(self) -> None:
        """Stop accepting; asked a second time, stop waiting for requests under way too."""
        self.force_exit = self.should_exit
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


async def run_servers(servers: list[HttpServer], stopping: Callable[[], None]) -> None:
    """Run until a signal asks to stop, or until one server fails; then stop all of them.

    `stopping` is called first, to let go of requests that only wait for news.
    """
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopping()
        for server in servers:
            server.stop()

    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        async with asyncio.TaskGroup() as group:
            for server in servers:
                group.create_task(server.run_until_stopped())
    finally:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)


def web_socket_protocol(**parts: Any) -> asyncio.Protocol:
    """Return what speaks the WebSocket protocol on one connection."""
    # With the first connection: a server without any starts faster and stays smaller.
    from deedbox.serving.web_sockets import WebSocketProtocol  # noqa: PLC0415 - as said above

    return WebSocketProtocol(**parts)
