"""All clients at once: a device on the MQTT SDK, its owner on a REST client, what it measures in a WebSocket.

The device is claimed, watched, asked something and given back; then nothing of it reaches its former owner.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.conformance.chapters import Teller, teller
from tests.conformance.mqtt_site import HOST, LONGEST_WAIT_S, MadeDevice, MqttSite
from tests.conformance.rest_people import PASSWORD, get, post

SENT = {"result": 0}
SHUT_OUT = (403, 404)


class Watcher:
    """A WebSocket of the owner's; each device is watched under a number."""

    def __init__(self, connection: ClientConnection, token: str) -> None:
        self._connection = connection
        self._connection.send(json.dumps({"authCmd": {"cmdId": 0, "token": token}, "cmds": []}))

    def watch(self, number: int, made: MadeDevice) -> None:
        """Subscribe to the newest temperature of a device; what it is now is heard first."""
        command = {"type": "TIMESERIES", "cmdId": number, "scope": "LATEST_TELEMETRY"}
        command |= {"entityType": "DEVICE", "entityId": made.id, "keys": "temperature"}
        self._connection.send(json.dumps({"cmds": [command]}))

    def heard(self) -> tuple[int, int, list[str]]:
        """The next update: of which number, its error code (0 for none), and the temperatures in it."""
        update: dict[str, Any] = json.loads(self._connection.recv(LONGEST_WAIT_S))
        points = (update.get("data") or {}).get("temperature", [])
        return update["subscriptionId"], update["errorCode"], [value for _, value in points]

    def heard_until(self, number: int, value: str) -> list[tuple[int, int, list[str]]]:
        """All updates up to the one with this temperature."""
        found = [self.heard()]
        while found[-1] != (number, 0, [value]):
            found.append(self.heard())
        return found


@contextmanager
def watching(site: MqttSite, token: str) -> Iterator[Watcher]:
    """A WebSocket, signed in."""
    address = f"ws://{HOST}:{site.server.port}/api/ws"
    with connect(address, proxy=None, open_timeout=LONGEST_WAIT_S) as connection:
        yield Watcher(connection, token)


@pytest.fixture
def lamp(mqtt_site: MqttSite, made: MadeDevice) -> Iterator[Teller]:
    """The device, connected through the SDK."""
    address = (HOST, str(mqtt_site.port))
    with teller("tb-mqtt-client", "tb_mqtt_client_story", *address, DEVICE_TOKEN=made.token) as device:
        assert device.tell("connect")["limited"]
        yield device


@pytest.fixture(params=["4.3", "4.4"])
def owner(request: pytest.FixtureRequest, mqtt_site: MqttSite) -> Iterator[Teller]:
    """A customer's user on the REST client of either generation."""
    email = get(mqtt_site.owner, "/api/auth/user")["email"]
    client = f"tb-rest-client-{request.param}"
    address = (mqtt_site.server.base_url, email)
    with teller(client, "tb_rest_client_owner", *address, OWNER_PASSWORD=PASSWORD) as person:
        yield person


def measure(site: MqttSite, made: MadeDevice, value: float) -> None:
    """Let a device report over HTTP."""
    post(site.maker, f"/api/v1/{made.token}/telemetry", {"temperature": value})


def test_the_whole_story(mqtt_site: MqttSite, made: MadeDevice, lamp: Teller, owner: Teller) -> None:
    """See behaviour §2, §4, §5.3, §5.4; thingsboard §6.9, §12"""
    assert lamp.tell("claim", "button-7391", 60_000) == SENT
    assert owner.tell("claim", made.name, "a guess") == {"status": 400, "body": "FAILURE"}
    claimed = owner.tell("claim", made.name, "button-7391")["answer"]
    assert claimed["response"] == "SUCCESS"
    assert claimed["device"]["id"]["id"] == made.id
    other = mqtt_site.new_device()
    post(mqtt_site.maker, f"/api/v1/{other.token}/claim")
    assert mqtt_site.claim(other, None).status_code == 200

    with watching(mqtt_site, owner.tell("token")) as watcher:
        watcher.watch(1, made)
        watcher.watch(2, other)
        measure(mqtt_site, other, 1.0)
        watcher.heard_until(2, "1.0")

        assert lamp.tell("telemetry", {"temperature": 21.5}) == SENT
        watcher.heard_until(1, "21.5")
        assert owner.tell("latest", made.id, "temperature") == {"answer": "21.5"}

        lamp.tell("answer_with", {"lamp": "on"})
        assert owner.tell("ask", made.id, "setLamp", {"on": True}) == {"answer": {"lamp": "on"}}
        assert lamp.tell("hear") == {"command": {"method": "setLamp", "params": {"on": True}}}

        assert owner.tell("give_back", made.name) == {"answer": None}
        number, error_code, values = watcher.heard()
        assert (number, error_code != 0, values) == (1, True, [])
        assert lamp.tell("telemetry", {"temperature": 99.9}) == SENT
        measure(mqtt_site, other, 2.0)
        assert watcher.heard_until(2, "2.0") == [(2, 0, ["2.0"])]
    assert owner.tell("latest", made.id, "temperature")["status"] in SHUT_OUT
    assert owner.tell("ask", made.id, "setLamp", {})["status"] in SHUT_OUT
    assert mqtt_site.latest(made, "temperature") == {"temperature": 99.9}
