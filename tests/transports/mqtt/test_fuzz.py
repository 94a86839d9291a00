"""Whatever comes, in whatever pieces: the same packets, never more memory than allowed, no exceptions.

For a long run: `HYPOTHESIS_PROFILE=thorough .venv/bin/pytest tests/transports/mqtt/test_fuzz.py`; repeat it,
for each run looks elsewhere. What fails goes into `corpus_seeds.py`.
"""

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from deedbox.transports.mqtt.decoding import Decoder, Failure
from deedbox.transports.mqtt.encoding import encode
from deedbox.transports.mqtt.packets import Packet, Publish
from tests.transports.mqtt.generated import LEVELS, packets, payloads, publishes, streams

LARGEST_BYTES = 2_000
LONGEST_HEADER_BYTES = 5
levels = st.sampled_from([0, *LEVELS])
cuts = st.lists(st.integers(0, 400), max_size=8)


class LongWay(Decoder):
    """Reads every message the long way."""

    def _read_repeated(self, data: bytes, position: int, packets: list[Packet]) -> int:
        return position


def decoded(pieces: Iterable[bytes], decoder: Decoder) -> tuple[list[Packet], Failure | None, int]:
    found = []
    for piece in pieces:
        found += decoder.feed(piece)
        assert 0 <= decoder.buffered_bytes < max(decoder.largest_packet_bytes, LONGEST_HEADER_BYTES)
    return found, decoder.failure, decoder.level


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(it for it in places if it < len(data))})
    return [data[start:end] for start, end in pairwise(edges)]


def single_bytes(data: bytes) -> list[bytes]:
    return [bytes((it,)) for it in data]


def check_all_ways(data: bytes, level: int, places: list[int], largest_bytes: int = LARGEST_BYTES) -> None:
    """Decode in one piece, in pieces, byte by byte and the long way; decode again what came out."""
    whole = decoded([data], Decoder(largest_bytes, level))
    assert decoded(cut(data, places), Decoder(largest_bytes, level)) == whole
    assert decoded(single_bytes(data), Decoder(largest_bytes, level)) == whole
    assert decoded([data], LongWay(largest_bytes, level)) == whole
    for packet in whole[0]:
        read_as = getattr(packet, "level", whole[2] or 4)
        assert Decoder(2 * largest_bytes, read_as).feed(encode(packet, read_as)) == [packet]


@given(st.sampled_from(LEVELS).flatmap(lambda level: st.tuples(st.just(level), packets(level))))
def test_what_was_written_is_read(case: tuple[int, Packet]) -> None:
    level, packet = case
    decoder = Decoder(LARGEST_BYTES, level)
    assert decoder.feed(encode(packet, level)) == [packet]
    assert decoder.failure is None
    assert decoder.buffered_bytes == 0


@given(streams, cuts)
def test_pieces_do_not_matter(stream: tuple[int, list[Packet]], places: list[int]) -> None:
    level, sent = stream
    data = b"".join(encode(it, level) for it in sent)
    assert decoded([data], Decoder(LARGEST_BYTES, level))[0] == sent
    check_all_ways(data, level, places)


@given(st.binary(max_size=200), levels, cuts)
def test_random_bytes(data: bytes, level: int, places: list[int]) -> None:
    check_all_ways(data, level, places)


@given(st.integers(0, 255), st.binary(max_size=100), levels, cuts)
def test_random_bodies(first: int, body: bytes, level: int, places: list[int]) -> None:
    check_all_ways(bytes((first, len(body))) + body, level, places)


@given(streams, st.data())
def test_packets_that_were_damaged(stream: tuple[int, list[Packet]], data: st.DataObject) -> None:
    level, sent = stream
    raw = bytearray().join(encode(it, level) for it in sent)
    for _ in range(data.draw(st.integers(1, 4))):
        damage(raw, data)
    read_as = data.draw(st.sampled_from([level, *LEVELS]))
    check_all_ways(
        bytes(raw), read_as, data.draw(cuts), data.draw(st.sampled_from([0, 2, 5, 100, LARGEST_BYTES]))
    )


def damage(raw: bytearray, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(raw)))
    match data.draw(st.sampled_from(["flip", "cut", "insert", "repeat", "number"])):
        case "flip" if at < len(raw):
            raw[at] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del raw[at : at + data.draw(st.integers(1, 10))]
        case "insert":
            raw[at:at] = data.draw(st.binary(max_size=5))
        case "repeat":
            raw[at:at] = raw[at : at + data.draw(st.integers(1, 100))]
        case _:
            raw[at : at + 2] = data.draw(
                st.sampled_from([b"\0\0", b"\xff\xff", b"\x80\x80", b"\xff\x7f", b"\0\1"])
            )


@given(st.sampled_from(LEVELS), st.lists(payloads, min_size=2, max_size=6), st.data())
def test_telemetry_that_was_damaged(level: int, bodies: list[bytes], data: st.DataObject) -> None:
    """The short way for repeated messages sees what the long way sees."""
    like = data.draw(publishes(level))
    raw = bytearray()
    for number, body in enumerate(bodies, 1):
        message = type(like)(like.topic, body, like.qos, like.qos and number, properties=like.properties)
        raw += encode(message, level)
    for _ in range(data.draw(st.integers(0, 2))):
        damage(raw, data)
    check_all_ways(bytes(raw), level, data.draw(cuts))


@given(st.integers(0, 300), st.integers(0, 300))
@example(0, 0)
@example(127, 129)
@example(128, 131)
def test_nothing_is_kept_of_a_packet_that_is_too_large(length: int, largest_bytes: int) -> None:
    packet = encode(Publish("t", bytes(length)), 4)
    decoder = Decoder(largest_bytes, 4)
    found = [it for piece in single_bytes(packet) for it in decoder.feed(piece)]
    assert bool(found) == (len(packet) <= largest_bytes)
    assert (decoder.failure is None) == bool(found)
    assert decoder.buffered_bytes == 0
