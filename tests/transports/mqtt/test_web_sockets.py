"""MQTT over WebSocket on real sockets: any framing, who is no client, slow readers, both ends."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from deedbox.serving.servers import HttpServer
from deedbox.transports.mqtt import encoding
from deedbox.transports.mqtt.decoding import Decoder
from deedbox.transports.mqtt.packets import (
    ConnAck,
    Connect,
    Disconnect,
    Packet,
    PubAck,
    SubAck,
    Subscribe,
    Subscription,
    Will,
)
from deedbox.transports.mqtt.reasons import Reason
from deedbox.transports.mqtt.web_sockets import MqttWebSockets
from tests.ports import free_port
from tests.transports.device_site import PATIENCE_MS, TOKEN
from tests.transports.mqtt.joined import ATTRIBUTES, TELEMETRY, JoinedSite, message

HOST = "127.0.0.1"
LARGEST_MESSAGE_BYTES = 70_000


class WebClient:
    """A device with a WebSocket of its own."""

    def __init__(self, wire: ClientConnection, level: int) -> None:
        self.wire, self.level = wire, level
        self._decoder = Decoder(2**28, level)
        self._got: list[Packet] = []

    async def send(self, *packets: Packet, at_once: int = 65_536) -> None:
        """Send packets, in messages of so many bytes."""
        data = b"".join(encoding.encode(it, self.level) for it in packets)
        for start in range(0, len(data), at_once):
            await self.wire.send(data[start : start + at_once])

    async def next(self) -> Packet:
        """Wait for the next packet."""
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while not self._got:
                data = await self.wire.recv()
                assert isinstance(data, bytes), data
                self._got += self._decoder.feed(data)
        return self._got.pop(0)

    async def sign_in(self, at_once: int = 65_536, **fields: Any) -> None:
        """Connect with the device's token."""
        await self.send(Connect(self.level, client_id="c", username=TOKEN, **fields), at_once=at_once)
        answer = await self.next()
        assert isinstance(answer, ConnAck) and answer.reason == 0, answer

    async def closed(self) -> int:
        """Wait for the end and return WebSocket's reason."""
        async with asyncio.timeout(PATIENCE_MS / 1000):
            try:
                while True:
                    data = await self.wire.recv()
                    self._got += self._decoder.feed(data) if isinstance(data, bytes) else []
            except ConnectionClosed as end:
                return end.rcvd.code if end.rcvd else 1006

    @property
    def reasons(self) -> list[int]:
        """Reasons of the DISCONNECTs that came before the end."""
        return [it.reason for it in self._got if isinstance(it, Disconnect)]


class WebSite:
    """A site that speaks MQTT over WebSocket on a port."""

    def __init__(self, site: JoinedSite, stack: AsyncExitStack) -> None:
        self.site = site
        self.application = MqttWebSockets(site.server)
        self.port = free_port()
        self._stack = stack

    async def begin(self) -> None:
        """Listen."""
        bound = socket.create_server((HOST, self.port))
        server = HttpServer(self.application, [bound], 5, 1, LARGEST_MESSAGE_BYTES)
        serving = asyncio.create_task(server.run_until_stopped())

        async def end() -> None:
            server.stop()
            await serving
            bound.close()

        self._stack.push_async_callback(end)
        await server.is_open.wait()

    async def client(self, level: int = 5, *subprotocols: Any, **how: Any) -> WebClient:
        """Return a connection on which nothing was sent."""
        offered = list(subprotocols or ["mqtt"])
        url = f"ws://{HOST}:{self.port}/mqtt"
        wire = await connect(url, subprotocols=offered, ping_interval=None, close_timeout=1, **how)
        self._stack.push_async_callback(wire.close)
        return WebClient(wire, level)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while not holds():  # noqa: ASYNC110 - it says what holds, not when
                await asyncio.sleep(0.002)


NewWebSite = Callable[..., Awaitable[WebSite]]


@pytest.fixture
async def new_web_site(new_site: Callable[..., Awaitable[JoinedSite]]) -> AsyncIterator[NewWebSite]:
    """Make a site that speaks MQTT over WebSocket."""
    async with AsyncExitStack() as stack:

        async def make(**settings: Any) -> WebSite:
            made = WebSite(await new_site(**settings), stack)
            await made.begin()
            return made

        yield make


@pytest.mark.parametrize("at_once", [1, 7, 65_536])
@pytest.mark.parametrize("level", [3, 4, 5])
async def test_packets_are_cut_in_any_way(new_web_site: NewWebSite, level: int, at_once: int) -> None:
    """MQTT 5 §6.0: a message may hold a part of a packet, or several."""
    it = await new_web_site()
    client = await it.client(level)
    await client.sign_in(at_once)
    sent = [message(TELEMETRY, {f"n{number}": number}, 1, number) for number in (1, 2, 3)]
    await client.send(*sent, at_once=at_once)
    answers = [await client.next() for _ in sent]
    assert [one.packet_id for one in answers if isinstance(one, PubAck)] == [1, 2, 3]
    assert await it.site.latest() == {"n1": 1, "n2": 2, "n3": 3}


async def test_a_packet_in_fragments_of_a_message(new_web_site: NewWebSite) -> None:
    it = await new_web_site()
    client = await it.client()
    opening = encoding.encode(Connect(5, client_id="c", username=TOKEN), 5)
    await client.wire.send([opening[:5], opening[5:6], opening[6:]])
    assert isinstance(await client.next(), ConnAck)


@pytest.mark.parametrize(("offered", "chosen"), [(["mqttv3.1"], "mqttv3.1"), (["x", "mqtt"], "mqtt")])
async def test_the_subprotocol_is_chosen(new_web_site: NewWebSite, offered: list[str], chosen: str) -> None:
    client = await (await new_web_site()).client(4, *offered)
    assert client.wire.subprotocol == chosen
    await client.sign_in()


async def test_who_does_not_offer_mqtt_is_turned_away(new_web_site: NewWebSite) -> None:
    """MQTT 5 §6.0: the client must offer it."""
    it = await new_web_site()
    with pytest.raises(InvalidStatus) as refused:
        await it.client(5, "chat")
    assert refused.value.response.status_code == 400
    assert b"Sec-WebSocket-Protocol" in (refused.value.response.body or b"")
    assert it.site.server.connection_count == 0


async def test_text_ends_the_connection(new_web_site: NewWebSite) -> None:
    """MQTT 5 §6.0: whoever gets another kind of message closes; a will is published."""
    it = await new_web_site()
    client = await it.client()
    await client.sign_in(will=Will(TELEMETRY, b'{"online":false}'))
    await client.wire.send("text")
    assert await client.closed() == 1003
    await it.until(lambda: it.site.server.connection_count == 0)


@pytest.mark.parametrize("level", [4, 5])
async def test_no_mqtt_ends_the_connection(new_web_site: NewWebSite, level: int) -> None:
    """In version 5 with a DISCONNECT before WebSocket's own end."""
    it = await new_web_site()
    client = await it.client(level)
    await client.sign_in()
    await client.wire.send(b"\x00\x00")
    assert await client.closed() == 1000
    assert client.reasons == ([Reason.MALFORMED_PACKET] if level == 5 else [])
    await it.until(lambda: it.site.server.connection_count == 0)


async def test_a_device_that_vanishes(new_web_site: NewWebSite) -> None:
    it = await new_web_site()
    client = await it.client()
    await client.sign_in()
    client.wire.transport.abort()
    await it.until(lambda: it.site.server.connection_count == 0)


async def test_a_message_that_is_too_long_for_the_listener(new_web_site: NewWebSite) -> None:
    it = await new_web_site()
    client = await it.client()
    await client.sign_in()
    await client.wire.send(bytes(LARGEST_MESSAGE_BYTES + 1))
    assert await client.closed() == 1009
    await it.until(lambda: it.site.server.connection_count == 0)


async def test_who_never_reads_is_cut(new_web_site: NewWebSite) -> None:
    """What is pushed to it would pile up for ever (performance 9)."""
    it = await new_web_site()
    client = await it.client(4, max_queue=1)
    await client.sign_in()
    await client.send(Subscribe(1, [Subscription(ATTRIBUTES, 0)]))
    assert isinstance(await client.next(), SubAck)
    client.wire.transport.pause_reading()
    text = "x" * 200_000
    for number in range(200):
        await it.site.share(big=f"{number} {text}")
        await asyncio.sleep(0.01)
        if not it.site.server.connection_count:
            break
    assert it.site.server.connection_count == 0


async def test_more_connections_than_there_may_be(new_web_site: NewWebSite) -> None:
    it = await new_web_site(most_connections=1)
    await (await it.client()).sign_in()
    assert await (await it.client()).closed() == 1006
    assert it.site.server.connection_count == 1


async def test_a_server_that_stops_says_so(new_web_site: NewWebSite) -> None:
    """MQTT 5 §4.13: 0x8B; and what was sent is stored."""
    it = await new_web_site()
    client = await it.client()
    await client.sign_in()
    await client.send(message(TELEMETRY, {"t": 1}, 1, 1))
    assert isinstance(await client.next(), PubAck)
    it.application.end()
    assert await client.closed() == 1000
    assert client.reasons == [Reason.SERVER_SHUTTING_DOWN]
    assert await it.site.latest() == {"t": 1}
