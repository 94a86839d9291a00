"""HTTP and HTTPS servers in one process: they start together, and stop together when they are asked to."""

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol, cast

import uvicorn

from deedbox.serving.requests import HttpProtocol

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
                http=HttpProtocol,
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
        self.is_open = asyncio.Event()

    def use_tls(self, context: ssl.SSLContext) -> None:
        """Speak HTTPS instead of HTTP."""
        self.config.load()
        self.config.ssl = context

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and tell who waits for it."""
        await super().startup(sockets)
        self.is_open.set()

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


class Steering(Protocol):
    """Who lets this process stop, and hears when all of its listeners are open."""

    def stopping_by(self, stop: Callable[[], None]) -> AbstractContextManager[None]:
        """Within the context, call `stop` when the process has to stop, and again when at once."""

    def opened(self) -> None:
        """Hear that all listeners are open."""


class SignalSteering:
    """Of a process that is alone: SIGTERM or SIGINT stops it, a second one at once. A `Steering`."""

    @contextlib.contextmanager
    def stopping_by(self, stop: Callable[[], None]) -> Iterator[None]:
        """Let signals call `stop`."""
        loop = asyncio.get_running_loop()
        for number in _STOP_SIGNALS:
            loop.add_signal_handler(number, stop)
        try:
            yield
        finally:
            for number in _STOP_SIGNALS:
                loop.remove_signal_handler(number)

    def opened(self) -> None:
        """Nobody waits for it."""


async def run_servers(servers: list[HttpServer], stopping: Callable[[], None], steering: Steering) -> None:
    """Run until asked to stop, or until one server fails; then stop all of them.

    `stopping` is called first, to let go of requests that only wait for news.
    """

    def stop() -> None:
        stopping()
        for server in servers:
            server.stop()

    async def tell_when_open() -> None:
        for server in servers:
            await server.is_open.wait()
        steering.opened()

    with steering.stopping_by(stop):
        async with asyncio.TaskGroup() as group:
            for server in servers:
                group.create_task(server.run_until_stopped())
            group.create_task(tell_when_open())


def web_socket_protocol(**parts: Any) -> asyncio.Protocol:
    """Return what speaks the WebSocket protocol on one connection."""
    # With the first connection: a server without any starts faster and stays smaller.
    from deedbox.serving.web_sockets import WebSocketProtocol  # noqa: PLC0415 - as said above

    return WebSocketProtocol(**parts)
