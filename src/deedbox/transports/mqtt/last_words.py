"""Connections that are over, and whose last words are on their way to the client.

A socket that is closed at once answers what its client still sends with a reset, and the client may never
read why it was let go. So only the way out is closed first, and what comes meanwhile is thrown away.
"""

import asyncio
from collections.abc import Hashable

_LONGEST_S = 1.0
#: A flood of bad clients may not keep more sockets open than this.
MOST = 1_000


class LastWords:
    """Sockets that wait for their clients to close. `who` is whoever had the socket."""

    def __init__(self) -> None:
        self._there: dict[Hashable, tuple[asyncio.Transport, asyncio.TimerHandle]] = {}

    def __len__(self) -> int:
        return len(self._there)

    def close(self, who: Hashable, transport: asyncio.Transport) -> None:
        """Close a socket once its client has, or after a second."""
        # Encrypted connections have no way out of their own; there the client is told by TLS.
        if transport.is_closing() or len(self._there) >= MOST or not transport.can_write_eof():
            transport.close()
            return
        transport.write_eof()
        transport.resume_reading()
        end = asyncio.get_running_loop().call_later(_LONGEST_S, transport.close)
        self._there[who] = (transport, end)

    def gone(self, who: Hashable) -> None:
        """Hear that a socket is closed."""
        if who in self._there:
            _, end = self._there.pop(who)
            end.cancel()

    def end(self) -> None:
        """Close all: the server stops."""
        for transport, end in self._there.values():
            end.cancel()
            transport.close()
        self._there.clear()
