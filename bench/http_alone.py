"""An application that answers 200 to everything, served as Deedbox is: what HTTP takes by itself."""

import socket
from pathlib import Path
from typing import Any

import uvloop

from deedbox.serving.servers import HttpServer, SignalSteering, run_servers

_HEADERS = [(b"content-length", b"0")]


async def _answer(scope: dict[str, Any], receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": b""})


async def _serve(port: int) -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    listener.setblocking(False)
    server = HttpServer(_answer, [listener], keep_alive_s=60, grace_s=5)
    await run_servers([server], lambda: None, SignalSteering())


def serve(_: Path, port: int) -> None:
    """Serve until SIGTERM."""
    uvloop.run(_serve(port))
