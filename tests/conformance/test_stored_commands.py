"""Persistent commands reach MQTT devices when they come, and their PUBACK is the acknowledgement."""

import json
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.conformance.mqtt_site import HOST, LONGEST_WAIT_S, MadeDevice, MqttSite, wait_until
from tests.conformance.rest_people import get, post

RPC = "v1/devices/me/rpc"
PROTOCOLS = [MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5]


def store(site: MqttSite, made: MadeDevice, way: str, method: str) -> str:
    """The maker stores a command that lives for an hour; its id."""
    wish = {"method": method, "params": {"n": 1}, "persistent": True, "timeout": 3_600_000}
    return str(post(site.maker, f"/api/rpc/{way}/{made.id}", wish)["rpcId"])


def command(site: MqttSite, rpc_id: str) -> dict[str, Any]:
    """The command as it is now."""
    found: dict[str, Any] = get(site.maker, f"/api/rpc/persistent/{rpc_id}")
    return found


def until(site: MqttSite, rpc_id: str, status: str) -> None:
    """Wait until the command is there."""
    wait_until(lambda: bool(command(site, rpc_id)["status"] == status), f"command {status}")


@contextmanager
def connected(
    site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion, qos: int = 1
) -> "Iterator[tuple[Client, queue.Queue[MQTTMessage]]]":
    """A device that subscribes to commands and acknowledges them when it is told to."""
    heard: queue.Queue[MQTTMessage] = queue.Queue()
    client = Client(CallbackAPIVersion.VERSION2, made.name, protocol=protocol, manual_ack=True)
    client.username_pw_set(made.token)
    client.on_connect = lambda it, *_: it.subscribe(f"{RPC}/request/+", qos)
    client.on_message = lambda _client, _data, message: heard.put(message)
    client.connect(HOST, site.port)
    client.loop_start()
    try:
        yield client, heard
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=["3.1.1", "5"])
def test_they_wait_for_the_device_and_follow_its_acknowledgements(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """Thingsboard §6.7."""
    first, second = store(mqtt_site, made, "oneway", "first"), store(mqtt_site, made, "twoway", "second")
    with connected(mqtt_site, made, protocol) as (client, heard):
        message = heard.get(timeout=LONGEST_WAIT_S)
        assert json.loads(message.payload) == {"method": "first", "params": {"n": 1}}
        assert command(mqtt_site, first)["status"] == "SENT"
        assert heard.empty(), "the second waits for the acknowledgement of the first"
        client.ack(message.mid, message.qos)
        until(mqtt_site, first, "DELIVERED")
        message = heard.get(timeout=LONGEST_WAIT_S)
        assert json.loads(message.payload)["method"] == "second"
        client.ack(message.mid, message.qos)
        until(mqtt_site, second, "DELIVERED")
        number = message.topic.rpartition("/")[2]
        client.publish(f"{RPC}/response/{number}", b'{"done":true}', 1).wait_for_publish(LONGEST_WAIT_S)
        found = command(mqtt_site, second)
        assert (found["status"], found["response"]) == ("SUCCESSFUL", {"done": True})


def test_with_qos_0_sent_is_delivered(mqtt_site: MqttSite, made: MadeDevice) -> None:
    with connected(mqtt_site, made, PROTOCOLS[0], qos=0) as (_, heard):
        rpc_id = store(mqtt_site, made, "oneway", "go")
        heard.get(timeout=LONGEST_WAIT_S)
        until(mqtt_site, rpc_id, "DELIVERED")


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=["3.1.1", "5"])
def test_a_device_that_left_before_it_acknowledged_gets_it_again(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """Under the same number, so that it can know what it has seen."""
    rpc_id = store(mqtt_site, made, "oneway", "go")
    with connected(mqtt_site, made, protocol) as (_, heard):
        topic = heard.get(timeout=LONGEST_WAIT_S).topic
    until(mqtt_site, rpc_id, "TIMEOUT")
    with connected(mqtt_site, made, protocol) as (client, heard):
        message = heard.get(timeout=LONGEST_WAIT_S)
        assert message.topic == topic
        client.ack(message.mid, message.qos)
        until(mqtt_site, rpc_id, "DELIVERED")
