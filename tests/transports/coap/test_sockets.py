"""Real sockets: peers by their addresses, the one that was silent for longest is forgotten first."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from deedbox.transports.coap.codes import Code
from deedbox.transports.coap.messages import Message, decode, encode
from deedbox.transports.coap.sockets import LARGEST_DATAGRAM_BYTES, CoapSocket
from tests.ports import free_port
from tests.transports.coap.coap_site import CoapSite
from tests.transports.device_site import PATIENCE_MS

HOST = "127.0.0.1"


class Remote:
    """A device with a socket of its own."""

    def __init__(self, site: CoapSite, port: int) -> None:
        self._made = site.peer()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.connect((HOST, port))

    async def ask(self, code: Code, path: str, payload: Any = b"") -> Message:
        """Send a request; return the next message that comes."""
        return await self.send(encode(self._made.request(code, path, payload)))

    async def send(self, datagram: bytes) -> Message:
        """Send a datagram; return the next message that comes."""
        loop = asyncio.get_running_loop()
        self._socket.send(datagram)
        async with asyncio.timeout(PATIENCE_MS / 1000):
            return decode(await loop.sock_recv(self._socket, 65_536))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


@asynccontextmanager
async def served(site: CoapSite) -> AsyncIterator[tuple[CoapSocket, Callable[[], Remote]]]:
    """Serve the endpoint of a site; yield its socket, and what makes devices."""
    port, remotes = free_port(), []
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind((HOST, port))
    there = CoapSocket(bound, site.endpoint)

    def remote() -> Remote:
        remotes.append(Remote(site, port))
        return remotes[-1]

    try:
        yield there, remote
    finally:
        there.stop_reading()
        there.close()
        for it in remotes:
            it.close()


async def test_devices_have_sockets(site: CoapSite) -> None:
    async with served(site) as (there, remote):
        for number in range(3):
            answer = await remote().ask(Code.POST, "telemetry", {"n": number})
            assert answer.code == Code.CREATED
        assert there.peers == 3
    assert await site.latest() == {"n": 2}


async def test_a_datagram_that_is_too_long(site: CoapSite) -> None:
    async with served(site) as (_, remote):
        device = remote()
        answer = await device.ask(Code.POST, "telemetry", b" " * LARGEST_DATAGRAM_BYTES)
        assert (answer.code, answer.token) == (Code.REQUEST_ENTITY_TOO_LARGE, b"\x01")
        assert (await device.ask(Code.POST, "telemetry", {"n": 1})).code == Code.CREATED


async def test_what_is_no_coap_ends_nothing(site: CoapSite) -> None:
    async with served(site) as (there, remote):
        device = remote()
        for datagram in (b"", b"\0", b"\x80\x01\0\0", b"\xff" * 9_000):
            device._socket.send(datagram)
        assert (await device.ask(Code.POST, "telemetry", {"n": 1})).code == Code.CREATED
        assert there.peers == 1


async def test_so_many_peers_are_remembered(new_site: Callable[..., Any]) -> None:
    site: CoapSite = await new_site(most_peers=2)
    async with served(site) as (there, remote):
        first, second, third = remote(), remote(), remote()
        for it in (first, second, first, third):
            await it.ask(Code.POST, "telemetry", {"n": 1})
        assert there.peers == 2
        assert set(there._conversations) == {it._socket.getsockname() for it in (first, third)}


async def test_strangers_drive_out_nobody_who_observes(new_site: Callable[..., Any]) -> None:
    site: CoapSite = await new_site(most_peers=2)
    async with served(site) as (there, remote):
        observing = remote()
        wish = observing._made.request(Code.GET, "attributes", options=[(6, 0)])
        assert (await observing.send(encode(wish))).code == Code.CONTENT
        for _ in range(4):
            await remote().ask(Code.POST, "/api/v1/nobody/telemetry")
        assert there.peers == 3
        await site.share(a=1)
        changed = await observing.send(b"")
        assert changed.payload == b'{"a":1}'
        there.forget_silent(site.sqlite.now_ms)
        assert (there.peers, site.endpoint.observations.count) == (3, 1)


async def test_silent_peers_are_forgotten_unless_they_observe(site: CoapSite) -> None:
    async with served(site) as (there, remote):
        silent, observing = remote(), remote()
        await silent.ask(Code.POST, "telemetry", {"n": 1})
        wish = observing._made.request(Code.GET, "rpc", options=[(6, 0)])
        assert (await observing.send(encode(wish))).code == Code.VALID
        site.sqlite.now_ms += 247_000
        there.forget_silent(site.sqlite.now_ms)
        assert (there.peers, site.endpoint.observations.count) == (1, 1)
