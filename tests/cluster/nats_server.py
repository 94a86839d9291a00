"""A real NATS server for tests: started, frozen and killed like one; and nodes that are connected to it."""

import asyncio
import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from deedbox.cluster.nats import NatsBus
from deedbox.cluster.nats_addresses import nats_addresses
from deedbox.cluster.nats_link import NatsLink, Patience
from deedbox.testing.bus_suite import until
from tests.ports import free_port

_LONGEST_START_S = 20
HASTE = Patience(connect_s=2.0, ping_every_s=1, shortest_pause_s=0.02, longest_pause_s=0.1)


class NatsServer:
    """A server process on a port of its own; it keeps its port when it is started again."""

    def __init__(self, log: Path, *arguments: str) -> None:
        self.port = free_port()
        self.log = log
        self._command = [_program(), "-a", "127.0.0.1", "-p", str(self.port), *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and return when it listens. Raises RuntimeError with its log when it does not."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)
        give_up_at = time.monotonic() + _LONGEST_START_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                self.kill()
                raise RuntimeError(f"NATS did not start: {self.log.read_text(errors='replace')}")
            time.sleep(0.01)

    def freeze(self) -> None:
        """Let it hang: connections stay open, and nothing comes any more."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


class Observed:
    """Keeps what a bus tells about itself."""

    def __init__(self) -> None:
        self.connected: list[bool] = []
        self.dropped: list[str] = []

    def bus_connected(self, is_connected: bool) -> None:
        self.connected.append(is_connected)

    def bus_dropped(self, reason: str) -> None:
        self.dropped.append(reason)


class Node:
    """A bus that keeps itself connected while the node is open."""

    def __init__(self, url: str, name: str = "node", patience: Patience = HASTE) -> None:
        self.observed = Observed()
        self.bus = NatsBus(NatsLink(nats_addresses(url), name, patience=patience), self.observed)
        self._keeping = asyncio.create_task(self.bus.keep_connected())

    async def close(self) -> None:
        self._keeping.cancel()
        await asyncio.wait([self._keeping])


@contextlib.asynccontextmanager
async def opened_nodes(url: str, count: int = 2, connected: bool = True) -> AsyncIterator[Sequence[Node]]:
    """Nodes; connected already unless that is not wished for."""
    nodes = [Node(url, f"node-{number}") for number in range(count)]
    try:
        if connected:
            await until(lambda: all(it.bus.is_whole for it in nodes))
        yield nodes
    finally:
        for node in nodes:
            await node.close()


def _program() -> str:
    found = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise RuntimeError("There is no nats-server; `make test-packages` installs it.")
    return found
