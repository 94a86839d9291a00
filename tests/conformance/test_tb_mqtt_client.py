"""ThingsBoard's own Python SDK, tb-mqtt-client as published, as a device.

It runs in an environment of its own (`make .venv-conformance/tb-mqtt-client`) and tells what it
saw; this file asks for the chapters and judges.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.chapters import ENVIRONMENTS, Teller, teller
from tests.conformance.mqtt_site import HOST, LONGEST_WAIT_S, MadeDevice, MqttSite
from tests.conformance.rest_people import get, post
from tests.documentation.examples import as_run
from tests.documentation.pages import DOCUMENTS, blocks

SENT = {"result": 0}


@pytest.fixture
def device(mqtt_site: MqttSite, made: MadeDevice) -> Iterator[Teller]:
    """A device on the SDK, connected and told its limits."""
    address = (HOST, str(mqtt_site.port))
    with teller("tb-mqtt-client", "tb_mqtt_client_story", *address, DEVICE_TOKEN=made.token) as started:
        seen = started.tell("connect")
        assert (seen["connected"], seen["limited"]) == (True, True)
        assert seen["payload_bytes"] > 8_196  # what the SDK takes where no server says more
        yield started
        assert started.tell("leave") == {"connected": False}


def test_claim(mqtt_site: MqttSite, made: MadeDevice, device: Teller) -> None:
    """Scenario S with the SDK's own call (thingsboard §11, §12; behaviour §2, §4)."""
    assert device.tell("claim", "value", 1) == SENT
    time.sleep(0.01)  # until the key has surely expired: the clock decides, to the millisecond
    assert mqtt_site.claim(made, "value").json() == "FAILURE"
    assert device.tell("claim", "value", 60_000) == SENT
    claimed = mqtt_site.claim(made, "value").json()
    assert claimed["response"] == "SUCCESS"
    assert claimed["device"]["customerId"] == mqtt_site.customer_of_owner()
    assert mqtt_site.claim(made, "value").json() == "CLAIMED"


def test_an_owned_device_offers_itself(mqtt_site: MqttSite, made: MadeDevice, device: Teller) -> None:
    """Firmware does so at each boot; the SDK goes on (behaviour §2.5)."""
    assert device.tell("claim", "value", 60_000) == SENT
    assert mqtt_site.claim(made, "value").status_code == 200
    assert device.tell("claim", "value", 60_000) == SENT
    assert device.tell("telemetry", {"still": "here"}) == SENT


def test_durations_as_text(mqtt_site: MqttSite, made: MadeDevice, device: Teller) -> None:
    """The SDK's own example sends them so (thingsboard §2.1, §12)."""
    assert device.tell("claim", "value", "60000") == SENT
    assert mqtt_site.claim(made, "value").json()["response"] == "SUCCESS"


def test_telemetry(mqtt_site: MqttSite, made: MadeDevice, device: Teller) -> None:
    """In all forms that the SDK takes apart and sends (thingsboard §3.3)."""
    assert device.tell("telemetry", {"temperature": 41.9, "enabled": False, "note": "x"}) == SENT
    assert device.tell("telemetry", {"ts": 1451649600512, "values": {"level": 1}}) == SENT
    assert device.tell("telemetry", [{"ts": 1451649600513, "values": {"level": 2}}, {"other": 3}]) == SENT
    latest = mqtt_site.latest(made, "temperature", "enabled", "note", "other")
    assert latest == {"temperature": 41.9, "enabled": False, "note": "x", "other": 3}
    assert mqtt_site.points(made, "level") == [(1451649600512, 1), (1451649600513, 2)]


def test_a_message_that_the_sdk_splits(mqtt_site: MqttSite, made: MadeDevice, device: Teller) -> None:
    """It cuts what is larger than the server takes, by what the server said (thingsboard §3.3)."""
    values = {f"key-{number}": "x" * 1_000 for number in range(150)}
    assert device.tell("telemetry", values) == SENT
    assert mqtt_site.latest(made, *values) == values


def test_attributes(mqtt_site: MqttSite, made: MadeDevice, device: Teller) -> None:
    """Reported, asked for, and heard of when they change (thingsboard §3.3)."""
    mqtt_site.share(made, interval=5, mode="slow")
    assert device.tell("attributes", {"firmware": "1.2.3", "slots": {"free": 2}}) == SENT
    assert mqtt_site.attributes(made, "CLIENT_SCOPE") == {"firmware": "1.2.3", "slots": {"free": 2}}
    asked = device.tell("ask_attributes", ["firmware", "unknown"], ["interval"])
    assert asked["answer"] == {"client": {"firmware": "1.2.3"}, "shared": {"interval": 5}}
    subscription = device.tell("watch", "mode")["subscription"]
    mqtt_site.share(made, mode="fast")
    assert device.tell("hear")["mode"] == {"mode": "fast"}
    device.tell("unwatch", subscription)
    device.tell("watch", "*")
    mqtt_site.share(made, interval=6)
    assert device.tell("hear")["*"] == {"interval": 6}
    mqtt_site.unshare(made, "interval")
    assert device.tell("hear")["*"] == {"deleted": ["interval"]}


def test_commands(mqtt_site: MqttSite, made: MadeDevice, device: Teller) -> None:
    """Two-way and one-way, answered by the SDK's handler (thingsboard §3.3, §6.7)."""
    device.tell("answer_with", {"lamp": "on"})
    answered = mqtt_site.command(made, "setLamp", {"on": True})
    assert device.tell("hear") == {"command": {"method": "setLamp", "params": {"on": True}}}
    assert (answered.result().status_code, answered.result().json()) == (200, {"lamp": "on"})
    taken = mqtt_site.command(made, "beep", [1, 2], way="oneway")
    assert device.tell("hear") == {"command": {"method": "beep", "params": [1, 2]}}
    assert taken.result().status_code == 200


def test_questions_to_the_server(device: Teller) -> None:
    """Session limits, and a question that nobody answers (thingsboard §3.3)."""
    limits = device.tell("call", "getSessionLimits", {"timeout": 5000})["answer"]
    assert {"maxPayloadSize", "maxInflightMessages", "rateLimits"} <= limits.keys()
    assert device.tell("call", "getTime", {})["answer"].keys() == {"error"}


def test_provision(mqtt_site: MqttSite, device: Teller) -> None:
    """The SDK's own call, which speaks 3.1.1 (thingsboard §7, §12)."""
    configuration = {"type": "ALLOW_CREATE_NEW_DEVICES", "provisionDeviceSecret": "factory-secret"}
    profile = {
        "name": "provisioned",
        "provisionType": "ALLOW_CREATE_NEW_DEVICES",
        "provisionDeviceKey": "factory-key",
        "profileData": {"provisionConfiguration": configuration},
    }
    post(mqtt_site.maker, "/api/deviceProfile", profile)
    told = device.tell("provision", "factory-key", "factory-secret", "newcomer")
    assert told == {"status": "SUCCESS", "kind": "ACCESS_TOKEN", **SENT}
    found = get(mqtt_site.maker, "/api/tenant/devices", deviceName="newcomer")
    assert found["type"] == "provisioned"
    assert device.tell("provision", "factory-key", "factory-secret", "newcomer") == {}
    assert device.tell("provision", "factory-key", "wrong", "another") == {}


def test_it_comes_back_after_a_restart(mqtt_site: MqttSite, made: MadeDevice, device: Teller) -> None:
    """The SDK connects anew by itself, subscribes and asks for its limits (thingsboard §12)."""
    mqtt_site.server.restart()
    device.tell("answer_with", {"is": "back"})
    answered = mqtt_site.command(made, "ping", {})
    assert device.tell("hear") == {"command": {"method": "ping", "params": {}}}
    assert answered.result().json() == {"is": "back"}
    assert device.tell("telemetry", {"level": 1}) == SENT
    assert mqtt_site.latest(made, "level") == {"level": 1}


def test_the_example_of_the_guide(mqtt_site: MqttSite, made: MadeDevice, tmp_path: Path) -> None:
    """The block that the tests of the documentation leave to the SDK's environment (thingsboard §12)."""
    guide = blocks(DOCUMENTS / "how-to" / "firmware.md")
    (example,) = [block.text for block in guide if "tb_device_mqtt" in block.text]
    path = f"{ENVIRONMENTS / 'tb-mqtt-client' / 'bin'}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-euc", as_run(example, {"1883": str(mqtt_site.port)})],
        cwd=tmp_path,
        env={"PATH": path, "ACCESS_TOKEN": made.token},
        check=True,
        capture_output=True,
        text=True,
        timeout=LONGEST_WAIT_S,
    )
    assert ran.stdout == "stored\n"
    assert mqtt_site.claim(made, "button-7391").json()["response"] == "SUCCESS"
