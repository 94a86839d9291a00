"""The server on real sockets: TLS, peers that vanish, slow readers, back-pressure, the end."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest
from OpenSSL import SSL

from deedbox.serving.encrypted import Encrypting, certificate_context
from deedbox.transports.mqtt import encoding, pausing
from deedbox.transports.mqtt.decoding import Decoder
from deedbox.transports.mqtt.packets import (
    ConnAck,
    Connect,
    Disconnect,
    Packet,
    PingReq,
    PingResp,
    PubAck,
    SubAck,
    Subscribe,
    Subscription,
    Will,
)
from deedbox.transports.mqtt.reasons import Reason
from deedbox.transports.settings import JournalSettings
from tests.certificates import MadeCertificate, make_certificate
from tests.ports import free_port
from tests.transports.device_site import PATIENCE_MS, TOKEN
from tests.transports.mqtt.joined import ATTRIBUTES, TELEMETRY, JoinedSite, message

HOST = "127.0.0.1"
P = TypeVar("P", bound=Packet)


class SocketClient:
    """A device with a socket of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, level: int) -> None:
        self.reader, self.writer, self.level = reader, writer, level
        self._decoder = Decoder(2**28, level)
        self._got: list[Packet] = []

    def send(self, *packets: Packet) -> None:
        """Send packets in one piece."""
        self.writer.write(b"".join(encoding.encode(it, self.level) for it in packets))

    async def next(self, kind: type[P]) -> P:
        """Wait for the next packet, which is of this kind."""
        packet = await self.next_of_any()
        assert isinstance(packet, kind), packet
        return packet

    async def next_of_any(self) -> Packet:
        """Wait for the next packet."""
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while not self._got:
                data = await self.reader.read(65_536)
                assert data, "closed by the server"
                self._got += self._decoder.feed(data)
        return self._got.pop(0)

    async def ended(self) -> list[Packet]:
        """Wait for the end and return what came before it."""
        async with asyncio.timeout(PATIENCE_MS / 1000):
            try:
                while data := await self.reader.read(65_536):
                    self._got += self._decoder.feed(data)
            except ConnectionError:
                pass
        return self._got

    async def sign_in(self, client_id: str = "c", **fields: Any) -> None:
        """Connect with the device's token."""
        self.send(Connect(self.level, client_id=client_id, username=TOKEN, **fields))
        assert (await self.next(ConnAck)).reason == 0

    async def close(self) -> None:
        """Close the socket, whatever is under way."""
        self.writer.transport.abort()
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    def reset(self) -> None:
        """Vanish without a good-bye, as after a crash."""
        own = self.writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Listening:
    """A site that listens on a port."""

    def __init__(self, site: JoinedSite, stack: AsyncExitStack) -> None:
        self.site = site
        self.port = free_port()
        self._stack = stack

    async def begin(self, tls: Encrypting | None = None) -> None:
        """Listen."""
        bound = socket.create_server((HOST, self.port))
        bound.setblocking(False)
        await self.site.server.listen([bound], tls.around if tls else None)

    async def client(self, level: int = 5, **how: Any) -> SocketClient:
        """Return a connection on which nothing was sent."""
        reader, writer = await asyncio.open_connection(sock=await self._connected(), **how)
        client = SocketClient(reader, writer, level)
        self._stack.push_async_callback(client.close)
        return client

    async def _connected(self) -> socket.socket:
        made = socket.socket()
        # Small, so that whoever does not read is noticed soon.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        made.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(made, (HOST, self.port))
        except OSError:
            made.close()
            raise
        return made

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while not holds():  # noqa: ASYNC110 - it says what holds, not when
                await asyncio.sleep(0.002)


NewListening = Callable[..., Awaitable[Listening]]


@pytest.fixture
async def new_listening(new_site: Callable[..., Awaitable[JoinedSite]]) -> AsyncIterator[NewListening]:
    """Make a site that listens."""
    async with AsyncExitStack() as stack:

        async def make(tls: Encrypting | None = None, **settings: Any) -> Listening:
            made = Listening(await new_site(**settings), stack)
            await made.begin(tls)
            return made

        yield make


def encrypted(made: MadeCertificate) -> Encrypting:
    """TLS with the server's certificate."""
    return Encrypting(certificate_context(SSL.TLS_METHOD, made.certificate, made.key))


@pytest.mark.parametrize("level", [3, 4, 5])
async def test_a_device_over_tls(new_listening: NewListening, tmp_path: Path, level: int) -> None:
    """Also with messages that fill several records."""
    made = make_certificate(tmp_path)
    it = await new_listening(encrypted(made))
    client = await it.client(
        level, ssl=ssl.create_default_context(cafile=str(made.certificate)), server_hostname=HOST
    )
    await client.sign_in()
    large = "x" * 60_000
    client.send(message(TELEMETRY, {"t": 1}, 1, 1), message(TELEMETRY, {"t": large}, 1, 2), PingReq())
    got = {type(await client.next_of_any()) for _ in range(3)}
    assert got == {PubAck, PingResp}
    assert await it.site.latest() == {"t": large}


async def test_plain_clients_on_the_port_of_tls(new_listening: NewListening, tmp_path: Path) -> None:
    made = make_certificate(tmp_path)
    it = await new_listening(encrypted(made))
    client = await it.client()
    client.send(Connect(5, client_id="c", username=TOKEN))
    await client.ended()
    assert it.site.server.connection_count == 0


async def test_whoever_says_nothing_is_let_go(new_listening: NewListening) -> None:
    it = await new_listening()
    client = await it.client()
    client.writer.write(b"\x10")
    await it.until(lambda: it.site.server.connection_count == 1)
    await it.site.pass_ms(12_000)
    assert await client.ended() == []
    assert it.site.server.connection_count == 0


async def test_a_connection_that_is_open_on_one_side_only(new_listening: NewListening) -> None:
    """The device has closed its way out, and may still read: it is gone as far as we know."""
    it = await new_listening()
    client = await it.client()
    await client.sign_in(will=Will(TELEMETRY, b'{"online":false}'))
    client.writer.write_eof()
    await client.ended()
    await it.until(lambda: it.site.server.connection_count == 0)
    await it.site.settled()
    assert await it.site.latest() == {"online": False}


async def test_a_device_that_vanishes(new_listening: NewListening) -> None:
    it = await new_listening()
    client = await it.client()
    await client.sign_in(will=Will(TELEMETRY, b'{"online":false}'))
    client.reset()
    await it.until(lambda: it.site.server.connection_count == 0)
    await it.site.settled()
    assert await it.site.latest() == {"online": False}


async def test_a_device_that_is_silent_for_too_long(new_listening: NewListening) -> None:
    it = await new_listening()
    client = await it.client()
    await client.sign_in(keep_alive_s=10)
    await it.site.pass_ms(17_000)
    ending = await client.ended()
    assert [type(packet) for packet in ending] == [Disconnect]


async def test_a_device_that_drips(new_listening: NewListening) -> None:
    """Slow-loris after CONNECT: bytes that complete no packet keep nobody connected."""
    it = await new_listening()
    client = await it.client()
    await client.sign_in(keep_alive_s=10, will=Will(TELEMETRY, b'{"online":false}'))
    [connection] = it.site.server._connections
    await it.site.pass_ms(1_000)
    for byte in encoding.encode(message(TELEMETRY, {"t": 1}), 5)[:3]:
        client.writer.write(bytes((byte,)))
        await it.until(lambda: connection.heard_at_ms == it.site.sqlite.now_ms)
        await it.site.pass_ms(6_000)
    ending = await client.ended()
    assert [getattr(packet, "reason", None) for packet in ending] == [Reason.KEEP_ALIVE_TIMEOUT]


@pytest.mark.parametrize("level", [4, 5])
async def test_fragments_of_one_byte(new_listening: NewListening, level: int) -> None:
    """Each byte in a segment of its own, from CONNECT on."""
    it = await new_listening()
    client = await it.client(level)
    client.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    packets = (Connect(level, client_id="c", username=TOKEN), message(TELEMETRY, {"t": 7}), PingReq())
    for byte in b"".join(encoding.encode(packet, level) for packet in packets):
        client.writer.write(bytes((byte,)))
        await asyncio.sleep(0)
    assert {type(await client.next_of_any()) for _ in range(3)} == {ConnAck, PubAck, PingResp}
    assert await it.site.latest() == {"t": 7}


async def test_who_never_reads_is_cut(new_listening: NewListening) -> None:
    """What is pushed to it would pile up for ever; nobody else notices."""
    it = await new_listening()
    slow, other = await it.client(4), await it.client(4)
    for name, client in (("slow", slow), ("other", other)):
        await client.sign_in(name)
    slow.send(Subscribe(1, [Subscription(ATTRIBUTES, 0)]))
    await slow.next(SubAck)
    slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
    text = "x" * 200_000
    for number in range(200):
        await it.site.share(big=f"{number} {text}")
        await it.site.settled()
        if it.site.server.connection_count == 1:
            break
    assert it.site.server.connection_count == 1
    other.send(PingReq())
    await other.next(PingResp)


async def test_who_reads_late_gets_all(new_listening: NewListening) -> None:
    """It is not read from until it has read."""
    it = await new_listening()
    client = await it.client(4)
    await client.sign_in()
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    count = 2_000_000
    client.writer.write(encoding.PINGREQ * count)
    await it.until(lambda: any(_paused_for(one) & pausing.UNREAD for one in it.site.server._connections))
    client.writer.transport.resume_reading()  # type: ignore[attr-defined]
    async with asyncio.timeout(3 * PATIENCE_MS / 1000):
        received = await client.reader.readexactly(2 * count)
    assert received == encoding.PINGRESP * count


def _paused_for(connection: Any) -> int:
    why: int = connection._paused_for
    return why


async def test_a_full_journal_stops_devices_until_there_is_room(new_listening: NewListening) -> None:
    it = await new_listening(journal=JournalSettings(most_waiting=100, most_messages=50, delay_ms=600_000))
    client = await it.client(4)
    await client.sign_in()
    for number in range(1, 52):
        client.send(message(TELEMETRY, {"t": number}, 1, number))
        assert (await client.next(PubAck)).packet_id == number
    connection = next(iter(it.site.server._connections))
    assert _paused_for(connection) == pausing.NO_ROOM
    client.send(message(TELEMETRY, {"t": 52}, 1, 52))
    await it.site.settled()
    assert await it.site.latest() == {"t": 51}
    assert (await client.next(PubAck)).packet_id == 52
    assert _paused_for(connection) == 0
    assert await it.site.latest() == {"t": 52}


async def test_a_server_that_stops_says_so(new_listening: NewListening) -> None:
    """MQTT 5 §4.13: 0x8B; and what was sent is stored."""
    it = await new_listening()
    clients = [await it.client(5), await it.client(4)]
    for number, client in enumerate(clients):
        await client.sign_in(f"c{number}")
    clients[0].send(message(TELEMETRY, {"t": 1}, 1, 1))
    await clients[0].next(PubAck)
    await it.site.server.close()
    ends = [await client.ended() for client in clients]
    assert [packet.reason for packet in ends[0] if isinstance(packet, Disconnect)] == [
        Reason.SERVER_SHUTTING_DOWN
    ]
    assert ends[1] == []
    with pytest.raises(ConnectionError):
        await it.client()


async def test_more_connections_than_there_may_be(new_listening: NewListening) -> None:
    it = await new_listening(most_connections=2)
    first, second = await it.client(), await it.client()
    await first.sign_in("a")
    await second.sign_in("b")
    third = await it.client()
    assert await third.ended() == []
    first.send(PingReq())
    await first.next(PingResp)
    second.reset()
    await it.until(lambda: it.site.server.connection_count == 1)
    await (await it.client()).sign_in("d")


async def test_many_at_once_do_not_disturb_each_other(new_listening: NewListening) -> None:
    it = await new_listening(most_per_device=30, most_connections=30)
    clients = [await it.client(3 + number % 3) for number in range(20)]
    await asyncio.gather(*[client.sign_in(f"c{number}") for number, client in enumerate(clients)])
    for number, client in enumerate(clients):
        client.send(message(TELEMETRY, {f"n{number}": number}, 1, 7))
    assert [(await client.next(PubAck)).packet_id for client in clients] == [7] * 20
    assert await it.site.latest() == {f"n{number}": number for number in range(20)}
