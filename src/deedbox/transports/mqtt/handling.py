"""What each packet of a connected client does, but for messages: those are what a connection is about."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from deedbox.transports.mqtt import encoding
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


def _release(connection: "Connection", packet: PubRel) -> None:
    is_known = packet.packet_id in connection.received
    connection.received.discard(packet.packet_id)
    reason = Reason.SUCCESS if is_known or connection.level != 5 else Reason.PACKET_ID_NOT_FOUND
    connection.put(encoding.pubcomp(packet.packet_id, reason))


def _subscribe(connection: "Connection", packet: Subscribe) -> None:
    connection.put(encoding.suback(connection.level, packet.packet_id, subscribed(connection, packet)))


def _unsubscribe(connection: "Connection", packet: Unsubscribe) -> None:
    connection.put(encoding.unsuback(connection.level, packet.packet_id, unsubscribed(connection, packet)))


def _ping(connection: "Connection", _: PingReq) -> None:
    connection.put(encoding.PINGRESP)


def _leave(connection: "Connection", packet: Disconnect) -> None:
    expiry_s, session = packet.properties.session_expiry_s, connection.session
    if session is not None and expiry_s is not None:
        if expiry_s and not session.expiry_s:
            connection.fail(Reason.PROTOCOL_ERROR, "A session that ends with its connection can't be kept.")
            return
        session.expiry_s = min(expiry_s, session.expiry_s)
    connection.leave(with_will=packet.reason == Reason.DISCONNECT_WITH_WILL)


def _violate(connection: "Connection", packet: Packet) -> None:
    connection.fail(Reason.PROTOCOL_ERROR, f"{type(packet).__name__.upper()} is not expected here.")


_HANDLERS: Mapping[type, Callable[["Connection", Any], None]] = {
    PubAck: _delivered,
    PubRel: _release,
    Subscribe: _subscribe,
    Unsubscribe: _unsubscribe,
    PingReq: _ping,
    Disconnect: _leave,
}
