"""A device on MQTT that goes to another node when its own is gone: publishes by number, obeys commands."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Callable

from tests.acceptance.numbered_publishing import (
    connect_packet,
    message_packet,
    publish_packet,
    subscribe_packet,
)

_COMMANDS, _REPLIES = b"v1/devices/me/rpc/request/", b"v1/devices/me/rpc/response/"
_CONNACK, _PUBLISH, _PUBACK, _SUBACK = 2, 3, 4, 9
_TRY_LATER = 3
_AWAY_S, _PACE_S = 0.05, 0.01
#: Packet ids up to here are of telemetry, those above of replies.
_HALF = 32_000


class RoamingDevice:
    """`choose_port` tells where a node listens that is thought to be there; `obeyed` counts commands."""

    def __init__(self, token: str, choose_port: Callable[[], int]) -> None:
        self.token = token
        self.sent = 0
        self.acknowledged: set[int] = set()
        self.obeyed: Counter[int] = Counter()
        self.connections = 0
        self._choose_port = choose_port
        self._under_way: dict[int, int] = {}
        #: Replies that were not acknowledged: they are sent again, as devices do.
        self._replies: dict[int, bytes] = {}

    async def roam(self) -> None:
        """Connect, again and again, until cancelled. Raises ConnectionRefusedError when it is not let in."""
        while True:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._choose_port())
                try:
                    await self._stay(reader, writer)
                finally:
                    writer.transport.abort()
            await asyncio.sleep(_AWAY_S)

    async def _stay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._under_way = {}
        writer.write(connect_packet(self.token, self.token))
        _, answer = await _packet(reader)
        if answer[1] == _TRY_LATER:
            return
        if answer[1]:
            raise AssertionError(f"{self.token} was refused with {answer[1]}")
        self.connections += 1
        writer.write(subscribe_packet(_HALF, _COMMANDS + b"+"))
        writer.writelines(self._replies.values())
        publishing = asyncio.create_task(self._publish(writer))
        try:
            while True:
                self._heard(*await _packet(reader), writer)
        finally:
            publishing.cancel()

    async def _publish(self, writer: asyncio.StreamWriter) -> None:
        while True:
            packet_id = self.sent % (_HALF - 1) + 1
            self._under_way[packet_id] = self.sent
            writer.write(publish_packet(packet_id, self.sent))
            self.sent += 1
            await asyncio.sleep(_PACE_S)

    def _heard(self, head: int, body: bytes, writer: asyncio.StreamWriter) -> None:
        kind = head >> 4
        if kind == _PUBACK:
            self._acknowledged(int.from_bytes(body, "big"))
        elif kind == _PUBLISH:
            length = int.from_bytes(body[:2], "big") + 2
            topic, packet_id, payload = body[2:length], body[length : length + 2], body[length + 2 :]
            self._obey(topic.removeprefix(_COMMANDS), payload, writer)
            writer.write(b"\x40\x02" + packet_id)
        elif kind != _SUBACK:
            raise AssertionError(f"{self.token} heard {kind}")

    def _acknowledged(self, packet_id: int) -> None:
        if packet_id < _HALF:
            self.acknowledged.add(self._under_way.pop(packet_id))
        else:
            self._replies.pop(packet_id, None)

    def _obey(self, command_id: bytes, payload: bytes, writer: asyncio.StreamWriter) -> None:
        number = json.loads(payload)["params"]["n"]
        self.obeyed[number] += 1
        packet_id = _HALF + 1 + number % _HALF
        reply = message_packet(_REPLIES + command_id, packet_id, json.dumps({"n": number}).encode())
        self._replies[packet_id] = reply
        writer.write(reply)


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readexactly(1))[0]
    length = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return head, await reader.readexactly(length)
