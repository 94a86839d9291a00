"""One real server with two workers over PostgreSQL and NATS, and which worker has which connection."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.nats_server import NatsServer
from tests.conformance.mqtt_site import HOST
from tests.conformance.rest_people import new_maker, new_owner
from tests.ports import free_port
from tests.server_process import RunningServer, running_server
from tests.storage.postgresql_bench import EMPTY, drop_postgresql, new_postgresql

WORKERS = 2
_ESTABLISHED = "01"


class Deployment(NamedTuple):
    """What a server with workers needs beside its folder: options and settings."""

    folder: Path
    environment: dict[str, str]

    @contextmanager
    def served(self, *options: str) -> Iterator[RunningServer]:
        """Run a server with workers."""
        arguments = ("--workers", str(WORKERS), *options)
        with running_server(self.folder / "data", *arguments, environment=self.environment) as server:
            yield server


class WorkerSite(NamedTuple):
    """The server, where it takes MQTT, and people who are signed in."""

    server: RunningServer
    mqtt_port: int
    maker: httpx.Client
    owner: httpx.Client

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers that run now."""
        return worker_pids(self.server.pid)

    def worker_of(self, port: int, client_port: int) -> int:
        """The process id of the worker that has a client's connection to `port`. Raises LookupError."""
        inode = _inode(port, client_port)
        return next(pid for pid in self.pids if f"socket:[{inode}]" in _open_files(pid))

    def measured(self, name: str) -> dict[str, float]:
        """The values of a metric without other labels, by worker, as the page of metrics has them."""
        page = httpx.get(f"{self.server.base_url}/metrics", trust_env=False).text
        families = text_string_to_metric_families(page)
        return {
            it.labels["worker"]: it.value for family in families for it in family.samples if it.name == name
        }


def worker_pids(supervisor: int) -> list[int]:
    """The processes that a server's process started."""
    text = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text(encoding="ascii")
    # What migrated the database on the first start has its own command line.
    return [pid for pid in map(int, text.split()) if b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _inode(port: int, client_port: int) -> str:
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, remote, state, *rest = line.split()
        ends = [int(it.partition(":")[2], 16) for it in (local, remote)]
        if ends == [port, client_port] and state == _ESTABLISHED:
            return rest[5]
    raise LookupError(f"nobody on port {port} has a connection from {client_port}")


def _open_files(pid: int) -> set[str]:
    found = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):
            found.add(os.readlink(f"/proc/{pid}/fd/{name}"))
    return found


@contextmanager
def prepared(folder: Path) -> Iterator[Deployment]:
    """Start PostgreSQL, with an empty database, and NATS."""
    url = new_postgresql(EMPTY)
    nats = NatsServer(folder / "nats.log")
    nats.start()
    try:
        yield Deployment(folder, {"DEEDBOX_DATABASE_URL": url, "DEEDBOX_NATS_URL": nats.url})
    finally:
        nats.kill()
        drop_postgresql(url)


@contextmanager
def running_workers(folder: Path) -> Iterator[WorkerSite]:
    """Start everything, with a maker and an owner."""
    port = free_port()
    with ExitStack() as opened:
        deployment = opened.enter_context(prepared(folder))
        server = opened.enter_context(deployment.served("--mqtt", f"{HOST}:{port}"))
        maker = opened.enter_context(closing(new_maker(server.address)))
        yield WorkerSite(server, port, maker, opened.enter_context(closing(new_owner(maker))))
