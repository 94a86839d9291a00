"""Reads the packets that open a session: CONNECT and CONNACK."""

from deedbox.transports.mqtt.fields import FieldReader, refuse
from deedbox.transports.mqtt.packet_types import PacketType
from deedbox.transports.mqtt.packets import ConnAck, Connect, Will
from deedbox.transports.mqtt.properties import EMPTY, read_properties
from deedbox.transports.mqtt.reasons import REASONS_OF, ConnectCode, Reason
from deedbox.transports.mqtt.topic_syntax import check_topic_name

#: A bridge of Mosquitto sets this bit of the level, which is not for devices; it speaks no MQTT 5 then.
_BRIDGE = 0x80
#: Protocol name and level -> level.
_LEVELS = {(b"MQIsdp", 3): 3, (b"MQTT", 4): 4, (b"MQTT", 5): 5}
_USERNAME = 0x80
_PASSWORD = 0x40
_WILL_RETAIN = 0x20
_WILL_QOS = 0x18
_WILL = 0x04
_CLEAN_START = 0x02
_RESERVED = 0x01


def read_level(reader: FieldReader) -> tuple[int, bool]:
    """Read protocol name and level of CONNECT: the level to answer in, and whether it is one of ours.

    A level that does not exist yet is answered as MQTT 5, all else as 3.1.1. Raises Malformed.
    """
    name, level = reader.binary(), reader.byte()
    known = _LEVELS.get((name, level))
    return known or (5 if name == b"MQTT" and 5 < level < _BRIDGE else 4), known is not None


def read_connect(reader: FieldReader, level: int) -> Connect:
    """Read what follows the level of CONNECT. Raises Malformed."""
    flags = reader.byte()
    _check_flags(flags, level)
    keep_alive_s = reader.two_bytes()
    properties = read_properties(reader, PacketType.CONNECT) if level == 5 else EMPTY
    client_id = reader.text()
    will = _read_will(reader, flags, level) if flags & _WILL else None
    username = reader.text() if _comes(reader, flags & _USERNAME, level) else None
    password = reader.binary() if _comes(reader, flags & _PASSWORD, level) else None
    clean_start = bool(flags & _CLEAN_START)
    return Connect(level, clean_start, keep_alive_s, client_id, will, username, password, properties)


def read_connack(reader: FieldReader, level: int) -> ConnAck:
    """Read CONNACK. Raises Malformed."""
    flags, reason = reader.byte(), reader.byte()
    if level == 3:
        flags = 0  # a byte without a meaning in MQTT 3.1
    if flags & ~1:
        refuse("CONNACK has reserved flags set.")
    if flags and reason:
        refuse("CONNACK refuses the connection and tells of a session.", Reason.PROTOCOL_ERROR)
    known = REASONS_OF[PacketType.CONNACK] if level == 5 else frozenset(ConnectCode)
    if reason not in known:
        refuse(f"CONNACK does not have a reason 0x{reason:02x}.", Reason.PROTOCOL_ERROR)
    properties = read_properties(reader, PacketType.CONNACK) if level == 5 else EMPTY
    return ConnAck(bool(flags), reason, properties)


def _check_flags(flags: int, level: int) -> None:
    if flags & _RESERVED:
        refuse("The reserved flag of CONNECT is set.")
    if flags & _WILL_QOS == _WILL_QOS:
        refuse("The will has QoS 3; 0, 1 or 2 was expected.")
    # MQTT 3.1 wants the flags of a will that is not there ignored.
    if level > 3 and not flags & _WILL and flags & (_WILL_QOS | _WILL_RETAIN):
        refuse("CONNECT has flags of a will, but no will.")
    if level < 5 and flags & _PASSWORD and not flags & _USERNAME:
        refuse("CONNECT has a password without a username.")


def _read_will(reader: FieldReader, flags: int, level: int) -> Will:
    properties = read_properties(reader, PacketType.WILL) if level == 5 else EMPTY
    topic = reader.text()
    check_topic_name(topic)
    payload = reader.binary()
    return Will(topic, payload, (flags & _WILL_QOS) >> 3, bool(flags & _WILL_RETAIN), properties)


def _comes(reader: FieldReader, flag: int, level: int) -> bool:
    """Say whether a field comes. MQTT 3.1 wants a packet that ends before it understood as one without."""
    return bool(flag) and (level > 3 or reader.at < reader.end)
