"""MQTT devices whose messages are numbered: they remember what was acknowledged, to be looked for later."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple, Protocol, cast

#: The moment of message 0; message n is n milliseconds later, so that each is a point of its own.
FIRST_MOMENT_MS = 1_700_000_000_000
#: The values of this series begin with the number, in so many digits.
SERIES = "note"
DIGITS = 13
_TOPIC = b"v1/devices/me/telemetry"
_CONNACK, _PUBACK = 2, 4


def connect_packet(client_id: str, user_name: str) -> bytes:
    """Return CONNECT of MQTT 3.1.1: a clean session, a user name, ten minutes of keep-alive."""
    body = _text(b"MQTT") + b"\x04\x82\x02\x58" + _text(client_id.encode()) + _text(user_name.encode())
    return b"\x10" + _length(len(body)) + body


def publish_packet(packet_id: int, number: int) -> bytes:
    """Return PUBLISH with QoS 1 of the telemetry message with that number."""
    note = f"{number:0{DIGITS}}x"  # a text of digits alone would be taken for a number
    payload = f'{{"ts":{FIRST_MOMENT_MS + number},"values":{{"{SERIES}":"{note}"}}}}'.encode()
    return message_packet(_TOPIC, packet_id, payload)


def message_packet(topic: bytes, packet_id: int, payload: bytes) -> bytes:
    """Return PUBLISH with QoS 1 of a message of less than 16,000 bytes."""
    body = _text(topic) + packet_id.to_bytes(2, "big") + payload
    return b"\x32" + _length(len(body)) + body


def subscribe_packet(packet_id: int, *filters: bytes) -> bytes:
    """Return SUBSCRIBE with QoS 1."""
    body = packet_id.to_bytes(2, "big") + b"".join(_text(it) + b"\x01" for it in filters)
    return b"\x82" + _length(len(body)) + body


def _text(text: bytes) -> bytes:
    return len(text).to_bytes(2, "big") + text


def _length(length: int) -> bytes:
    return bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])


class Publisher(Protocol):
    """Whoever published messages 0 to `sent`, not included, and knows which were acknowledged."""

    token: str
    sent: int
    acknowledged: set[int]


class NumberedDevice(asyncio.Protocol):
    """Keeps `window` messages unacknowledged until the connection ends."""

    def __init__(self, token: str, window: int) -> None:
        self.token = token
        self.sent = 0
        self.acknowledged: set[int] = set()
        self.refused = b""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._window = window
        self._under_way: dict[int, int] = {}
        self._left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sign in."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(connect_packet(self.token, self.token))

    def data_received(self, data: bytes) -> None:
        """Note acknowledgements and send as many new messages; the answers to come are four bytes each."""
        data = self._left + data
        whole = len(data) // 4 * 4
        for at in range(0, whole, 4):
            self._heard(data[at : at + 4])
        self._left = data[whole:]
        if not self._transport.is_closing():
            self._fill_window()

    def connection_lost(self, error: Exception | None) -> None:
        """Let the waiting one know."""
        self.ended.set_result(None)

    def _heard(self, packet: bytes) -> None:
        kind, body = packet[0] >> 4, int.from_bytes(packet[2:], "big")
        if kind == _PUBACK:
            self.acknowledged.add(self._under_way.pop(body))
        elif kind != _CONNACK or body:
            self.refused = packet
            self._transport.close()

    def _fill_window(self) -> None:
        packets = []
        while len(self._under_way) < self._window:
            packet_id = self.sent % 65_535 + 1
            self._under_way[packet_id] = self.sent
            packets.append(publish_packet(packet_id, self.sent))
            self.sent += 1
        self._transport.write(b"".join(packets))


async def start_publishing(port: int, tokens: Sequence[str], window: int) -> list[NumberedDevice]:
    """Connect a device with each token; each publishes from the moment it is let in."""
    loop = asyncio.get_running_loop()
    devices = [NumberedDevice(token, window) for token in tokens]
    for device in devices:
        await loop.create_connection(partial(_same, device), "127.0.0.1", port)
    return devices


def _same(device: NumberedDevice) -> NumberedDevice:
    return device


async def until_cut(devices: Sequence[NumberedDevice]) -> None:
    """Wait until the server has ended all connections. Raises ConnectionError if it refused any device."""
    await asyncio.gather(*(device.ended for device in devices))
    answers = [device.refused.hex() for device in devices if device.refused]
    if answers:
        raise ConnectionError(f"{len(answers)} devices were refused; the first answer was {answers[0]}")


class Verdict(NamedTuple):
    """How many messages were acknowledged, and what became of them.

    `lost`: acknowledged and not stored; `twice`: stored more than once; `invented`: stored and never sent;
    `unheard`: stored, but the acknowledgement did not arrive, which is nobody's fault.
    """

    acknowledged: int
    lost: int
    twice: int
    invented: int
    unheard: int


def judge(devices: Sequence[Publisher], stored: Mapping[str, Sequence[int]]) -> Verdict:
    """Compare what devices heard with the numbers that are stored, by token."""
    found = [_judge(it, stored.get(it.token, ())) for it in devices]
    return Verdict(*(sum(column) for column in zip(*found, strict=True)))


def _judge(device: Publisher, numbers: Sequence[int]) -> Verdict:
    times = Counter(numbers)
    return Verdict(
        acknowledged=len(device.acknowledged),
        lost=len(device.acknowledged - times.keys()),
        twice=sum(count > 1 for count in times.values()),
        invented=sum(not 0 <= number < device.sent for number in times),
        unheard=len(times.keys() - device.acknowledged),
    )
