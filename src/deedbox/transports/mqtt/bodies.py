"""Reads the packets of a session that is open: messages, answers to them, subscriptions, the end."""

from collections.abc import Callable
from typing import TypeVar

from deedbox.transports.mqtt.fields import FieldReader, refuse
from deedbox.transports.mqtt.opening import read_connack
from deedbox.transports.mqtt.packet_types import PacketType
from deedbox.transports.mqtt.packets import (
    Auth,
    Disconnect,
    Packet,
    PingReq,
    PingResp,
    PubAck,
    PubComp,
    Publish,
    PubRec,
    PubRel,
    SubAck,
    Subscribe,
    Subscription,
    UnsubAck,
    Unsubscribe,
)
from deedbox.transports.mqtt.properties import EMPTY, Properties, read_properties
from deedbox.transports.mqtt.reasons import REASONS_OF, SUBSCRIPTION_FAILED, Reason
from deedbox.transports.mqtt.topic_syntax import check_filter, check_topic_name, is_shared

_Answer = TypeVar("_Answer", PubAck, PubRec, PubRel, PubComp)
_Body = Callable[[FieldReader, int], Packet]
_RETAIN, _QOS, _DUPLICATE = 0x01, 0x06, 0x08
_OLD_SUBACK_REASONS = frozenset([0, 1, 2, SUBSCRIPTION_FAILED])


def read_publish(reader: FieldReader, level: int, flags: int) -> Publish:
    """Read PUBLISH, given the flags of its fixed header. Raises Malformed."""
    qos = (flags & _QOS) >> 1
    topic = reader.text()
    packet_id = reader.packet_id() if qos else 0
    properties = _properties(reader, PacketType.PUBLISH, level)
    _check_topic(topic, properties, level)
    return Publish(
        topic, reader.rest(), qos, packet_id, bool(flags & _RETAIN), bool(flags & _DUPLICATE), properties
    )


def check_flags(packet_type: int, flags: int, level: int) -> None:
    """Check the flags of a fixed header. Raises Malformed."""
    if packet_type == PacketType.PUBLISH:
        _check_publish_flags(flags)
    elif packet_type in (PacketType.PUBREL, PacketType.SUBSCRIBE, PacketType.UNSUBSCRIBE):
        # MQTT 3.1 sets DUP where these are sent again.
        if flags != 2 and not (level == 3 and flags == 2 | _DUPLICATE):
            refuse(f"{PacketType(packet_type).name} has the flags {flags:04b}; 0010 was expected.")
    elif packet_type == 0 or (packet_type == PacketType.AUTH and level != 5):
        refuse(f"There is no packet of type {packet_type}.")
    elif flags:
        refuse(f"{PacketType(packet_type).name} has the flags {flags:04b}; 0000 was expected.")


def _check_publish_flags(flags: int) -> None:
    if flags & _QOS == _QOS:
        refuse("PUBLISH has QoS 3; 0, 1 or 2 was expected.")
    if flags & _DUPLICATE and not flags & _QOS:
        refuse("PUBLISH with QoS 0 is marked as a duplicate.")


def _check_topic(topic: str, properties: Properties, level: int) -> None:
    if properties.topic_alias == 0:
        refuse("A topic alias is 0; 1 to 65535 was expected.", Reason.TOPIC_ALIAS_INVALID)
    if topic or level < 5:
        check_topic_name(topic)
    elif properties.topic_alias is None:
        refuse("PUBLISH has neither a topic nor a topic alias.", Reason.PROTOCOL_ERROR)


def _properties(reader: FieldReader, packet: PacketType, level: int) -> Properties:
    return read_properties(reader, packet) if level == 5 else EMPTY


def _reason(reader: FieldReader, packet: PacketType) -> int:
    reason = reader.byte()
    if reason not in REASONS_OF[packet]:
        refuse(f"{packet.name} does not have a reason 0x{reason:02x}.", Reason.PROTOCOL_ERROR)
    return reason


def _reason_and_properties(reader: FieldReader, packet: PacketType, level: int) -> tuple[int, Properties]:
    """Read what MQTT 5 lets a packet leave out when all is well."""
    reason = _reason(reader, packet) if level == 5 and reader.at < reader.end else 0
    more = level == 5 and reader.at < reader.end
    return reason, read_properties(reader, packet) if more else EMPTY


def _answer(kind: type[_Answer], packet: PacketType) -> Callable[[FieldReader, int], _Answer]:
    def read(reader: FieldReader, level: int) -> _Answer:
        packet_id = reader.packet_id()
        return kind(packet_id, *_reason_and_properties(reader, packet, level))

    return read


def _subscribe(reader: FieldReader, level: int) -> Subscribe:
    packet_id = reader.packet_id()
    properties = _properties(reader, PacketType.SUBSCRIBE, level)
    subscriptions = []
    while reader.at < reader.end:
        subscriptions.append(_subscription(reader, level))
    if not subscriptions:
        refuse("SUBSCRIBE has no topic filter; at least one was expected.", Reason.PROTOCOL_ERROR)
    return Subscribe(packet_id, subscriptions, properties)


def _subscription(reader: FieldReader, level: int) -> Subscription:
    topic_filter, options = reader.text(), reader.byte()
    check_filter(topic_filter, level)
    if options & (0xC0 if level == 5 else 0xFC):
        refuse("A subscription has reserved options set.")
    qos, retain_handling, no_local = options & 3, options >> 4, bool(options & 4)
    if qos == 3 or retain_handling == 3:
        refuse(
            "A subscription has QoS 3 or retain handling 3; at most 2 was expected.", Reason.PROTOCOL_ERROR
        )
    if no_local and is_shared(topic_filter):
        refuse("A shared subscription has the option No Local.", Reason.PROTOCOL_ERROR)
    return Subscription(topic_filter, qos, no_local, bool(options & 8), retain_handling)


def _suback(reader: FieldReader, level: int) -> SubAck:
    packet_id = reader.packet_id()
    properties = _properties(reader, PacketType.SUBACK, level)
    known = REASONS_OF[PacketType.SUBACK] if level == 5 else _OLD_SUBACK_REASONS
    return SubAck(packet_id, _reasons(reader, known), properties)


def _reasons(reader: FieldReader, known: frozenset[int]) -> list[int]:
    reasons = list(reader.rest())
    if not reasons or not known.issuperset(reasons):
        refuse("An answer to subscriptions has no or unknown reasons.", Reason.PROTOCOL_ERROR)
    return reasons


def _unsubscribe(reader: FieldReader, level: int) -> Unsubscribe:
    packet_id = reader.packet_id()
    properties = _properties(reader, PacketType.UNSUBSCRIBE, level)
    filters = []
    while reader.at < reader.end:
        filters.append(reader.text())
        check_filter(filters[-1], level)
    if not filters:
        refuse("UNSUBSCRIBE has no topic filter; at least one was expected.", Reason.PROTOCOL_ERROR)
    return Unsubscribe(packet_id, filters, properties)


def _unsuback(reader: FieldReader, level: int) -> UnsubAck:
    packet_id = reader.packet_id()
    if level < 5:
        return UnsubAck(packet_id)
    properties = read_properties(reader, PacketType.UNSUBACK)
    return UnsubAck(packet_id, _reasons(reader, REASONS_OF[PacketType.UNSUBACK]), properties)


def _disconnect(reader: FieldReader, level: int) -> Disconnect:
    return Disconnect(*_reason_and_properties(reader, PacketType.DISCONNECT, level))


def _auth(reader: FieldReader, level: int) -> Auth:
    packet = Auth(*_reason_and_properties(reader, PacketType.AUTH, level))
    if packet != Auth() and packet.properties.authentication_method is None:
        refuse("AUTH has no authentication method.", Reason.PROTOCOL_ERROR)
    return packet


#: Packet -> what reads its body; CONNECT and PUBLISH need more than body and level.
BODIES: dict[int, _Body] = {
    PacketType.CONNACK: read_connack,
    PacketType.PUBACK: _answer(PubAck, PacketType.PUBACK),
    PacketType.PUBREC: _answer(PubRec, PacketType.PUBREC),
    PacketType.PUBREL: _answer(PubRel, PacketType.PUBREL),
    PacketType.PUBCOMP: _answer(PubComp, PacketType.PUBCOMP),
    PacketType.SUBSCRIBE: _subscribe,
    PacketType.SUBACK: _suback,
    PacketType.UNSUBSCRIBE: _unsubscribe,
    PacketType.UNSUBACK: _unsuback,
    PacketType.PINGREQ: lambda _reader, _level: PingReq(),
    PacketType.PINGRESP: lambda _reader, _level: PingResp(),
    PacketType.DISCONNECT: _disconnect,
    PacketType.AUTH: _auth,
}
