"""Datagrams and messages: as RFC 7252 writes them, whatever comes, both ways."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deedbox.transports.coap.blocks import Block, block
from deedbox.transports.coap.codes import TABLE
from deedbox.transports.coap.messages import (
    Message,
    NotUnderstood,
    decode,
    encode,
    is_coap,
    unsigned,
)
from deedbox.transports.coap.requests import Request, Unacceptable
from tests.transports.http.test_requests import kinds_of_refusals

#: Confirmable GET /temperature, id 0x7d34, and its answer "22.3 C" (RFC 7252, figures 16 and 17).
GET = bytes.fromhex("41017d3620bb74656d7065726174757265")
CONTENT = bytes.fromhex("61457d3620ff32322e332043")

options = st.lists(st.tuples(st.integers(0, 65_804), st.binary(max_size=300)), max_size=8)
messages = st.builds(
    Message,
    st.integers(0, 3),
    st.integers(1, 255),
    st.integers(0, 65_535),
    st.binary(max_size=8),
    options.map(lambda it: sorted(it, key=lambda option: option[0])),
    st.binary(max_size=300),
)
#: What looks like CoAP at first.
datagrams = st.builds(
    lambda first, rest: bytes((0x40 | first,)) + rest,
    st.integers(0, 63),
    st.binary(min_size=3, max_size=200),
)


def test_messages_of_the_standard() -> None:
    asked, answered = decode(GET), decode(CONTENT)
    assert asked == Message(0, 0x01, 0x7D36, b"\x20", [(11, b"temperature")])
    assert answered == Message(2, 0x45, 0x7D36, b"\x20", [], b"22.3 C")
    assert (encode(asked), encode(answered)) == (GET, CONTENT)


@given(messages)
@example(Message(0, 1, 0, b"", [(13, b"x" * 13), (269 + 13, b"y" * 269), (65_804, b"")], b"z"))
def test_what_is_encoded_is_decoded(message: Message) -> None:
    assert decode(encode(message)) == message


@given(datagrams)
@example(bytes.fromhex("40010001ff"))
@example(bytes.fromhex("49010001000000000000000000"))
@example(bytes.fromhex("40010001f0"))
@example(bytes.fromhex("40010001de"))
@example(bytes.fromhex("400100011f"))
@example(bytes.fromhex("4100000100"))
@example(bytes.fromhex("40010001") + b"\x10" * 65)
def test_whatever_comes_is_read_or_refused(datagram: bytes) -> None:
    """Nothing but these two exceptions, and what was read is written the same or shorter."""
    assert is_coap(datagram)
    try:
        message = decode(datagram)
        assert len(encode(message)) <= len(datagram)
        assert decode(encode(message)) == message
        request = Request(message)
        assert request.key
        request.names(b"sharedKeys")
    except (NotUnderstood, Unacceptable):
        pass


@pytest.mark.parametrize(
    "datagram", [b"", b"\x40", b"\x40\x01\x00", b"\x00\x01\x00\x01", b"\xc0\x01\x00\x01"]
)
def test_what_is_no_coap(datagram: bytes) -> None:
    assert not is_coap(datagram)


@given(st.integers(0, 0xFFFFF), st.booleans(), st.integers(0, 6))
def test_blocks(number: int, is_more: bool, size_exponent: int) -> None:
    told = Block(number, is_more, size_exponent)
    assert block(told.encoded()) == told
    assert told.begins_at == number * told.size_bytes


@pytest.mark.parametrize("value", [b"\x07", b"\x0f", b"\x00\x00\x00\x00"])
def test_what_is_no_block(value: bytes) -> None:
    """RFC 7959 §2.2: the largest size is reserved."""
    assert block(value) is None


@pytest.mark.parametrize(("number", "encoded"), [(0, b""), (255, b"\xff"), (256, b"\x01\x00")])
def test_numbers(number: int, encoded: bytes) -> None:
    assert unsigned(number) == encoded


def test_every_refusal_has_a_code() -> None:
    missing = [it.__name__ for it in kinds_of_refusals() if it not in TABLE]
    assert not missing
