"""What each packet of a connected client does, but for messages: those are what a connection is about."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from deedbox.transports.mqtt import encoding, handshakes
from deedbox.transports.mqtt.packets import (
    Disconnect,
    Packet,
    PingReq,
    PubAck,
    PubRel,
    Subscribe,
    Unsubscribe,
)
from deedbox.transports.mqtt.reasons import Reason
from deedbox.transports.mqtt.subscribing import subscribed, unsubscribed

if TYPE_CHECKING:
    from deedbox.transports.mqtt.connection import Connection


def handle(connection: "Connection", packet: Packet) -> None:
    """Do what the packet asks for; one that is out of place ends the connection."""
    _HANDLERS.get(type(packet), _violate)(connection, packet)


def _delivered(connection: "Connection", packet: PubAck) -> None:
    if connection.session is not None:
        connection.session.outgoing.acknowledge(packet.packet_id)
        connection.send(connection.session.outgoing.take())


def _subscribe(connection: "Connection", packet: Subscribe) -> None:
    reasons = subscribed(connection, packet)
    _answer(connection, encoding.suback(connection.level, packet.packet_id, reasons))


def _unsubscribe(connection: "Connection", packet: Unsubscribe) -> None:
    reasons = unsubscribed(connection, packet)
    _answer(connection, encoding.unsuback(connection.level, packet.packet_id, reasons))


def _answer(connection: "Connection", answer: bytes) -> None:
    if len(answer) <= connection.largest_out:
        connection.put(answer)
    else:
        connection.fail(Reason.IMPLEMENTATION_SPECIFIC, "The answer would be longer than you take.")


def _ping(connection: "Connection", _: PingReq) -> None:
    connection.put(encoding.PINGRESP)


def _leave(connection: "Connection", packet: Disconnect) -> None:
    expiry_s, session = packet.properties.session_expiry_s, connection.session
    if session is not None and expiry_s is not None:
        if expiry_s and not session.expiry_s:
            connection.fail(Reason.PROTOCOL_ERROR, "A session that ends with its connection can't be kept.")
            return
        session.expiry_s = min(expiry_s, connection.longest_expiry_s)
    connection.leave(with_will=packet.reason != Reason.SUCCESS)


def _violate(connection: "Connection", packet: Packet) -> None:
    connection.fail(Reason.PROTOCOL_ERROR, f"{type(packet).__name__.upper()} is not expected here.")


_HANDLERS: Mapping[type, Callable[["Connection", Any], None]] = {
    PubAck: _delivered,
    PubRel: handshakes.release,
    Subscribe: _subscribe,
    Unsubscribe: _unsubscribe,
    PingReq: _ping,
    Disconnect: _leave,
}
