"""Packets as bytes, spelt out by hand: what a server sends in each version, and what a client does."""

from collections.abc import Callable

import pytest

from deedbox.transports.mqtt import encoding
from deedbox.transports.mqtt.encoding import encode
from deedbox.transports.mqtt.packets import (
    Auth,
    ConnAck,
    Connect,
    Disconnect,
    Packet,
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
from deedbox.transports.mqtt.properties import Properties
from deedbox.transports.mqtt.reasons import CONNECT_CODES, Reason

WHY = Properties(reason_string="no")
WHY_BYTES = b"\x05\x1f\0\2no"


def test_connack_says_what_its_version_can() -> None:
    """MQTT 3.1.1 §3.2: five refusals; where none fits, the connection is closed without a word."""
    assert encoding.connack(4, True) == b"\x20\2\1\0"
    assert encoding.connack(3, True) == b"\x20\2\0\0"
    assert encoding.connack(5, True) == b"\x20\3\1\0\0"
    assert encoding.connack(4, False, Reason.UNSUPPORTED_PROTOCOL_VERSION) == b"\x20\2\0\1"
    assert encoding.connack(4, False, Reason.NOT_AUTHORIZED, WHY) == b"\x20\2\0\5"
    assert encoding.connack(5, False, Reason.NOT_AUTHORIZED, WHY) == b"\x20\x08\0\x87" + WHY_BYTES
    assert encoding.connack(4, False, Reason.MALFORMED_PACKET) == b""
    assert all(code > 0 for reason, code in CONNECT_CODES.items() if reason)


@pytest.mark.parametrize(
    ("write", "first"),
    [
        (encoding.puback, b"\x40"),
        (encoding.pubrec, b"\x50"),
        (encoding.pubrel, b"\x62"),
        (encoding.pubcomp, b"\x70"),
    ],
)
def test_answers_to_messages(write: Callable[..., bytes], first: bytes) -> None:
    assert write(0x1234) == first + b"\2\x12\x34"
    assert write(1, 0x92) == first + b"\3\0\1\x92"
    assert write(1, 0x92, WHY) == first + b"\x09\0\1\x92" + WHY_BYTES
    assert write(1, 0, WHY) == first + b"\x09\0\1\0" + WHY_BYTES


def test_answers_to_subscriptions() -> None:
    assert encoding.suback(4, 7, [0, 1, 0x80, 0x87]) == b"\x90\6\0\7\0\1\x80\x80"
    assert encoding.suback(5, 7, [0, 1, 0x87]) == b"\x90\6\0\7\0\0\1\x87"
    assert encoding.unsuback(4, 7, [0, 0x11]) == b"\xb0\2\0\7"
    assert encoding.unsuback(5, 7, [0, 0x11], WHY) == b"\xb0\x0a\0\7" + WHY_BYTES + b"\0\x11"


def test_a_server_says_good_bye_in_mqtt_5_only() -> None:
    assert encoding.disconnect(5) == b"\xe0\0"
    assert encoding.disconnect(5, Reason.SESSION_TAKEN_OVER) == b"\xe0\1\x8e"
    assert encoding.disconnect(5, Reason.PROTOCOL_ERROR, WHY) == b"\xe0\7\x82" + WHY_BYTES
    assert encoding.disconnect(4, Reason.PROTOCOL_ERROR, WHY) == b""
    assert encode(Disconnect(), 4) == b"\xe0\0"


def test_messages() -> None:
    assert encoding.publish(4, Publish("t", b"x")) == b"\x30\4\0\1tx"
    assert encoding.publish(5, Publish("t", b"x")) == b"\x30\5\0\1t\0x"
    assert encoding.publish(4, Publish("t", b"x", 1, 7, True, True)) == b"\x3b\6\0\1t\0\7x"
    assert encoding.publish(3, Publish("t", b"", 2, 7)) == b"\x34\5\0\1t\0\7"
    assert (
        encoding.publish(5, Publish("", b"", properties=Properties(topic_alias=2))) == b"\x30\6\0\0\3\x23\0\2"
    )
    assert encoding.publish(4, Publish("ü", bytes(200)))[:7] == b"\x30\xcc\1\0\2\xc3\xbc"


@pytest.mark.parametrize(
    ("packet", "level", "expected"),
    [
        (Connect(4, client_id="c"), 4, b"\x10\x0d\0\4MQTT\4\2\0\0\0\1c"),
        (Connect(3, False, 60, "c"), 3, b"\x10\x0f\0\6MQIsdp\3\0\0\x3c\0\1c"),
        (
            Connect(5, will=Will("t", b"w", 1, True), username="u", password=b""),
            5,
            b"\x10\x19\0\4MQTT\5\xee\0\0\0\0\0\0\0\1t\0\1w\0\1u\0\0",
        ),
        (ConnAck(True), 4, b"\x20\2\1\0"),
        (ConnAck(reason=5), 4, b"\x20\2\0\5"),
        (PubAck(7, 0x10, WHY), 4, b"\x40\2\0\7"),
        (PubRec(7, 0x10), 5, b"\x50\3\0\7\x10"),
        (PubRel(7), 5, b"\x62\2\0\7"),
        (PubComp(7), 3, b"\x70\2\0\7"),
        (Subscribe(7, [Subscription("t", 1, True, True, 2)]), 4, b"\x82\6\0\7\0\1t\1"),
        (Subscribe(7, [Subscription("t", 1, True, True, 2)]), 5, b"\x82\7\0\7\0\0\1t\x2d"),
        (SubAck(7, [0x80]), 4, b"\x90\3\0\7\x80"),
        (Unsubscribe(7, ["a", "#"]), 4, b"\xa2\x08\0\7\0\1a\0\1#"),
        (UnsubAck(7), 4, b"\xb0\2\0\7"),
        (Auth(0x18, Properties(authentication_method="m")), 5, b"\xf0\6\x18\4\x15\0\1m"),
    ],
)
def test_packets_of_either_side(packet: Packet, level: int, expected: bytes) -> None:
    assert encode(packet, level) == expected


def test_properties_go_in_the_order_of_their_identifiers() -> None:
    told = Properties(
        user_properties=(("a", "b"), ("a", "c")), maximum_qos=1, subscription_ids=(300, 1), reason_string=""
    )
    assert encode(Publish("", b"", properties=told), 5) == (
        b"\x30\x1b\0\0\x18\x0b\xac\2\x0b\1\x1f\0\0\x24\1\x26\0\1a\0\1b\x26\0\1a\0\1c"
    )


def test_what_does_not_fit_is_the_programs_mistake() -> None:
    with pytest.raises(ValueError, match="at most 65535 bytes, not 65536"):
        encode(Publish("x" * 65_536, b""), 4)
    with pytest.raises(ValueError, match="0 to 268435455"):
        encode(Publish("t", b"", properties=Properties(subscription_ids=(2**28,))), 5)
    with pytest.raises(OverflowError):
        encode(PubAck(65_536), 4)
