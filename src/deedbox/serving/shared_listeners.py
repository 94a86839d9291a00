"""What several workers listen on: each has sockets of its own for every address.

The kernel spreads connections over the sockets that are listened on. The supervisor holds all of them, too:
connections that wait for a worker that died are there for the next one.
"""

import socket
from collections.abc import Mapping

from deedbox.serving.addresses import ListenAddress
from deedbox.serving.listeners import bind_all, bind_shares, close_all


class SharedListeners:
    """Sockets by worker, bound before anybody listens. Raises CannotListen when they can't be."""

    def __init__(self, addresses: Mapping[str, ListenAddress], count: int) -> None:
        self._addresses = addresses
        self._shares: dict[int, dict[str, list[socket.socket]]] = dict(
            enumerate(bind_shares(addresses, count), start=1)
        )

    def man(self, number: int) -> None:
        """Bind anew what this worker had to leave. Raises CannotListen."""
        if number not in self._shares:
            self._shares[number] = bind_all(self._addresses, is_shared=True)

    def leave(self, number: int) -> None:
        """Close a worker's sockets: what waits there is cut off, and what comes goes to others."""
        close_all(self._shares.pop(number, {}))

    def taken(self, number: int) -> dict[str, list[socket.socket]]:
        """Return a worker's sockets, in its process, and close all others there."""
        mine = self._shares.pop(number)
        self.close()
        return mine

    def close(self) -> None:
        """Close all sockets in this process."""
        for number in list(self._shares):
            self.leave(number)
