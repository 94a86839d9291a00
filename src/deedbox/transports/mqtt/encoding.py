"""Writes packets as bytes: what a server sends as functions of their own, and any packet of either side."""

from deedbox.transports.mqtt.fields import written_binary, written_text, written_variable
from deedbox.transports.mqtt.packets import (
    Acknowledgement,
    Auth,
    ConnAck,
    Connect,
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
    Will,
)
from deedbox.transports.mqtt.properties import EMPTY, Properties, written_properties
from deedbox.transports.mqtt.reasons import CONNECT_CODES, SUBSCRIPTION_FAILED

PINGREQ = b"\xc0\0"
PINGRESP = b"\xd0\0"
_ACKNOWLEDGEMENTS = {PubAck: 0x40, PubRec: 0x50, PubRel: 0x62, PubComp: 0x70}
_NAMES = {3: b"\0\6MQIsdp\3", 4: b"\0\4MQTT\4", 5: b"\0\4MQTT\5"}


def connack(
    level: int, session_present: bool = False, reason: int = 0, properties: Properties = EMPTY
) -> bytes:
    """Write the answer to CONNECT from a reason code of MQTT 5.

    Before MQTT 5 it becomes the return code that is nearest, or nothing at all where there is none.
    """
    if level == 5:
        return _packet(0x20, bytes((session_present, reason)) + written_properties(properties))
    code = CONNECT_CODES.get(reason)
    if code is None:
        return b""
    return bytes((0x20, 2, session_present and level > 3, code))


def puback(packet_id: int, reason: int = 0, properties: Properties = EMPTY) -> bytes:
    """Write the answer to a message with QoS 1; a reason and properties are for MQTT 5 only."""
    if not reason and properties is EMPTY:
        return b"\x40\2" + packet_id.to_bytes(2, "big")
    return _acknowledgement(0x40, packet_id, reason, properties)


def pubrec(packet_id: int, reason: int = 0, properties: Properties = EMPTY) -> bytes:
    """Write the answer to a message with QoS 2; a reason and properties are for MQTT 5 only."""
    return _acknowledgement(0x50, packet_id, reason, properties)


def pubrel(packet_id: int, reason: int = 0, properties: Properties = EMPTY) -> bytes:
    """Write the answer to PUBREC; a reason and properties are for MQTT 5 only."""
    return _acknowledgement(0x62, packet_id, reason, properties)


def pubcomp(packet_id: int, reason: int = 0, properties: Properties = EMPTY) -> bytes:
    """Write the answer to PUBREL; a reason and properties are for MQTT 5 only."""
    return _acknowledgement(0x70, packet_id, reason, properties)


def suback(level: int, packet_id: int, reasons: list[int], properties: Properties = EMPTY) -> bytes:
    """Write the answer to SUBSCRIBE. Before MQTT 5 every failure becomes 0x80."""
    number = packet_id.to_bytes(2, "big")
    if level == 5:
        return _packet(0x90, number + written_properties(properties) + bytes(reasons))
    return _packet(0x90, number + bytes(min(it, SUBSCRIPTION_FAILED) for it in reasons))


def unsuback(level: int, packet_id: int, reasons: list[int], properties: Properties = EMPTY) -> bytes:
    """Write the answer to UNSUBSCRIBE; reasons and properties are for MQTT 5 only."""
    number = packet_id.to_bytes(2, "big")
    if level == 5:
        return _packet(0xB0, number + written_properties(properties) + bytes(reasons))
    return b"\xb0\2" + number


def disconnect(level: int, reason: int = 0, properties: Properties = EMPTY) -> bytes:
    """Write what a server says before it closes: nothing before MQTT 5, where only clients say good-bye."""
    return _reason_and_properties(0xE0, reason, properties) if level == 5 else b""


def publish(level: int, message: Publish) -> bytes:
    """Write a message. Raises ValueError for what does not fit."""
    first = 0x30 | message.qos << 1 | message.retain | message.duplicate << 3
    body = written_text(message.topic)
    if message.qos:
        body += message.packet_id.to_bytes(2, "big")
    if level == 5:
        body += written_properties(message.properties)
    return _packet(first, body + message.payload)


def encode(packet: Packet, level: int) -> bytes:
    """Write any packet, of either side. What the level does not have is left out.

    Raises ValueError or OverflowError for values that have no place on the wire; checks nothing else.
    """
    match packet:
        case Publish():
            return publish(level, packet)
        case PubAck() | PubRec() | PubRel() | PubComp():
            return _any_acknowledgement(packet, level)
        case Connect():
            return _connect(packet)
        case Subscribe() | Unsubscribe():
            return _subscribing(packet, level)
        case PingReq() | PingResp():
            return PINGREQ if isinstance(packet, PingReq) else PINGRESP
        case _:
            return _answer(packet, level)


def _answer(packet: ConnAck | SubAck | UnsubAck | Disconnect | Auth, level: int) -> bytes:
    match packet:
        case ConnAck(present, reason, properties):
            return _packet(0x20, bytes((present, reason)) + _properties(level, properties))
        case SubAck(packet_id, reasons, properties):
            return suback(level, packet_id, reasons, properties)
        case UnsubAck(packet_id, reasons, properties):
            return unsuback(level, packet_id, reasons, properties)
        case Disconnect(reason, properties):
            return disconnect(level, reason, properties) or b"\xe0\0"
        case Auth(reason, properties):
            return _reason_and_properties(0xF0, reason, properties)


def _packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + written_variable(len(body)) + body


def _properties(level: int, properties: Properties) -> bytes:
    return written_properties(properties) if level == 5 else b""


def _reason_and_properties(first: int, reason: int, properties: Properties, before: bytes = b"") -> bytes:
    """Write a packet that may leave out its reason and its properties when all is well."""
    if properties is not EMPTY:
        return _packet(first, before + bytes((reason,)) + written_properties(properties))
    return _packet(first, before + bytes((reason,)) if reason else before)


def _acknowledgement(first: int, packet_id: int, reason: int, properties: Properties) -> bytes:
    return _reason_and_properties(first, reason, properties, packet_id.to_bytes(2, "big"))


def _any_acknowledgement(packet: Acknowledgement, level: int) -> bytes:
    first = _ACKNOWLEDGEMENTS[type(packet)]
    if level == 5:
        return _acknowledgement(first, packet.packet_id, packet.reason, packet.properties)
    return _acknowledgement(first, packet.packet_id, 0, EMPTY)


def _connect(packet: Connect) -> bytes:
    flags = packet.clean_start << 1 | (packet.username is not None) << 7 | (packet.password is not None) << 6
    if packet.will:
        flags |= 4 | packet.will.qos << 3 | packet.will.retain << 5
    body = _NAMES[packet.level] + bytes((flags,)) + packet.keep_alive_s.to_bytes(2, "big")
    body += _properties(packet.level, packet.properties) + written_text(packet.client_id)
    if packet.will:
        body += _will(packet.level, packet.will)
    if packet.username is not None:
        body += written_text(packet.username)
    if packet.password is not None:
        body += written_binary(packet.password)
    return _packet(0x10, body)


def _will(level: int, will: Will) -> bytes:
    return _properties(level, will.properties) + written_text(will.topic) + written_binary(will.payload)


def _subscribing(packet: Subscribe | Unsubscribe, level: int) -> bytes:
    body = packet.packet_id.to_bytes(2, "big") + _properties(level, packet.properties)
    if isinstance(packet, Unsubscribe):
        return _packet(0xA2, body + b"".join(map(written_text, packet.filters)))
    return _packet(0x82, body + b"".join(_subscription(it, level) for it in packet.subscriptions))


def _subscription(wanted: Subscription, level: int) -> bytes:
    options = wanted.qos
    if level == 5:
        options |= wanted.no_local << 2 | wanted.retain_as_published << 3 | wanted.retain_handling << 4
    return written_text(wanted.filter) + bytes((options,))
