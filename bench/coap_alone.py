"""Answers 2.01 to every datagram and looks at nothing in it: what Python can take and send, with our sockets.

A TCP port of the same number tells the benchmark that it is there.
"""

import asyncio
import socket
from pathlib import Path

import uvloop

_READ_AT_ONCE = 128
_BUFFER_BYTES = 1 << 22


async def _serve(port: int) -> None:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.setblocking(False)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    bound.bind(("127.0.0.1", port))

    def read() -> None:
        for _ in range(_READ_AT_ONCE):
            try:
                asked, address = bound.recvfrom(8_193)
            except BlockingIOError:
                return
            token_length = asked[0] & 0x0F
            bound.sendto(bytes((0x60 | token_length, 0x41)) + asked[2 : 4 + token_length], address)

    asyncio.get_running_loop().add_reader(bound.fileno(), read)
    there = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
    await there.serve_forever()


def serve(_: Path, port: int) -> None:
    """Serve until a signal."""
    uvloop.run(_serve(port))
