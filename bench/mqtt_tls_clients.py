"""Idle MQTT clients over TLS, in a process of their own: the generator in C has no TLS."""

import asyncio
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, cast

import uvloop

from bench.mqtt_devices import user_name
from bench.mqtt_load import LOAD_PROCESSOR, LoadFailed
from tests.acceptance.numbered_publishing import connect_packet

_CONNECTING_AT_A_TIME = 16
_START = "import sys; from bench.mqtt_tls_clients import hold; hold(*sys.argv[1:])"


class Connected(NamedTuple):
    """Seconds: how long connecting took, and the processor time and life of the clients' process so far."""

    connect_s: float
    processor_s: float
    lived_s: float


class _IdleClient(asyncio.Protocol):
    def __init__(self, number: int) -> None:
        self._number = number
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(connect_packet(user_name(self._number), user_name(self._number)))

    def data_received(self, data: bytes) -> None:
        if not self.answer.done():
            self.answer.set_result(data)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.answer.done():
            self.answer.set_exception(error or ConnectionResetError("the server hung up"))


def hold(port: str, count: str, certificate: str) -> None:
    """Connect, say so on standard output, and stay until standard input ends."""
    uvloop.run(_hold(int(port), int(count), certificate))


async def _hold(port: int, count: int, certificate: str) -> None:
    context = ssl.create_default_context(cafile=certificate)
    turns = asyncio.Semaphore(_CONNECTING_AT_A_TIME)
    began = asyncio.get_running_loop().time()

    async def connect(number: int) -> _IdleClient:
        async with turns:
            _, client = await asyncio.get_running_loop().create_connection(
                lambda: _IdleClient(number), "127.0.0.1", port, ssl=context, server_hostname="localhost"
            )
            answer = await client.answer
        assert answer[:4] == b"\x20\x02\x00\x00", answer
        return client

    clients = await asyncio.gather(*(connect(number) for number in range(count)))
    connect_s = asyncio.get_running_loop().time() - began
    print(connect_s, time.process_time(), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for client in clients:
        client.transport.abort()


@contextmanager
def connected_over_tls(port: int, count: int, certificate: Path) -> Iterator[Connected]:
    """Have `count` clients connected. Raises LoadFailed."""
    began = time.monotonic()
    pinned = ["taskset", "-c", str(LOAD_PROCESSOR), sys.executable, "-c", _START]
    process = subprocess.Popen(
        [*pinned, str(port), str(count), str(certificate)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stdout and process.stderr
    try:
        line = process.stdout.readline()
        if not line:
            raise LoadFailed(f"clients over TLS: {process.stderr.read().strip().splitlines()[-1:]}")
        connect_s, processor_s = (float(it) for it in line.split())
        yield Connected(connect_s, processor_s, time.monotonic() - began)
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()
        process.stderr.close()
