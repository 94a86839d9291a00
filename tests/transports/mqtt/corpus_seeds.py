"""Well-formed and malformed streams by hand, with what must come of them: one of each kind that there is.

`.venv/bin/python -m tests.transports.mqtt.corpus_seeds` writes them to `corpus/`, one file per stream, and
the table `corpus/outcomes.tsv`. A stream that fuzzing found is one more row below.
"""

from pathlib import Path
from typing import NamedTuple

CORPUS = Path(__file__).parent / "corpus"
TABLE = CORPUS / "outcomes.tsv"
LARGEST_BYTES = 1_000


class Seed(NamedTuple):
    """A stream, the level it is read at (0: no CONNECT before), the packets and the failure that end it."""

    name: str
    level: int
    stream: bytes
    packets: str = ""
    failure: str = ""


def packet(first: int, *fields: bytes) -> bytes:
    """A packet with a length of one byte."""
    body = b"".join(fields)
    assert len(body) < 128
    return bytes((first, len(body))) + body


def connect(level: int, flags: int, *fields: bytes, name: bytes = b"MQTT") -> bytes:
    """CONNECT with a keep-alive of a minute."""
    return packet(0x10, text(name), bytes((level, flags)), b"\0\x3c", *fields)


def text(data: bytes) -> bytes:
    """Bytes with their length before them."""
    return bytes((0, len(data))) + data


def properties(*fields: bytes) -> bytes:
    """Properties with their length before them."""
    inside = b"".join(fields)
    return bytes((len(inside),)) + inside


ID = b"\0\7"
NONE = b"\0"
C, T = text(b"c"), text(b"t")
BAD, WRONG = "MALFORMED_PACKET", "PROTOCOL_ERROR"
NAME, FILTER, LARGE = "TOPIC_NAME_INVALID", "TOPIC_FILTER_INVALID", "PACKET_TOO_LARGE"
VERSION, ALIAS = "UNSUPPORTED_PROTOCOL_VERSION", "TOPIC_ALIAS_INVALID"
PUBLISH_4 = packet(0x32, T, ID, b"{}")
PUBLISH_5 = packet(0x32, T, ID, NONE)

FRAMING = [
    Seed("nothing", 4, b""),
    Seed("half-a-packet", 4, PUBLISH_4[:-1]),
    Seed("one-byte", 4, b"\x32"),
    Seed("length-without-end-yet", 4, b"\x32\xff\xff\xff"),
    Seed("length-of-five-bytes", 4, b"\x32\x80\x80\x80\x80\x01", "", BAD),
    Seed("length-too-long-written-old", 4, b"\x32\x87\x80\0" + PUBLISH_4[2:], "Publish"),
    Seed("length-too-long-written-5", 5, b"\xe0\x80\0", "", BAD),
    Seed("larger-than-allowed", 4, b"\x32\xff\xff\xff\x7f", "", LARGE),
    Seed("larger-by-one-byte", 4, b"\x30\xe6\x07", "", LARGE),
    Seed("just-as-large-as-allowed", 4, b"\x30\xe5\x07" + T + bytes(994), "Publish"),
    Seed("larger-after-a-good-one", 4, PUBLISH_4 + b"\x32\xff\x7f", "Publish", LARGE),
    Seed("type-0", 4, b"\0\0", "", BAD),
    Seed("type-15-before-5", 4, b"\xf0\0", "", BAD),
    Seed("http-request", 0, b"GET / HTTP/1.1\r\n\r\n", "", BAD),
    Seed("tls-greeting", 0, bytes.fromhex("1603010200010001fc0303"), "", BAD),
    Seed("bad-after-good", 4, PUBLISH_4 * 3 + b"\x36\0", "Publish Publish Publish", BAD),
    Seed("nothing-after-bad", 4, b"\0\0" + PUBLISH_4, "", BAD),
]
CONNECTING = [
    Seed("connect-31", 0, connect(3, 2, C, name=b"MQIsdp"), "Connect"),
    Seed("connect-311", 0, connect(4, 2, C), "Connect"),
    Seed("connect-5", 0, connect(5, 2, NONE, C), "Connect"),
    Seed("connect-all-fields-311", 0, connect(4, 0xEE, C, T, text(b"w"), text(b"u"), text(b"p")), "Connect"),
    Seed(
        "connect-all-fields-5",
        0,
        connect(5, 0xEE, properties(b"\x11\0\0\0\x3c\x21\0\x10"), C, properties(b"\x18\0\0\0\5"), T, T, C, C),
        "Connect",
    ),
    Seed("connect-31-username-promised", 0, connect(3, 0xC2, C, name=b"MQIsdp"), "Connect"),
    Seed("connect-31-flags-of-no-will", 0, connect(3, 0x2A, C, name=b"MQIsdp"), "Connect"),
    Seed("connect-5-password-alone", 0, connect(5, 0x42, NONE, C, text(b"p")), "Connect"),
    Seed("connect-and-all-else", 0, connect(4, 2, C) + PUBLISH_4 + b"\xe0\0", "Connect Publish Disconnect"),
    Seed("connect-twice", 0, connect(4, 2, C) * 2, "Connect Connect"),
    Seed("connect-level-6", 0, connect(6, 2, NONE, C), "", VERSION),
    Seed("connect-level-2", 0, connect(2, 2, C), "", VERSION),
    Seed("connect-of-a-bridge", 0, connect(0x84, 2, C), "", VERSION),
    Seed("connect-31-by-its-new-name", 0, connect(3, 2, C), "", VERSION),
    Seed("connect-unknown-name", 0, connect(4, 2, C, name=b"AMQP"), "", VERSION),
    Seed("connect-second-of-unknown-level", 0, connect(4, 2, C) + connect(9, 2, C), "Connect", WRONG),
    Seed("connect-flags", 0, b"\x11" + connect(4, 2, C)[1:], "", BAD),
    Seed("connect-reserved-flag", 0, connect(4, 3, C), "", BAD),
    Seed("connect-will-qos-3", 0, connect(4, 0x1E, C, T, T), "", BAD),
    Seed("connect-will-qos-without-will", 0, connect(4, 0x0A, C), "", BAD),
    Seed("connect-will-retain-without-will", 0, connect(5, 0x22, NONE, C), "", BAD),
    Seed("connect-will-wildcard", 0, connect(4, 6, C, text(b"a/#"), T), "", NAME),
    Seed("connect-will-without-topic", 0, connect(4, 6, C, NONE * 2, T), "", NAME),
    Seed("connect-will-missing", 0, connect(4, 6, C), "", BAD),
    Seed("connect-password-alone-311", 0, connect(4, 0x42, C, text(b"p")), "", BAD),
    Seed("connect-password-alone-31", 0, connect(3, 0x42, C, text(b"p"), name=b"MQIsdp"), "", BAD),
    Seed("connect-username-missing-311", 0, connect(4, 0x82, C), "", BAD),
    Seed("connect-username-cut", 0, connect(4, 0x82, C, b"\0\5abc"), "", BAD),
    Seed("connect-without-client-id", 0, connect(4, 2), "", BAD),
    Seed("connect-more-than-its-fields", 0, connect(4, 2, C, b"x"), "", BAD),
    Seed("connect-empty", 0, b"\x10\0", "", BAD),
    Seed("connect-only-name", 0, packet(0x10, text(b"MQTT")), "", BAD),
    Seed("connect-client-id-latin-1", 0, connect(4, 2, text(b"caf\xe9")), "", BAD),
    Seed("connect-client-id-with-null", 0, connect(4, 2, text(b"a\0b")), "", BAD),
    Seed("connect-client-id-surrogate", 0, connect(4, 2, text(b"\xed\xa0\x80")), "", BAD),
    Seed("connect-client-id-overlong-utf-8", 0, connect(4, 2, text(b"\xc0\x80")), "", BAD),
    Seed("connect-receive-maximum-0", 0, connect(5, 2, properties(b"\x21\0\0"), C), "", WRONG),
    Seed("connect-largest-packet-0", 0, connect(5, 2, properties(b"\x27\0\0\0\0"), C), "", WRONG),
    Seed("connect-problem-information-2", 0, connect(5, 2, properties(b"\x17\2"), C), "", WRONG),
    Seed("connect-authentication-data-alone", 0, connect(5, 2, properties(b"\x16", T), C), "", WRONG),
    Seed("connack-accepted", 4, b"\x20\2\1\0", "ConnAck"),
    Seed("connack-refused", 4, b"\x20\2\0\5", "ConnAck"),
    Seed("connack-31-byte-without-meaning", 3, b"\x20\2\xff\0", "ConnAck"),
    Seed("connack-5", 5, packet(0x20, b"\1\0", properties(b"\x24\1\x25\0", b"\x12", C)), "ConnAck"),
    Seed("connack-reserved-flags", 4, b"\x20\2\2\0", "", BAD),
    Seed("connack-refused-with-session", 4, b"\x20\2\1\5", "", WRONG),
    Seed("connack-unknown-code", 4, b"\x20\2\0\6", "", WRONG),
    Seed("connack-unknown-reason", 5, b"\x20\3\0\x8b\0", "", WRONG),
    Seed("connack-too-long", 4, b"\x20\3\0\0\0", "", BAD),
    Seed("auth", 5, packet(0xF0, b"\x18", properties(b"\x15", T, b"\x16", T)), "Auth"),
    Seed("auth-empty", 5, b"\xf0\0", "Auth"),
    Seed("auth-without-method", 5, b"\xf0\1\x18", "", WRONG),
    Seed("auth-unknown-reason", 5, b"\xf0\1\4", "", WRONG),
]
MESSAGES = [
    Seed("publish-qos-0", 4, packet(0x30, T, b"x"), "Publish"),
    Seed("publish-qos-1", 4, PUBLISH_4, "Publish"),
    Seed("publish-qos-2", 4, packet(0x34, T, ID), "Publish"),
    Seed("publish-duplicate-retained", 4, packet(0x3B, T, ID), "Publish"),
    Seed("publish-5", 5, packet(0x32, T, ID, NONE, b"x"), "Publish"),
    Seed(
        "publish-5-properties",
        5,
        packet(0x30, T, properties(b"\1\1\2\0\0\0\1\x0b\1\x0b\2\x23\0\1")),
        "Publish",
    ),
    Seed("publish-alias-alone", 5, packet(0x30, NONE * 2, properties(b"\x23\0\1"), b"x"), "Publish"),
    Seed("publish-repeated", 4, PUBLISH_4 * 4, "Publish Publish Publish Publish"),
    Seed("publish-repeated-packet-id-0", 4, PUBLISH_4 + packet(0x32, T, b"\0\0"), "Publish", WRONG),
    Seed("publish-repeated-cut", 4, PUBLISH_4 + packet(0x32, T, b"\0"), "Publish", BAD),
    Seed(
        "publish-repeated-longer-length-old", 4, PUBLISH_4 + b"\x32\x87\0" + PUBLISH_4[2:], "Publish Publish"
    ),
    Seed("publish-repeated-longer-length-5", 5, PUBLISH_5 + b"\x32\x86\0" + PUBLISH_5[2:], "Publish", BAD),
    Seed("publish-repeated-without-properties", 5, packet(0x30, T, NONE) + packet(0x30, T), "Publish", BAD),
    Seed("publish-qos-3", 4, packet(0x36, T, ID), "", BAD),
    Seed("publish-duplicate-qos-0", 4, packet(0x38, T), "", BAD),
    Seed("publish-packet-id-0", 4, packet(0x32, T, b"\0\0"), "", WRONG),
    Seed("publish-without-packet-id", 4, packet(0x32, T), "", BAD),
    Seed("publish-empty", 4, b"\x30\0", "", BAD),
    Seed("publish-topic-longer-than-packet", 4, packet(0x30, b"\0\x50t"), "", BAD),
    Seed("publish-topic-empty", 4, packet(0x30, NONE * 2), "", NAME),
    Seed("publish-topic-empty-without-alias", 5, packet(0x30, NONE * 3), "", WRONG),
    Seed("publish-topic-plus", 4, packet(0x30, text(b"a/+")), "", NAME),
    Seed("publish-topic-hash", 5, packet(0x30, text(b"#"), NONE), "", NAME),
    Seed("publish-topic-not-utf-8", 4, packet(0x30, text(b"\xff")), "", BAD),
    Seed("publish-topic-with-null", 4, packet(0x30, text(b"\0")), "", BAD),
    Seed("publish-alias-0", 5, packet(0x30, T, properties(b"\x23\0\0")), "", ALIAS),
    Seed("publish-alias-twice", 5, packet(0x30, T, properties(b"\x23\0\1" * 2)), "", WRONG),
    Seed("publish-response-topic-wildcard", 5, packet(0x30, T, properties(b"\x08", text(b"a/#"))), "", NAME),
    Seed("publish-subscription-id-0", 5, packet(0x30, T, properties(b"\x0b\0")), "", WRONG),
    Seed("publish-payload-format-2", 5, packet(0x30, T, properties(b"\1\2")), "", WRONG),
    Seed("properties-unknown", 5, packet(0x30, T, properties(b"\x04\0")), "", BAD),
    Seed("properties-unknown-of-two-bytes", 5, packet(0x30, T, properties(b"\x80\1\0")), "", BAD),
    Seed("properties-of-another-packet", 5, packet(0x30, T, properties(b"\x11\0\0\0\1")), "", BAD),
    Seed("properties-longer-than-packet", 5, packet(0x30, T, b"\x09\1"), "", BAD),
    Seed("properties-cut", 5, packet(0x30, T, properties(b"\2\0\0")), "", BAD),
    Seed("properties-length-too-long-written", 5, packet(0x30, T, b"\x80\0"), "", BAD),
    Seed("properties-length-of-five-bytes", 5, packet(0x30, T, b"\x80\x80\x80\x80\1"), "", BAD),
    Seed("properties-pair-cut", 5, packet(0x30, T, properties(b"\x26", T)), "", BAD),
    Seed("answers", 4, b"\x40\2\0\7\x50\2\0\7\x62\2\0\7\x70\2\0\7", "PubAck PubRec PubRel PubComp"),
    Seed("answers-with-reasons", 5, b"\x40\3\0\7\x10\x50\4\0\7\x80\0\x62\3\0\7\x92", "PubAck PubRec PubRel"),
    Seed("puback-packet-id-0", 4, b"\x40\2\0\0", "", WRONG),
    Seed("puback-cut", 4, b"\x40\1\0", "", BAD),
    Seed("puback-with-reason-before-5", 4, b"\x40\3\0\7\x10", "", BAD),
    Seed("puback-unknown-reason", 5, b"\x40\3\0\7\x01", "", WRONG),
    Seed("puback-flags", 4, b"\x42\2\0\7", "", BAD),
    Seed("puback-too-long", 5, b"\x40\5\0\7\0\0\0", "", BAD),
    Seed(
        "puback-reason-string-twice", 5, packet(0x40, ID, NONE, properties(b"\x1f", T, b"\x1f", T)), "", WRONG
    ),
    Seed("pubrel-flags", 4, b"\x60\2\0\7", "", BAD),
    Seed("pubrel-duplicate-31", 3, b"\x6a\2\0\7", "PubRel"),
    Seed("pubrel-duplicate-311", 4, b"\x6a\2\0\7", "", BAD),
]
SUBSCRIBING = [
    Seed("subscribe", 4, packet(0x82, ID, T, b"\1", text(b"a/+/#"), b"\0"), "Subscribe"),
    Seed("subscribe-5", 5, packet(0x82, ID, properties(b"\x0b\5"), T, b"\x2e"), "Subscribe"),
    Seed("subscribe-shared", 5, packet(0x82, ID, NONE, text(b"$share/g/t/#"), b"\1"), "Subscribe"),
    Seed("subscribe-share-is-a-plain-name-311", 4, packet(0x82, ID, text(b"$share/"), b"\1"), "Subscribe"),
    Seed("subscribe-flags", 4, packet(0x80, ID, T, b"\1"), "", BAD),
    Seed("subscribe-duplicate-31", 3, packet(0x8A, ID, T, b"\1"), "Subscribe"),
    Seed("subscribe-packet-id-0", 4, packet(0x82, b"\0\0", T, b"\1"), "", WRONG),
    Seed("subscribe-nothing", 4, packet(0x82, ID), "", WRONG),
    Seed("subscribe-nothing-5", 5, packet(0x82, ID, NONE), "", WRONG),
    Seed("subscribe-without-qos", 4, packet(0x82, ID, T), "", BAD),
    Seed("subscribe-qos-3", 4, packet(0x82, ID, T, b"\3"), "", WRONG),
    Seed("subscribe-options-of-5-before-5", 4, packet(0x82, ID, T, b"\4"), "", BAD),
    Seed("subscribe-reserved-options", 5, packet(0x82, ID, NONE, T, b"\x40"), "", BAD),
    Seed("subscribe-retain-handling-3", 5, packet(0x82, ID, NONE, T, b"\x30"), "", WRONG),
    Seed("subscribe-filter-empty", 4, packet(0x82, ID, NONE * 2, b"\1"), "", FILTER),
    Seed("subscribe-filter-hash-inside", 4, packet(0x82, ID, text(b"a/#/b"), b"\1"), "", FILTER),
    Seed("subscribe-filter-hash-glued", 4, packet(0x82, ID, text(b"a#"), b"\1"), "", FILTER),
    Seed("subscribe-filter-plus-glued", 4, packet(0x82, ID, text(b"a+/b"), b"\1"), "", FILTER),
    Seed("subscribe-filter-not-utf-8", 4, packet(0x82, ID, text(b"\xc3"), b"\1"), "", BAD),
    Seed("subscribe-share-without-filter", 5, packet(0x82, ID, NONE, text(b"$share/g"), b"\1"), "", FILTER),
    Seed(
        "subscribe-share-with-empty-filter", 5, packet(0x82, ID, NONE, text(b"$share/g/"), b"\1"), "", FILTER
    ),
    Seed("subscribe-share-without-group", 5, packet(0x82, ID, NONE, text(b"$share//t"), b"\1"), "", FILTER),
    Seed("subscribe-share-of-wildcards", 5, packet(0x82, ID, NONE, text(b"$share/+/t"), b"\1"), "", FILTER),
    Seed("subscribe-share-no-local", 5, packet(0x82, ID, NONE, text(b"$share/g/t"), b"\5"), "", WRONG),
    Seed("subscribe-two-ids", 5, packet(0x82, ID, properties(b"\x0b\1\x0b\2"), T, b"\1"), "", WRONG),
    Seed("suback", 4, b"\x90\4\0\7\1\x80", "SubAck"),
    Seed("suback-5", 5, b"\x90\5\0\7\0\2\x97", "SubAck"),
    Seed("suback-without-reasons", 4, b"\x90\2\0\7", "", WRONG),
    Seed("suback-reason-of-5-before-5", 4, b"\x90\3\0\7\x87", "", WRONG),
    Seed("unsubscribe", 4, packet(0xA2, ID, T, text(b"#")), "Unsubscribe"),
    Seed("unsubscribe-nothing", 4, packet(0xA2, ID), "", WRONG),
    Seed("unsubscribe-filter-empty", 4, packet(0xA2, ID, NONE * 2), "", FILTER),
    Seed("unsubscribe-flags", 4, packet(0xA0, ID, T), "", BAD),
    Seed("unsuback", 4, b"\xb0\2\0\7", "UnsubAck"),
    Seed("unsuback-5", 5, b"\xb0\4\0\7\0\x11", "UnsubAck"),
    Seed("unsuback-with-reasons-before-5", 4, b"\xb0\3\0\7\0", "", BAD),
    Seed("unsuback-without-reasons-5", 5, b"\xb0\3\0\7\0", "", WRONG),
    Seed("pings", 4, b"\xc0\0\xd0\0", "PingReq PingResp"),
    Seed("ping-flags", 4, b"\xc1\0", "", BAD),
    Seed("ping-with-a-body", 4, b"\xc0\1x", "", BAD),
    Seed("disconnect", 4, b"\xe0\0", "Disconnect"),
    Seed("disconnect-with-reason", 5, b"\xe0\1\4", "Disconnect"),
    Seed("disconnect-with-properties", 5, packet(0xE0, NONE, properties(b"\x11\0\0\0\0")), "Disconnect"),
    Seed("disconnect-with-reason-before-5", 4, b"\xe0\1\0", "", BAD),
    Seed("disconnect-flags", 5, b"\xe2\0", "", BAD),
    Seed("disconnect-unknown-reason", 5, b"\xe0\1\1", "", WRONG),
]
SEEDS = [*FRAMING, *CONNECTING, *MESSAGES, *SUBSCRIBING]


def table() -> str:
    """The outcomes as they are committed: file, level, packets, failure."""
    rows = sorted(f"{it.name}.bin\t{it.level}\t{it.packets}\t{it.failure}\n" for it in SEEDS)
    return "file\tlevel\tpackets\tfailure\n" + "".join(rows)


def write() -> None:
    """Write every stream and the table; files that have no row any more go."""
    for old in CORPUS.glob("*.bin"):
        old.unlink()
    for seed in SEEDS:
        (CORPUS / f"{seed.name}.bin").write_bytes(seed.stream)
    TABLE.write_text(table(), encoding="utf-8")


if __name__ == "__main__":
    write()
