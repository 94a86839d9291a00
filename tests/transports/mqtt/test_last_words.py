"""Clients that are still sending when the server lets them go read why; nobody keeps sockets open by that."""

import asyncio
import socket

import pytest

from deedbox.transports.mqtt import encoding, last_words
from deedbox.transports.mqtt.decoding import Decoder
from deedbox.transports.mqtt.packets import ConnAck, Connect, Disconnect, Packet, PingReq, Publish
from deedbox.transports.mqtt.reasons import Reason
from tests.ports import free_port
from tests.transports.device_site import PATIENCE_MS, TOKEN
from tests.transports.mqtt.joined import TELEMETRY, JoinedSite

HOST = "127.0.0.1"
BAD = encoding.encode(Connect(5, client_id="c", username=TOKEN), 5) + encoding.encode(
    Publish(TELEMETRY, b"{}", 1, 1, retain=True), 5
)


async def listening(site: JoinedSite) -> int:
    """Listen; the port."""
    port = free_port()
    bound = socket.create_server((HOST, port))
    bound.setblocking(False)
    await site.server.listen([bound])
    return port


async def until(site: JoinedSite, connections: int, lingering: int) -> None:
    """Wait until so many connections are there, and so many that are over."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while (site.server.connection_count, len(site.server.last_words)) != (connections, lingering):  # noqa: ASYNC110 - it says what holds, not when
            await asyncio.sleep(0.002)


async def all_of(client: socket.socket) -> list[Packet]:
    """Read to the end, which is no reset."""
    decoder, got = Decoder(2**28, 5), list[Packet]()
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while data := await asyncio.get_running_loop().sock_recv(client, 65_536):
            got += decoder.feed(data)
    return got


@pytest.fixture
async def client(site: JoinedSite) -> socket.socket:
    """A socket that nothing reads by itself."""
    port = await listening(site)
    made = socket.socket()
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, (HOST, port))
    return made


async def test_who_goes_on_sending_reads_why_it_ended(site: JoinedSite, client: socket.socket) -> None:
    """MQTT 5 §4.13: DISCONNECT is worth nothing when a reset overtakes it."""
    loop = asyncio.get_running_loop()
    with client:
        await loop.sock_sendall(client, BAD)
        await until(site, 0, 1)
        for _ in range(3):
            await loop.sock_sendall(client, encoding.encode(PingReq(), 5) * 10_000)
            await asyncio.sleep(0)
        assert [type(it) for it in await all_of(client)] == [ConnAck, Disconnect]
    await until(site, 0, 0)


async def test_who_never_closes_is_closed(
    site: JoinedSite, client: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_words, "_LONGEST_S", 0.01)
    with client:
        await asyncio.get_running_loop().sock_sendall(client, BAD)
        ended = (await all_of(client))[-1]
        assert isinstance(ended, Disconnect) and ended.reason == Reason.RETAIN_NOT_SUPPORTED
        await until(site, 0, 0)


async def test_so_many_only(site: JoinedSite, client: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of bad clients: the next one is closed at once."""
    monkeypatch.setattr(last_words, "MOST", 0)
    with client:
        await asyncio.get_running_loop().sock_sendall(client, BAD)
        assert [type(it) for it in await all_of(client)] == [ConnAck, Disconnect]
        await until(site, 0, 0)
