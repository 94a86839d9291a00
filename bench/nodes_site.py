"""Two nodes with people at each, for measuring; and devices that answer commands at once."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.acceptance.cluster_site import Cluster, Member, running_cluster
from tests.acceptance.node_site import Node
from tests.acceptance.own_postgresql import OwnPostgreSQL, own_postgresql
from tests.conformance.paho_device import V311, PahoDevice
from tests.conformance.rest_people import PASSWORD, new_maker, new_owner, post, sign_in

COMMANDS = "v1/devices/me/rpc/request/+"
TELEMETRY = "v1/devices/me/telemetry"
_KEY = "on the label"


class Site(NamedTuple):
    """The nodes, their people and their database."""

    database: OwnPostgreSQL
    cluster: Cluster
    nodes: tuple[Node, Node]

    def made(self, name: str) -> tuple[str, str]:
        """Make a device; return its id and its token."""
        token = f"token-of-{name}"
        path = f"/api/device?accessToken={token}"
        return post(self.nodes[0].maker, path, {"name": name, "type": "default"})["id"]["id"], token

    def offered(self, name: str) -> tuple[str, str]:
        """Make a device that may be claimed; return its id and its token."""
        device_id, token = self.made(name)
        address = f"{self.nodes[0].server.base_url}/api/v1/{token}/claim"
        httpx.post(address, json={"secretKey": _KEY}, trust_env=False).raise_for_status()
        return device_id, token

    def claim(self, name: str, node: Node) -> bool:
        """Let the owner claim through this node; tell whether it came through."""
        answer = node.owner.post(f"/api/customer/device/{name}/claim", json={"secretKey": _KEY})
        return answer.status_code == httpx.codes.OK and answer.json()["response"] == "SUCCESS"


@contextmanager
def opened_site(folder: Path) -> Iterator[Site]:
    """Start everything; the first node makes the schema, the keys and the people."""
    with ExitStack() as opened:
        database = opened.enter_context(own_postgresql(folder / "postgresql"))
        cluster = opened.enter_context(running_cluster(folder, database.url, of_each=({}, {})))
        opened.enter_context(closing(maker := new_maker(cluster.members[0].server.address)))
        opened.enter_context(closing(new_owner(maker)))
        first, second = (_node(opened, it) for it in cluster.members)
        yield Site(database, cluster, (first, second))


def _node(opened: ExitStack, member: Member) -> Node:
    people = [
        opened.enter_context(closing(sign_in(member.server.base_url, email, PASSWORD)))
        for email in ("maker@deedbox.test", "owner@deedbox.test")
    ]
    return Node(member.server, member.mqtt_port, *people)


@contextmanager
def answering(node: Node, token: str) -> Iterator[PahoDevice]:
    """A device on this node that replies to each command from the thread that reads it."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=token, protocol=V311, reconnect_on_failure=False)
    client.username_pw_set(token)
    with PahoDevice(client) as device:
        assert device.connect(node.mqtt_port).reason == 0
        connection = client.socket()
        assert isinstance(connection, socket.socket)
        # Paho leaves it to the kernel to wait for more to send: what is measured must not be that.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        assert device.subscribe(COMMANDS) == [1]
        client.on_message = _reply
        yield device


def _reply(client: Client, _: object, message: MQTTMessage) -> None:
    client.publish(message.topic.replace("request", "response"), b'{"done":true}', 1)


class Caller:
    """The maker's connection to a node, kept open, with as little around it as can be."""

    def __init__(self, node: Node) -> None:
        parts = urlsplit(node.server.base_url)
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
        self._headers = {
            "X-Authorization": node.maker.headers["X-Authorization"],
            "Content-Type": "application/json",
        }

    def post(self, path: str, body: Any) -> bytes:
        """Send and return the answer's body. Raises RuntimeError for any status but 200."""
        self._connection.request("POST", path, json.dumps(body), self._headers)
        answer = self._connection.getresponse()
        told = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{answer.status}: {told.decode(errors='replace')}")
        return told

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
