"""CoAP messages as bytes and as values (RFC 7252 §3)."""

from collections.abc import Iterable
from enum import IntEnum

import msgspec

from deedbox.transports.coap.codes import Code

_VERSION = 0x40
_LONGEST_TOKEN = 8
_PAYLOAD_MARKER = 0xFF
#: Far more than a request has any use for.
MOST_OPTIONS = 64

#: An option: its number and its value.
Option = tuple[int, bytes]


class Number(IntEnum):
    """Numbers of options; odd ones must be understood by whoever gets them."""

    URI_HOST = 3
    ETAG = 4
    OBSERVE = 6
    URI_PORT = 7
    URI_PATH = 11
    CONTENT_FORMAT = 12
    MAX_AGE = 14
    URI_QUERY = 15
    ACCEPT = 17
    BLOCK2 = 23
    BLOCK1 = 27
    SIZE2 = 28
    PROXY_URI = 35
    PROXY_SCHEME = 39
    SIZE1 = 60


class NotUnderstood(Exception):
    """The datagram is no CoAP message, or a broken one."""


class Message(msgspec.Struct, gc=False):
    """A message; options in the order of their numbers."""

    type: int
    code: int
    message_id: int
    token: bytes = b""
    options: list[Option] = []
    payload: bytes = b""


def decode(datagram: bytes) -> Message:
    """Return the message in a datagram of four bytes or more, of CoAP's version. Raises NotUnderstood."""
    first, code = datagram[0], datagram[1]
    message_id = datagram[2] << 8 | datagram[3]
    if code == Code.EMPTY:
        if len(datagram) > 4 or first & 0x0F:
            raise NotUnderstood
        return Message(first >> 4 & 3, code, message_id)
    begin = 4 + (first & 0x0F)
    if begin > len(datagram) or begin > 4 + _LONGEST_TOKEN:
        raise NotUnderstood
    options, payload = _options(datagram, begin)
    return Message(first >> 4 & 3, code, message_id, datagram[4:begin], options, payload)


def is_coap(datagram: bytes) -> bool:
    """Tell whether a datagram has a header of this version of CoAP; others are ignored without a word."""
    return len(datagram) >= 4 and datagram[0] & 0xC0 == _VERSION


def encode(message: Message) -> bytes:
    """Return the message as bytes."""
    head = header(message.type, message.code, message.message_id, message.token)
    return head + encoded_options(message.options) + (b"\xff" + message.payload if message.payload else b"")


def header(message_type: int, code: int, message_id: int, token: bytes = b"") -> bytes:
    """Return what a message begins with."""
    first = _VERSION | message_type << 4 | len(token)
    return bytes((first, code, message_id >> 8, message_id & 0xFF)) + token


def encoded_options(options: Iterable[Option]) -> bytes:
    """Return options, which are in the order of their numbers, as bytes."""
    encoded = bytearray()
    last = 0
    for number, value in options:
        delta, delta_more = _nibble(number - last)
        length, length_more = _nibble(len(value))
        encoded.append(delta << 4 | length)
        encoded += delta_more + length_more + value
        last = number
    return bytes(encoded)


def unsigned(value: int) -> bytes:
    """Return a number as an option holds it: as few bytes as it takes, none for 0."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _options(data: bytes, at: int) -> tuple[list[Option], bytes]:
    """Return the options that begin `at`, and the payload behind them."""
    options: list[Option] = []
    number, size = 0, len(data)
    while at < size:
        head = data[at]
        at += 1
        if head == _PAYLOAD_MARKER:
            if at == size:
                raise NotUnderstood
            return options, data[at:]
        delta, length = head >> 4, head & 0x0F
        if delta > 12:
            delta, at = _extended(data, at, delta)
        if length > 12:
            length, at = _extended(data, at, length)
        number += delta
        end = at + length
        if end > size or len(options) == MOST_OPTIONS:
            raise NotUnderstood
        options.append((number, data[at:end]))
        at = end
    return options, b""


def _extended(data: bytes, at: int, nibble: int) -> tuple[int, int]:
    """Return a number that did not fit into four bits, and where what follows begins."""
    if nibble == 13 and at < len(data):
        return data[at] + 13, at + 1
    if nibble == 14 and at + 1 < len(data):
        return (data[at] << 8 | data[at + 1]) + 269, at + 2
    raise NotUnderstood


def _nibble(value: int) -> tuple[int, bytes]:
    if value < 13:
        return value, b""
    if value < 269:
        return 13, bytes((value - 13,))
    return 14, (value - 269).to_bytes(2, "big")
