"""A device on one node, its owner's browser on another, the claim through a third; with NATS and without."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from websockets.exceptions import ConnectionClosed

from tests.acceptance.node_site import Node, Nodes, latest, next_value, running_nodes
from tests.conformance.mqtt_site import wait_until
from tests.conformance.paho_device import V5, PahoDevice, packet_properties
from tests.conformance.rest_people import PASSWORD, post, sign_in

TELEMETRY = "v1/devices/me/telemetry"
ATTRIBUTES = "v1/devices/me/attributes"
COMMANDS = "v1/devices/me/rpc/request/+"
PATIENCE_MS = 30_000


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with running_nodes(Path(tmp_path_factory.mktemp("nodes"))) as nodes:
        yield nodes


def connected(node: Node, token: str) -> PahoDevice:
    """A device that is connected to this node and takes commands."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=token, protocol=V5, reconnect_on_failure=False)
    client.username_pw_set(token)
    device = PahoDevice(client)
    assert device.connect(node.mqtt_port).reason == 0
    assert device.subscribe(COMMANDS) == [1]
    return device


def kept(node: Node, token: str) -> tuple[PahoDevice, bool]:
    """A device whose session outlives its connection; whether it was resumed."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=token, protocol=V5, reconnect_on_failure=False)
    client.username_pw_set(token)
    device = PahoDevice(client)
    for_an_hour = packet_properties(PacketTypes.CONNECT, {"SessionExpiryInterval": 3_600})
    answer = device.connect(node.mqtt_port, clean_start=False, properties=for_an_hour)
    assert answer.reason == 0
    return device, answer.session_present


def claimed(nodes: Nodes, name: str, token: str, through: Node) -> None:
    """The device offers itself on its node; its owner claims it through another."""
    address = f"{nodes.device.server.base_url}/api/v1/{token}/claim"
    httpx.post(address, json={"secretKey": "on the label"}, trust_env=False).raise_for_status()
    answer = through.owner.post(f"/api/customer/device/{name}/claim", json={"secretKey": "on the label"})
    assert answer.json()["response"] == "SUCCESS"


def replied(device: PahoDevice, reply: object) -> str:
    """The method of the next command, when the device has replied."""
    message = device.next_message()
    device.send(message.topic.replace("request", "response"), reply)
    return str(json.loads(message.payload)["method"])


def ask(node: Node, device_id: str, method: str, timeout_ms: int = PATIENCE_MS) -> httpx.Response:
    """Let the owner send a command through this node."""
    body = {"method": method, "params": {}, "timeout": timeout_ms}
    return node.owner.post(f"/api/rpc/twoway/{device_id}", json=body)


def test_everything_crosses_nodes(nodes: Nodes) -> None:
    """Behaviour §5.4."""
    device_id, token = nodes.made("lamp")
    with connected(nodes.device, token) as device, ThreadPoolExecutor() as pool:
        claimed(nodes, "lamp", token, nodes.other)
        with nodes.browser.watching(device_id, "t") as watching:
            device.publish(TELEMETRY, {"t": 21})
            next_value(watching, "t", "21")
            assert latest(nodes.other.owner, device_id, "t") == "21"
            answer = pool.submit(ask, nodes.browser, device_id, "blink")
            assert replied(device, {"done": True}) == "blink"
            assert answer.result().json() == {"done": True}
            # The deed ends on a third node: nothing more is shown.
            nodes.other.owner.delete("/api/customer/device/lamp/claim").raise_for_status()
            update = json.loads(watching.recv(60))
            assert update["errorCode"] == 3


def test_credentials_that_change_on_one_node_end_sessions_on_all(nodes: Nodes) -> None:
    """Thingsboard §2.1."""
    device_id, token = nodes.made("door")
    with connected(nodes.device, token) as device:
        credentials = nodes.other.maker.get(f"/api/device/{device_id}/credentials").json()
        credentials |= {"credentialsId": "another-token"}
        nodes.other.maker.post("/api/device/credentials", json=credentials).raise_for_status()
        device.ended()


def test_a_session_that_ends_on_one_node_ends_on_all(nodes: Nodes) -> None:
    """Behaviour §5.4."""
    device_id, token = nodes.made("clock")
    claimed(nodes, "clock", token, nodes.browser)
    session = sign_in(nodes.browser.server.base_url, "owner@deedbox.test", PASSWORD)
    with closing(session), closing(httpx.Client(trust_env=False, headers=session.headers)) as elsewhere:
        me = f"{nodes.other.server.base_url}/api/auth/user"
        assert elsewhere.get(me).is_success
        with nodes.other._replace(owner=session).watching(device_id, "t") as watching:
            session.post("/api/auth/logout").raise_for_status()
            with pytest.raises(ConnectionClosed):
                watching.recv(60)
        # The connection ended because the node was told: it would have known the token for half a minute.
        assert elsewhere.get(me).status_code == httpx.codes.UNAUTHORIZED


def test_a_session_follows_its_device_to_another_node(nodes: Nodes) -> None:
    """What changed while it was away is sent there; a connection that is left open is closed (ux §6.4)."""
    device_id, token = nodes.made("rover")
    first, was_there = kept(nodes.device, token)
    with first:
        assert not was_there
        assert first.subscribe(ATTRIBUTES) == [1]
    shared = f"/api/plugins/telemetry/DEVICE/{device_id}/SHARED_SCOPE"
    post(nodes.browser.maker, shared, {"interval": 7})
    second, was_there = kept(nodes.other, token)
    with second:
        assert was_there
        assert json.loads(second.next_message().payload) == {"interval": 7}
        third, was_there = kept(nodes.browser, token)
        with third:
            assert (was_there, second.ended().said) == (True, True)
            post(nodes.device.maker, shared, {"interval": 8})
            assert json.loads(third.next_message().payload) == {"interval": 8}


def test_without_nats_all_goes_on_and_then_it_heals(nodes: Nodes) -> None:
    device_id, token = nodes.made("pump")
    with connected(nodes.device, token) as device, ThreadPoolExecutor() as pool:
        claimed(nodes, "pump", token, nodes.other)
        with nodes.browser.watching(device_id, "t") as watching:
            nodes.nats.kill()
            nodes.wait_until_connected(False)
            assert all(it.is_ready for it in nodes.all)
            device.publish(TELEMETRY, {"t": 1})
            next_value(watching, "t", "1")
            assert ask(nodes.browser, device_id, "lost", 5_000).status_code == httpx.codes.GATEWAY_TIMEOUT
            near = pool.submit(ask, nodes.device, device_id, "near")
            assert replied(device, 1) == "near"
            assert near.result().is_success
            other_id, other_token = nodes.made("valve")
            claimed(nodes, "valve", other_token, nodes.browser)
            assert other_id
            waiting = pool.submit(ask, nodes.browser, device_id, "waits")
            nodes.nats.start()
            nodes.wait_until_connected(True)
            assert replied(device, 2) == "waits"
            assert waiting.result().json() == 2
            device.publish(TELEMETRY, {"t": 2})
            next_value(watching, "t", "2")


def test_a_node_that_dies_takes_nobody_with_it(nodes: Nodes) -> None:
    device_id, token = nodes.made("fan")
    with connected(nodes.device, token) as device:
        claimed(nodes, "fan", token, nodes.browser)
        with nodes.browser.watching(device_id, "t") as watching:
            nodes.other.server.kill()
            device.publish(TELEMETRY, {"t": 5})
            next_value(watching, "t", "5")
            nodes.other.server.restart()
            wait_until(lambda: nodes.other.is_connected, "the node that came back")
            assert latest(nodes.other.owner, device_id, "t") == "5"
