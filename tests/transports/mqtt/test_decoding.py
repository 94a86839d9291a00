"""What the decoder makes of bytes: fields of packets, framing, limits, and its memory for repeated topics."""

import pytest

from deedbox.transports.mqtt.decoding import Decoder
from deedbox.transports.mqtt.encoding import encode
from deedbox.transports.mqtt.packets import (
    Connect,
    Disconnect,
    Packet,
    PingReq,
    Publish,
    Subscribe,
    Subscription,
    Will,
)
from deedbox.transports.mqtt.properties import EMPTY, Properties
from deedbox.transports.mqtt.reasons import Reason
from tests.transports.mqtt.corpus_seeds import ID, C, T, connect, packet, properties, text

LARGEST_BYTES = 300_000
TOPIC = "v1/devices/me/telemetry"


def read(stream: bytes, level: int = 4) -> list[Packet]:
    decoder = Decoder(LARGEST_BYTES, level)
    packets = decoder.feed(stream)
    assert decoder.failure is None
    return packets


def failure_of(decoder: Decoder, stream: bytes) -> int:
    assert decoder.feed(stream) == []
    assert decoder.failure is not None
    return decoder.failure.reason


def read_message(stream: bytes, level: int = 4) -> Publish:
    (message,) = read(stream, level)
    assert isinstance(message, Publish)
    return message


def test_all_fields_of_connect() -> None:
    """MQTT 5 §3.1: clean start, will with QoS 1 that is retained, username and password."""
    will = properties(b"\x18\0\0\0\5")
    stream = connect(
        5,
        0xEE,
        properties(b"\x11\0\0\0\x3c\x21\0\x10"),
        C,
        will,
        T,
        text(b"\0\xff"),
        text(b"u"),
        text(b"\xff"),
    )
    assert read(stream, 0) == [
        Connect(
            5,
            True,
            60,
            "c",
            Will("t", b"\0\xff", 1, True, Properties(will_delay_s=5)),
            "u",
            b"\xff",
            Properties(session_expiry_s=60, receive_maximum=16),
        )
    ]


def test_connect_without_anything() -> None:
    assert read(connect(4, 0, b"\0\0"), 0) == [Connect(4, False, 60, "")]


def test_a_packet_of_mqtt_31_that_ends_before_its_username_has_none() -> None:
    """MQTT 3.1 §3.1: the remaining length counts more than the flag."""
    stream = connect(3, 0xC2, C, name=b"MQIsdp")
    assert read(stream, 0) == [Connect(3, True, 60, "c")]


def test_all_properties_of_a_message() -> None:
    stream = packet(
        0x3D,
        T,
        ID,
        properties(
            b"\1\1\2\0\0\1\0", b"\3", C, b"\x08", T, b"\x09", text(b"\0"), b"\x0b\1\x0b\x80\1", b"\x23\1\0",
            b"\x26", C, T, b"\x26", C, C,
        ),
        b"payload",
    )  # fmt: skip
    told = Properties(
        payload_format=1,
        message_expiry_s=256,
        content_type="c",
        response_topic="t",
        correlation_data=b"\0",
        subscription_ids=(1, 128),
        topic_alias=256,
        user_properties=(("c", "t"), ("c", "c")),
    )
    assert read(stream, 5) == [Publish("t", b"payload", 2, 7, True, True, told)]


def test_options_of_subscriptions() -> None:
    stream = packet(0x82, ID, properties(b"\x0b\5"), T, b"\x2e", text(b"#"), b"\x10")
    assert read(stream, 5) == [
        Subscribe(
            7,
            [Subscription("t", 2, True, True, 2), Subscription("#", 0, retain_handling=1)],
            Properties(subscription_ids=(5,)),
        )
    ]


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize("qos", [0, 1])
def test_a_repeated_topic_is_one_object(level: int, qos: int) -> None:
    """So that looking it up does not compare texts."""
    sent = [Publish(TOPIC, bytes(length), qos, qos * 9) for length in (0, 99, 100, 101, 5, 16_000)]
    decoder = Decoder(LARGEST_BYTES, level)
    got = [it for message in sent for it in decoder.feed(encode(message, level))]
    got += decoder.feed(b"".join(encode(it, level) for it in sent))
    assert got == sent * 2
    assert len({id(it.topic) for it in got if isinstance(it, Publish)}) == 1
    assert all(it.properties is EMPTY for it in got if isinstance(it, Publish))


def test_messages_of_another_kind_in_between() -> None:
    usual = Publish(TOPIC, b"{}", 1, 1)
    sent: list[Packet] = [
        usual,
        Publish(TOPIC, b"{}", 1, 1, duplicate=True),
        usual,
        Publish(TOPIC, b"{}", 0),
        PingReq(),
        Publish(TOPIC + "/", b"{}", 1, 2),
        Publish(TOPIC[:-1], b"y{}", 1, 2),
        usual,
        Publish("x" * 200, b"{}", 1, 3),
        Publish("x" * 200, b"{}", 1, 4),
        usual,
        Publish(TOPIC, bytes(16_400), 1, 5),
        Publish(TOPIC, b"{}", 1, 1, properties=Properties(topic_alias=1)),
        usual,
        Disconnect(),
    ]
    assert read(b"".join(encode(it, 5) for it in sent), 5) == sent


@pytest.mark.parametrize("length", [128, 129, 255, 256, 300, 65_535])
def test_long_topics_that_repeat(length: int) -> None:
    sent: list[Packet] = [Publish("x" * length, b"{}", 1, 7)] * 3
    assert read(b"".join(encode(it, 4) for it in sent)) == sent


@pytest.mark.parametrize("length", [0, 127, 128, 16_383, 16_384])
def test_lengths_of_one_to_three_bytes(length: int) -> None:
    body = b"\0\1t" + bytes(max(0, length - 3))
    for level in (3, 4):
        assert read_message(encode(Publish("t", body), level), level).payload == body


@pytest.mark.parametrize(
    ("name", "level", "answered_in"), [(b"MQTT", 6, 5), (b"MQTT", 3, 4), (b"MQIsdp", 5, 4), (b"HTTP", 9, 4)]
)
def test_a_version_that_is_not_ours(name: bytes, level: int, answered_in: int) -> None:
    """MQTT 3.1.1 §3.1.2.2: the server says so in CONNACK; newer clients are told as MQTT 5 does."""
    decoder = Decoder(LARGEST_BYTES)
    assert failure_of(decoder, connect(level, 2, C, name=name)) == Reason.UNSUPPORTED_PROTOCOL_VERSION
    assert decoder.level == answered_in


def test_the_level_is_known_when_the_rest_of_connect_is_malformed() -> None:
    decoder = Decoder(LARGEST_BYTES)
    assert failure_of(decoder, connect(5, 3, C)) == Reason.MALFORMED_PACKET
    assert decoder.level == 5


def test_a_second_connect_does_not_change_the_level() -> None:
    decoder = Decoder(LARGEST_BYTES)
    assert decoder.feed(connect(4, 2, C) + connect(5, 2, b"\0", C)) == [
        Connect(4, True, 60, "c"),
        Connect(5, True, 60, "c"),
    ]
    assert decoder.level == 4


def test_packets_before_connect_are_read_but_set_no_level() -> None:
    decoder = Decoder(LARGEST_BYTES)
    assert decoder.feed(b"\xc0\0") == [PingReq()]
    assert decoder.level == 0


def test_a_failure_is_the_end() -> None:
    decoder = Decoder(LARGEST_BYTES, 4)
    assert decoder.feed(b"\xc0\0\xc1\0\xc0\0") == [PingReq()]
    failure = decoder.failure
    assert failure is not None
    assert decoder.feed(b"\xc0\0") == []
    assert decoder.failure is failure


def test_a_failure_tells_nothing_that_was_sent() -> None:
    secret = b"s3cret"
    for stream in (
        connect(4, 0xC2, C, text(secret + b"\xff"), text(secret)),
        connect(4, 0xC3, C, text(secret), text(secret)),
        packet(0x82, ID, text(secret + b"#"), b"\0"),
        packet(0x30, text(secret + b"+")),
    ):
        decoder = Decoder(LARGEST_BYTES)
        decoder.feed(stream)
        assert decoder.failure is not None
        assert secret.decode() not in decoder.failure.message


def test_too_large_is_known_from_the_header() -> None:
    decoder = Decoder(1_000, 4)
    assert decoder.feed(b"\x30\xe6") == []
    assert decoder.failure is None
    assert failure_of(decoder, b"\x07") == Reason.PACKET_TOO_LARGE
    assert decoder.buffered_bytes == 0


def test_the_limit_counts_for_repeated_messages_and_may_change() -> None:
    message = encode(Publish("t", bytes(20), 1, 1), 4)
    decoder = Decoder(len(message), 4)
    assert len(decoder.feed(message * 2)) == 2
    decoder.largest_packet_bytes = len(message) - 1
    assert failure_of(decoder, message) == Reason.PACKET_TOO_LARGE


class CountingDecoder(Decoder):
    """Counts how often it looks at the beginning of a packet."""

    looks = 0

    def _frame(self, data: bytes, position: int) -> tuple[int, int]:
        self.looks += 1
        return super()._frame(data, position)


def test_a_large_packet_of_single_bytes() -> None:
    message = Publish(TOPIC, bytes(range(256)) * 800, 1, 1)
    stream = encode(message, 4)
    decoder = CountingDecoder(LARGEST_BYTES, 4)
    for at in range(len(stream) - 1):
        assert not decoder.feed(stream[at : at + 1])
    assert decoder.buffered_bytes == len(stream) - 1
    assert decoder.looks <= 5, "once for every byte of the longest header"
    assert decoder.feed(b"") == []
    assert decoder.feed(stream[-1:] + b"\xc0") == [message]
    assert decoder.buffered_bytes == 1
    assert decoder.feed(b"\0") == [PingReq()]
    assert decoder.buffered_bytes == 0
