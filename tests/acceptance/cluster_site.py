"""Several real servers over one PostgreSQL database and one NATS."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.acceptance.cut_wire import CutWire
from tests.cluster.nats_server import NatsServer
from tests.conformance.mqtt_site import HOST
from tests.ports import free_port
from tests.server_process import RunningServer, running_server

_NAMES = "abcdefgh"
_PASSWORD = "known to all nodes"


class Member(NamedTuple):
    """One server, and where it takes MQTT."""

    server: RunningServer
    mqtt_port: int

    @property
    def is_ready(self) -> bool:
        """Whether a load balancer would send it requests."""
        return httpx.get(f"{self.server.base_url}/readyz", trust_env=False).status_code == httpx.codes.OK


class Cluster(NamedTuple):
    """All servers, and what they share."""

    url: str
    nats: NatsServer
    members: Sequence[Member]


@contextmanager
def running_cluster(
    folder: Path,
    url: str,
    environment: Mapping[str, str] | None = None,
    of_each: Sequence[Mapping[str, str]] = ({}, {}, {}),
    wire: CutWire | None = None,
) -> Iterator[Cluster]:
    """Start NATS, and a server for each of `of_each`, which is added to the environment that all share.

    The first one makes the schema and the keys. The last one reaches NATS by the wire, if there is one.
    """
    nats = NatsServer(folder / "nats.log", "--user", "deedbox", "--pass", _PASSWORD)
    nats.start()
    if wire:
        wire.target_port = nats.port
        of_each = [*of_each[:-1], {**of_each[-1], "DEEDBOX_NATS_URL": nats_url(wire.port)}]
    try:
        with ExitStack() as opened:
            shared = {
                "DEEDBOX_DATABASE_URL": url,
                "DEEDBOX_NATS_URL": nats_url(nats.port),
                "DEEDBOX_SECRETS_KEY_FILE": str(folder / "secret.key"),
            } | dict(environment or {})
            members = [
                opened.enter_context(_member(folder / name, shared | dict(own)))
                for name, own in zip(_NAMES, of_each, strict=False)
            ]
            yield Cluster(url, nats, members)
    finally:
        nats.kill()


def nats_url(port: int) -> str:
    """Return what nodes are told where NATS, or who stands between, listens on that port."""
    return f"nats://deedbox:{_PASSWORD.replace(' ', '%20')}@{HOST}:{port}"


@contextmanager
def _member(folder: Path, environment: Mapping[str, str]) -> Iterator[Member]:
    port = free_port()
    with running_server(folder, "--mqtt", f"{HOST}:{port}", environment=environment) as server:
        yield Member(server, port)
