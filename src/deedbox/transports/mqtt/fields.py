"""The building blocks of packets: numbers, texts and byte strings, read with all checks and written."""

from typing import NoReturn

from deedbox.transports.mqtt.reasons import Reason

_LONGEST = 65_535
_LARGEST_NUMBER = 268_435_455


class Malformed(Exception):
    """The bytes are no packet. `reason` is a reason code of MQTT 5."""

    def __init__(self, message: str, reason: int = Reason.MALFORMED_PACKET) -> None:
        super().__init__(message)
        self.reason = reason


def refuse(message: str, reason: int = Reason.MALFORMED_PACKET) -> NoReturn:
    """Raise Malformed."""
    raise Malformed(message, reason)


class FieldReader:
    """Reads one field after another from the body of a packet. All methods raise Malformed."""

    __slots__ = ("at", "body", "end")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.at = 0
        self.end = len(body)

    def byte(self) -> int:
        """Read a number of one byte."""
        return self._taken(1)[0]

    def two_bytes(self) -> int:
        """Read a number of two bytes."""
        return int.from_bytes(self._taken(2), "big")

    def four_bytes(self) -> int:
        """Read a number of four bytes."""
        return int.from_bytes(self._taken(4), "big")

    def variable(self) -> int:
        """Read a number of one to four bytes, seven bits in each; no byte more than it needs."""
        number = 0
        for shift in (0, 7, 14, 21):
            byte = self.byte()
            number |= (byte & 127) << shift
            if byte < 128:
                if not byte and shift:
                    refuse("A variable byte integer is longer than its number needs.")
                return number
        refuse("A variable byte integer goes on after its fourth byte.")

    def binary(self) -> bytes:
        """Read bytes with their length before them."""
        return self._taken(self.two_bytes())

    def text(self) -> str:
        """Read UTF-8 text with its length before it."""
        return text_of(self.binary())

    def pair(self) -> tuple[str, str]:
        """Read two texts."""
        return self.text(), self.text()

    def packet_id(self) -> int:
        """Read the number of a packet; it is never 0."""
        return self.two_bytes() or refuse(
            "A packet identifier is 0; 1 to 65535 was expected.", Reason.PROTOCOL_ERROR
        )

    def part(self, length: int) -> "FieldReader":
        """Read `length` bytes, as something to read fields from."""
        return FieldReader(self._taken(length))

    def rest(self) -> bytes:
        """Read all that is left."""
        return self._taken(self.end - self.at)

    def finish(self) -> None:
        """Check that nothing is left."""
        if self.at != self.end:
            refuse(f"A packet has {self.end - self.at} bytes more than its fields.")

    def _taken(self, length: int) -> bytes:
        start = self.at
        self.at += length
        if self.at > self.end:
            refuse("A packet ends before its fields do.")
        return self.body[start : self.at]


def text_of(raw: bytes) -> str:
    """Return UTF-8 as text. Raises Malformed for other bytes, for surrogates and for U+0000."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        refuse("A text is not UTF-8.")
    if "\0" in text:
        refuse("A text holds U+0000.")
    return text


def written_variable(number: int) -> bytes:
    """Write a number of one to four bytes. Raises ValueError outside of 0 to 268,435,455."""
    if not 0 <= number <= _LARGEST_NUMBER:
        raise ValueError(f"A variable byte integer is 0 to 268435455, not {number}.")
    written = bytearray()
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    written.append(number)
    return bytes(written)


def written_binary(data: bytes) -> bytes:
    """Write bytes with their length before them. Raises ValueError for more than 65,535."""
    if len(data) > _LONGEST:
        raise ValueError(f"A field holds at most {_LONGEST} bytes, not {len(data)}.")
    return len(data).to_bytes(2, "big") + data


def written_text(text: str) -> bytes:
    """Write UTF-8 with its length before it. Raises ValueError for more than 65,535 bytes."""
    return written_binary(text.encode())


def written_pair(pair: tuple[str, str]) -> bytes:
    """Write two texts. Raises ValueError as `written_text` does."""
    return written_text(pair[0]) + written_text(pair[1])
