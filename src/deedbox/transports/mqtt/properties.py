"""The properties of MQTT 5: what a packet says beyond its fixed fields."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from deedbox.transports.mqtt.fields import (
    FieldReader,
    refuse,
    written_binary,
    written_pair,
    written_text,
    written_variable,
)
from deedbox.transports.mqtt.packet_types import PacketType
from deedbox.transports.mqtt.reasons import Reason
from deedbox.transports.mqtt.topic_syntax import check_topic_name


class Properties(msgspec.Struct, frozen=True, gc=False, kw_only=True, repr_omit_defaults=True):
    """One field per property; None is a property that was not sent."""

    payload_format: int | None = None
    message_expiry_s: int | None = None
    content_type: str | None = None
    response_topic: str | None = None
    correlation_data: bytes | None = None
    subscription_ids: tuple[int, ...] = ()
    session_expiry_s: int | None = None
    assigned_client_id: str | None = None
    server_keep_alive_s: int | None = None
    authentication_method: str | None = None
    authentication_data: bytes | None = None
    request_problem_information: int | None = None
    will_delay_s: int | None = None
    request_response_information: int | None = None
    response_information: str | None = None
    server_reference: str | None = None
    reason_string: str | None = None
    receive_maximum: int | None = None
    topic_alias_maximum: int | None = None
    topic_alias: int | None = None
    maximum_qos: int | None = None
    retain_available: int | None = None
    user_properties: tuple[tuple[str, str], ...] = ()
    maximum_packet_bytes: int | None = None
    wildcard_subscriptions_available: int | None = None
    subscription_ids_available: int | None = None
    shared_subscriptions_available: int | None = None


#: No properties: shared by all packets without.
EMPTY = Properties()


class _Kind(NamedTuple):
    read: Callable[[FieldReader], Any]
    write: Callable[[Any], bytes]
    smallest: int = 0
    largest: int = 2**32 - 1


class _Property(NamedTuple):
    field: str
    kind: _Kind
    packets: frozenset[PacketType]
    is_number: bool
    many_in: PacketType | None = None


def _to_bytes(length: int) -> Callable[[int], bytes]:
    return lambda number: number.to_bytes(length, "big")


_FLAG = _Kind(FieldReader.byte, _to_bytes(1), 0, 1)
_TWO = _Kind(FieldReader.two_bytes, _to_bytes(2))
_TWO_NOT_0 = _TWO._replace(smallest=1)
_FOUR = _Kind(FieldReader.four_bytes, _to_bytes(4))
_FOUR_NOT_0 = _FOUR._replace(smallest=1)
_VARIABLE = _Kind(FieldReader.variable, written_variable, 1)
_TEXT = _Kind(FieldReader.text, written_text)
_BINARY = _Kind(FieldReader.binary, written_binary)
_PAIR = _Kind(FieldReader.pair, written_pair)

_T = PacketType
_MESSAGE = (_T.PUBLISH, _T.WILL)
_OPENING = (_T.CONNECT, _T.CONNACK)
_ANSWERS = (_T.CONNACK, _T.PUBACK, _T.PUBREC, _T.PUBREL, _T.PUBCOMP, _T.SUBACK, _T.UNSUBACK)
_ENDING = (_T.DISCONNECT, _T.AUTH)
_EVERYWHERE = (*_MESSAGE, _T.CONNECT, *_ANSWERS, _T.SUBSCRIBE, _T.UNSUBSCRIBE, *_ENDING)


def _property(field: str, kind: _Kind, *packets: PacketType) -> _Property:
    return _Property(field, kind, frozenset(packets), kind not in (_TEXT, _BINARY, _PAIR))


#: Identifier -> property, in ascending order, which is the order in which they are written.
_PROPERTIES: dict[int, _Property] = {
    1: _property("payload_format", _FLAG, *_MESSAGE),
    2: _property("message_expiry_s", _FOUR, *_MESSAGE),
    3: _property("content_type", _TEXT, *_MESSAGE),
    8: _property("response_topic", _TEXT, *_MESSAGE),
    9: _property("correlation_data", _BINARY, *_MESSAGE),
    11: _property("subscription_ids", _VARIABLE, _T.PUBLISH, _T.SUBSCRIBE),
    17: _property("session_expiry_s", _FOUR, *_OPENING, _T.DISCONNECT),
    18: _property("assigned_client_id", _TEXT, _T.CONNACK),
    19: _property("server_keep_alive_s", _TWO, _T.CONNACK),
    21: _property("authentication_method", _TEXT, *_OPENING, _T.AUTH),
    22: _property("authentication_data", _BINARY, *_OPENING, _T.AUTH),
    23: _property("request_problem_information", _FLAG, _T.CONNECT),
    24: _property("will_delay_s", _FOUR, _T.WILL),
    25: _property("request_response_information", _FLAG, _T.CONNECT),
    26: _property("response_information", _TEXT, _T.CONNACK),
    28: _property("server_reference", _TEXT, _T.CONNACK, _T.DISCONNECT),
    31: _property("reason_string", _TEXT, *_ANSWERS, *_ENDING),
    33: _property("receive_maximum", _TWO_NOT_0, *_OPENING),
    34: _property("topic_alias_maximum", _TWO, *_OPENING),
    35: _property("topic_alias", _TWO, _T.PUBLISH),
    36: _property("maximum_qos", _FLAG, _T.CONNACK),
    37: _property("retain_available", _FLAG, _T.CONNACK),
    38: _property("user_properties", _PAIR, *_EVERYWHERE),
    39: _property("maximum_packet_bytes", _FOUR_NOT_0, *_OPENING),
    40: _property("wildcard_subscriptions_available", _FLAG, _T.CONNACK),
    41: _property("subscription_ids_available", _FLAG, _T.CONNACK),
    42: _property("shared_subscriptions_available", _FLAG, _T.CONNACK),
}
_LISTS = ("subscription_ids", "user_properties")


def read_properties(reader: FieldReader, packet: PacketType) -> Properties:
    """Read the properties of a packet, with their length before them. Raises Malformed."""
    length = reader.variable()
    if not length:
        return EMPTY
    fields = reader.part(length)
    found: dict[str, Any] = {}
    while fields.at < fields.end:
        _read_one(fields, packet, found)
    if "authentication_data" in found and "authentication_method" not in found:
        refuse("Authentication data came without an authentication method.", Reason.PROTOCOL_ERROR)
    if "response_topic" in found:
        check_topic_name(found["response_topic"])
    for field in found.keys() & set(_LISTS):
        found[field] = tuple(found[field])
    return Properties(**found)


def written_properties(properties: Properties) -> bytes:
    """Write properties in the order of their identifiers, with their length before them.

    Raises ValueError or OverflowError for values that have no place on the wire.
    """
    if properties is EMPTY:
        return b"\0"
    written = bytearray()
    for identifier, (field, kind, *_) in _PROPERTIES.items():
        value = getattr(properties, field)
        if value is None:
            continue
        for each in value if field in _LISTS else (value,):
            written.append(identifier)
            written += kind.write(each)
    return written_variable(len(written)) + written


def _read_one(fields: FieldReader, packet: PacketType, found: dict[str, Any]) -> None:
    identifier = fields.variable()
    known = _PROPERTIES.get(identifier)
    if known is None or packet not in known.packets:
        refuse(f"Property {identifier} does not belong into {packet.name}.")
    value = known.kind.read(fields)
    if known.is_number and not known.kind.smallest <= value <= known.kind.largest:
        refuse(f"Property {identifier} of {packet.name} is out of range.", Reason.PROTOCOL_ERROR)
    _add(known.field, value, packet, found)


def _add(field: str, value: Any, packet: PacketType, found: dict[str, Any]) -> None:
    may_repeat = field == "user_properties" or (field == "subscription_ids" and packet is PacketType.PUBLISH)
    if field in found and not may_repeat:
        refuse(f"A property of {packet.name} came twice: {field}.", Reason.PROTOCOL_ERROR)
    if field in _LISTS:
        # A packet has room for thousands: each is added without a copy of those before it.
        found.setdefault(field, []).append(value)
    else:
        found[field] = value
