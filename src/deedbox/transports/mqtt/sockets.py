"""A client's socket: bytes to its connection, and back; a slow reader is not fed any further."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from deedbox.core.activity import NOTED_EVERY_MS
from deedbox.transports.mqtt import pausing
from deedbox.transports.mqtt.connection import Connection
from deedbox.transports.mqtt.context import MqttContext
from deedbox.transports.mqtt.reasons import Reason

if TYPE_CHECKING:
    from deedbox.transports.mqtt.server import MqttServer

#: What may wait in memory for a client that does not read.
_MOST_UNSENT_BYTES = 1 << 20
#: What clients are told when the server stops.
STOPS = "The server stops; come back in a moment."


class ClientProtocol(asyncio.Protocol):
    """One connection's socket. A `Link`."""

    __slots__ = (
        "_commits",
        "_connection",
        "_context",
        "_is_slow",
        "_noted_in",
        "_server",
        "_taken_bytes",
        "_transport",
    )

    def __init__(self, server: "MqttServer", context: MqttContext) -> None:
        self._server = server
        self._context = context
        self._connection: Connection | None = None
        self._transport: asyncio.Transport | None = None
        self._is_slow = False
        #: What came since so many commits of telemetry.
        self._commits = self._taken_bytes = 0
        #: When to note that the device is still heard of.
        #: The minute, of many, in which the device was noted as active: a number that takes no memory.
        self._noted_in = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        connection = Connection(self, self._server, self._context.settings.largest_packet_bytes)
        if self._server.connected(connection):
            self._connection = connection
        else:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Hand on what came; where too much waits already, take no more for a while."""
        connection = self._connection
        if connection is None or connection.is_closed:
            return  # TLS may deliver what was on its way when the connection was closed
        now_ms = self._context.clock_ms()
        connection.receive(data, now_ms)
        minute = now_ms // NOTED_EVERY_MS & 0x7F
        if minute != self._noted_in and connection.session is not None:
            self._noted_in = minute
            self._context.activity.note(connection.session.device_id, now_ms)
        ingest = self._context.ingest
        if self._commits != ingest.commits:
            self._commits, self._taken_bytes = ingest.commits, 0
        self._taken_bytes += len(data)
        if ingest.is_too_much(self._taken_bytes) and not connection.is_closed:
            connection.pause(pausing.NO_ROOM)
            ingest.when_there_is_room(partial(connection.resume, pausing.NO_ROOM))

    def connection_lost(self, _error: Exception | None) -> None:
        """Hear that the socket is closed."""
        self._server.last_words.gone(self)
        if self._connection is not None:
            self._connection.lost()

    def pause_writing(self) -> None:
        """Hear that the client reads more slowly than it is written to: let it send no more meanwhile."""
        self._is_slow = True
        if self._connection is not None and not self._connection.is_closed:
            self._connection.pause(pausing.UNREAD)

    def resume_writing(self) -> None:
        """Hear that the client has read."""
        self._is_slow = False
        if self._connection is not None:
            self._connection.resume(pausing.UNREAD)

    def source_address(self) -> str:
        """Return where the client comes from, empty when that is not known."""
        peer = self._transport.get_extra_info("peername") if self._transport else None
        return str(peer[0]) if peer else ""

    def certificates(self) -> Sequence[bytes]:
        """Return the certificates that the client has shown, in DER form; it has the key of the first one."""
        return (self._transport.get_extra_info("certificates") if self._transport else None) or ()

    def write(self, data: bytes) -> None:
        """Send bytes; a client that never reads is let go."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        if self._is_slow and transport.get_write_buffer_size() > _MOST_UNSENT_BYTES:
            transport.abort()

    def dismiss(self) -> None:
        """Tell the client to come back later, because the server stops."""
        if self._connection is not None:
            self._connection.fail(Reason.SERVER_SHUTTING_DOWN, STOPS)

    def close(self) -> None:
        """Close the socket once all is sent; nothing is written any more."""
        transport, self._transport = self._transport, None
        if transport is not None:
            self._server.last_words.close(self, transport)

    def pause_reading(self) -> None:
        """Let the client wait."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
