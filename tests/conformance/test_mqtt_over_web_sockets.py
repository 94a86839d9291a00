"""MQTT over WebSocket at `/mqtt` of the HTTP listener: Paho's client does what it does on a plain socket."""

import json
from collections.abc import Iterator

import httpx
import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from tests.conformance.mqtt_site import HOST, MadeDevice, MqttSite, running_mqtt_site
from tests.conformance.paho_device import V5, V31, V311, attempt, connected

TELEMETRY, COMMANDS = "v1/devices/me/telemetry", "v1/devices/me/rpc/request/+"

pytestmark = pytest.mark.parametrize("protocol", [V31, V311, V5], ids=["3.1", "3.1.1", "5"])


@pytest.fixture(scope="module")
def mqtt_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MqttSite]:
    """A server whose clients are to use the port of HTTP; another for MQTT alone there is not."""
    with running_mqtt_site(tmp_path_factory.mktemp("server") / "data", "--mqtt", "off") as site:
        site.port = httpx.URL(site.server.address[0]).port or 0
        assert site.port, HOST
        yield site


def test_a_device_lives_its_life(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """Messages of all sizes, a claim, a command (thingsboard §3.3, behaviour §2.6)."""
    values = {"small": 1, "large": "x" * 60_000}
    with connected(mqtt_site, made, protocol, transport="websockets") as device:
        sent = [device.send(TELEMETRY, {key: value}, qos=2) for key, value in values.items()]
        assert [device.acknowledged(each).reason for each in sent] == [0, 0]
        assert device.publish("v1/devices/me/claim", {"secretKey": "value"}).reason == 0
        assert mqtt_site.claim(made, "value").json()["response"] == "SUCCESS"
        assert device.subscribe(COMMANDS) == [1]
        answered = mqtt_site.command(made, "setLamp", {"text": "x" * 30_000})
        request = device.next_message()
        assert json.loads(request.payload)["params"] == {"text": "x" * 30_000}
        number = request.topic.rpartition("/")[2]
        assert device.publish(f"v1/devices/me/rpc/response/{number}", {"lamp": "on"}).reason == 0
        assert answered.result().json() == {"lamp": "on"}
    assert mqtt_site.latest(made, *values) == values


def test_strangers_are_told_so(mqtt_site: MqttSite, protocol: MQTTProtocolVersion) -> None:
    """With the reason of their protocol (thingsboard §2.2)."""
    with attempt(mqtt_site, "nobody", protocol, "c", transport="websockets") as (device, answer):
        assert answer.reason in (0x86, 0x87)
        device.ended()
