"""Three real servers over one PostgreSQL database and one NATS, with a maker and an owner at each."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.acceptance.cluster_site import running_cluster
from tests.acceptance.cut_wire import CutWire
from tests.cluster.nats_server import NatsServer
from tests.conformance.mqtt_site import wait_until
from tests.conformance.rest_people import PASSWORD, get, new_maker, new_owner, post, sign_in
from tests.server_process import RunningServer
from tests.storage.postgresql_bench import EMPTY, drop_postgresql, new_postgresql

_CONNECTED = re.compile(r"^deedbox_bus_connected (\S+)$", re.MULTILINE)


class Node(NamedTuple):
    """One server, where it takes MQTT, and people who are signed in there."""

    server: RunningServer
    mqtt_port: int
    maker: httpx.Client
    owner: httpx.Client

    @property
    def is_connected(self) -> bool:
        """Whether it reaches the others, as its metrics say."""
        page = httpx.get(f"{self.server.base_url}/metrics", trust_env=False).text
        found = _CONNECTED.search(page)
        return found is not None and float(found[1]) == 1

    @property
    def is_ready(self) -> bool:
        """Whether a load balancer would send it requests."""
        return httpx.get(f"{self.server.base_url}/readyz", trust_env=False).status_code == httpx.codes.OK

    @contextmanager
    def watching(self, device_id: str, key: str) -> Iterator[ClientConnection]:
        """A WebSocket of the owner's that follows a series and has had its first answer."""
        token = self.owner.headers["X-Authorization"].removeprefix("Bearer ")
        follow = {"type": "TIMESERIES", "cmdId": 1, "entityType": "DEVICE", "entityId": device_id}
        address = self.server.base_url.replace("http", "ws", 1)
        with connect(f"{address}/api/ws", proxy=None) as connection:
            asked = {"authCmd": {"cmdId": 0, "token": token}, "cmds": [follow | {"keys": key}]}
            connection.send(json.dumps(asked))
            assert json.loads(connection.recv(60))["errorCode"] == 0
            yield connection


class Nodes(NamedTuple):
    """All servers, what they share, and a device that was made."""

    nats: NatsServer
    device: Node
    browser: Node
    other: Node

    @property
    def all(self) -> tuple[Node, Node, Node]:
        """Every node."""
        return self.device, self.browser, self.other

    def wait_until_connected(self, are_connected: bool) -> None:
        """Wait until all nodes reach each other, or until all know that they don't."""
        wait_until(lambda: {it.is_connected for it in self.all} == {are_connected}, "nodes notice NATS")

    def made(self, name: str) -> tuple[str, str]:
        """Let the maker make a device on one node; return its id and its token."""
        token = f"token-of-{name}"
        path = f"/api/device?accessToken={token}"
        return post(self.other.maker, path, {"name": name, "type": "default"})["id"]["id"], token


def next_value(connection: ClientConnection, key: str, value: str) -> None:
    """Read updates until the value comes. Raises TimeoutError when it does not."""
    while True:
        update: dict[str, Any] = json.loads(connection.recv(60))
        assert update["errorCode"] == 0
        if any(point[1] == value for point in update["data"].get(key, [])):
            return


@contextmanager
def running_nodes(folder: Path, wire: CutWire | None = None) -> Iterator[Nodes]:
    """Start everything; the first node makes schema, keys and people; the last may have a wire to NATS."""
    url = new_postgresql(EMPTY)
    try:
        with running_cluster(folder, url, wire=wire) as cluster, ExitStack() as opened:
            opened.enter_context(closing(maker := new_maker(cluster.members[0].server.address)))
            opened.enter_context(closing(new_owner(maker)))
            nodes = Nodes(cluster.nats, *(_node(opened, *it) for it in cluster.members))
            nodes.wait_until_connected(True)
            yield nodes
    finally:
        drop_postgresql(url)


def _node(opened: ExitStack, server: RunningServer, mqtt_port: int) -> Node:
    people = [
        opened.enter_context(closing(sign_in(server.base_url, email, PASSWORD)))
        for email in ("maker@deedbox.test", "owner@deedbox.test")
    ]
    return Node(server, mqtt_port, *people)


def latest(client: httpx.Client, device_id: str, key: str) -> Any:
    """The latest value as REST answers it."""
    found = get(client, f"/api/plugins/telemetry/DEVICE/{device_id}/values/timeseries", keys=key)
    return found[key][0]["value"]
