"""Turns the bytes of a connection into packets: framing, limits, and the short way for telemetry."""

from typing import Final

import msgspec

from deedbox.transports.mqtt.bodies import BODIES, check_flags, read_publish
from deedbox.transports.mqtt.fields import FieldReader, Malformed, refuse
from deedbox.transports.mqtt.opening import read_connect, read_level
from deedbox.transports.mqtt.packet_types import PacketType
from deedbox.transports.mqtt.packets import Connect, Packet, Publish
from deedbox.transports.mqtt.reasons import Reason

_LEVEL_BEFORE_CONNECT = 4
_LONGEST_REMEMBERED_TOPIC = 128
#: PUBLISH with QoS 0 and 1, neither retained nor a duplicate.
_QOS_0: Final = 0x30
_QOS_1: Final = 0x32
#: All first bytes that are well-formed in every version.
_FIRST_BYTES: Final = frozenset(
    b"\x10\x20\x30\x31\x32\x33\x34\x35\x3a\x3b\x3c\x3d\x40\x50\x62\x70\x82\x90\xa2\xb0\xc0\xd0\xe0"
)
#: Matches no first byte.
_NOTHING: Final = -1


class Failure(msgspec.Struct, frozen=True):
    """Why no more packets come: a reason code of MQTT 5 and a sentence without anything that was sent."""

    reason: int
    message: str


class Decoder:
    """Turns the bytes of one connection into packets, of either direction.

    `level` is that of the first CONNECT, 0 before; packets before it are read as MQTT 3.1.1. When that
    CONNECT names a version that is not ours, `failure` has UNSUPPORTED_PROTOCOL_VERSION and `level` is the
    one to answer in. `largest_packet_bytes` counts whole packets and may be changed at any time.
    """

    __slots__ = (
        "_first",
        "_incomplete",
        "_needed_bytes",
        "_raw_topic",
        "_topic",
        "failure",
        "largest_packet_bytes",
        "level",
    )

    def __init__(self, largest_packet_bytes: int, level: int = 0) -> None:
        self.largest_packet_bytes = largest_packet_bytes
        self.level = level
        self.failure: Failure | None = None
        self._incomplete: bytearray | None = None
        self._needed_bytes = 0
        # The first byte and the topic of the last message: most devices repeat them.
        self._first = _NOTHING
        self._raw_topic = b""
        self._topic = ""

    @property
    def buffered_bytes(self) -> int:
        """How much has come of a packet whose end has not; always less than the largest packet."""
        return len(self._incomplete or b"")

    def feed(self, data: bytes) -> list[Packet]:
        """Return the packets that are complete with `data`. Never raises: a `failure` ends it all."""
        packets: list[Packet] = []
        if self.failure is not None:
            return packets
        if self._incomplete is not None:
            self._incomplete += data
            if len(self._incomplete) < self._needed_bytes:
                return packets
            data, self._incomplete = bytes(self._incomplete), None
        try:
            self._read(data, packets)
        except Malformed as malformed:
            self.failure = Failure(malformed.reason, str(malformed))
        return packets

    def _read(self, data: bytes, packets: list[Packet]) -> None:
        position, end = 0, len(data)
        while position < end:
            if data[position] == self._first:
                position = self._read_repeated(data, position, packets)
                if position == end:
                    return
            body_at, stop = self._frame(data, position)
            if stop > end:
                self._incomplete, self._needed_bytes = bytearray(data[position:]), stop - position
                return
            packets.append(self._packet(data[position], data[body_at:stop]))
            position = stop

    def _read_repeated(self, data: bytes, position: int, packets: list[Packet]) -> int:
        """Read messages that are like the last one, and return where the first that is not begins.

        This loop is what a server does all day. It leaves whatever is unusual to the long way.
        """
        first, raw_topic, topic, end = self._first, self._raw_topic, self._topic, len(data)
        qos, has_properties = first >> 1 & 1, self.level == 5
        before_payload = len(raw_topic) + 2 * qos + has_properties
        id_back, longest, packet_id = 2 + has_properties, self.largest_packet_bytes - 3, 0
        while end - position > before_payload and data[position] == first:
            length, start = data[position + 1], position + 2
            if length > 127:
                if not 0 < data[start] < 128:
                    break
                length += (data[start] << 7) - 128
                start += 1
            stop = start + length
            if stop > end or not before_payload <= length <= longest or not data.startswith(raw_topic, start):
                break
            start += before_payload
            if has_properties and data[start - 1]:
                break
            if qos:
                packet_id = data[start - id_back] << 8 | data[start - id_back + 1]
                if not packet_id:
                    break
            packets.append(Publish(topic, data[start:stop], qos, packet_id))
            position = stop
        return position

    def _frame(self, data: bytes, position: int) -> tuple[int, int]:
        """Return where the body begins and where the packet ends, as far as is known: maybe after `data`."""
        if data[position] not in _FIRST_BYTES:
            check_flags(data[position] >> 4, data[position] & 15, self.level or _LEVEL_BEFORE_CONNECT)
        length, at, end = 0, position + 1, min(len(data), position + 5)
        while at < end:
            byte = data[at]
            length |= (byte & 127) << 7 * (at - position - 1)
            at += 1
            if byte < 128:
                self._check_length(length, at - position, byte)
                return at, at + length
        if at == position + 5:
            refuse("The length of a packet goes on after its fourth byte.")
        return at, at + 1

    def _check_length(self, length: int, header_bytes: int, last_byte: int) -> None:
        if header_bytes + length > self.largest_packet_bytes:
            refuse(
                f"A packet has {header_bytes + length} bytes; at most {self.largest_packet_bytes} are read.",
                Reason.PACKET_TOO_LARGE,
            )
        if self.level == 5 and not last_byte and header_bytes > 2:
            refuse("The length of a packet is written in more bytes than it needs.")

    def _packet(self, first: int, body: bytes) -> Packet:
        reader, packet_type, level = FieldReader(body), first >> 4, self.level or _LEVEL_BEFORE_CONNECT
        if packet_type == PacketType.PUBLISH:
            message = read_publish(reader, level, first & 15)
            self._remember(first, message.topic, body)
            return message
        packet = (
            self._connect(reader) if packet_type == PacketType.CONNECT else BODIES[packet_type](reader, level)
        )
        reader.finish()
        return packet

    def _connect(self, reader: FieldReader) -> Connect:
        level, is_known = read_level(reader)
        is_first = not self.level
        if is_first:
            self.level = level
        if not is_known:
            reason = Reason.UNSUPPORTED_PROTOCOL_VERSION if is_first else Reason.PROTOCOL_ERROR
            refuse("CONNECT names a protocol that is not MQTT 3.1, 3.1.1 or 5.", reason)
        return read_connect(reader, level)

    def _remember(self, first: int, topic: str, body: bytes) -> None:
        length = body[1]
        usual = first in (_QOS_0, _QOS_1) and not body[0] and 0 < length <= _LONGEST_REMEMBERED_TOPIC
        if not usual:
            self._first = _NOTHING
        elif first != self._first or not body.startswith(self._raw_topic):
            self._first, self._raw_topic, self._topic = first, body[: length + 2], topic
