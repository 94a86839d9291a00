"""Free ports for tests that listen: below 32768, since the kernel hands out those above."""

import os
import socket
from collections.abc import Iterator

LOWEST_PORT = 10_240
HIGHEST_PORT = 32_767
PORTS_PER_PROCESS = 256


def free_port() -> int:
    """A loopback TCP and UDP port that nobody uses and that this process has not handed out yet.

    Raises OSError when this process's share of the range is used up.
    """
    for port in _candidates:
        if _is_free(port):
            return port
    raise OSError("no free port is left below 32768; close what listens there and try again")


def _own_range(process: int) -> Iterator[int]:
    # Parallel test processes have neighbouring process ids, so each starts in a block of its own
    # and meets another's block only after hundreds of ports.
    size = HIGHEST_PORT - LOWEST_PORT + 1
    start = process * PORTS_PER_PROCESS % size
    return (LOWEST_PORT + (start + step) % size for step in range(size))


def _is_free(port: int) -> bool:
    return all(_binds(kind, port) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM))


def _binds(kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            # As servers do: a port whose last connections linger in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_candidates = _own_range(os.getpid())
