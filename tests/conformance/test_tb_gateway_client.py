"""ThingsBoard's own Python SDK, tb-mqtt-client as published, as a gateway.

It runs in an environment of its own (`make .venv-conformance/tb-mqtt-client`) and tells what it
saw; this file asks for the chapters and judges.
"""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count

import pytest

from tests.conformance.chapters import Teller, teller
from tests.conformance.mqtt_site import HOST, LONGEST_WAIT_S, MadeDevice, MqttSite
from tests.conformance.rest_people import get, post, sign_in

SENT = {"result": 0}
_numbers = count(1)


@pytest.fixture
def name() -> str:
    """A name that no device has yet."""
    return f"Device {next(_numbers)}"


@pytest.fixture
def gateway(mqtt_site: MqttSite) -> Iterator[Teller]:
    """A gateway on the SDK, connected, subscribed and told its limits."""
    with new_gateway(mqtt_site) as started:
        yield started


@contextmanager
def new_gateway(mqtt_site: MqttSite) -> Iterator[Teller]:
    """Make and connect one."""
    token = f"token-of-gateway-{next(_numbers)}"
    device = {"name": token.removeprefix("token-of-"), "additionalInfo": {"gateway": True}}
    post(mqtt_site.maker, f"/api/device?accessToken={token}", device)
    address = (HOST, str(mqtt_site.port))
    with teller("tb-mqtt-client", "tb_gateway_client_story", *address, DEVICE_TOKEN=token) as started:
        assert started.tell("connect") == {"ready": True}
        yield started
        assert started.tell("leave") == {"connected": False}


def made_by(site: MqttSite, name: str) -> MadeDevice:
    """The device that a gateway has made, as the maker finds it."""
    found = get(site.maker, "/api/tenant/devices", deviceName=name)
    return MadeDevice(name, found["id"]["id"], "")


def test_claim(mqtt_site: MqttSite, gateway: Teller, name: str) -> None:
    """Scenario S of a gateway with the SDK's own call (thingsboard §11, §12; behaviour §2, §4)."""
    assert gateway.tell("claim", name, "value", 1) == SENT
    time.sleep(0.01)  # until the key has surely expired: the clock decides, to the millisecond
    device = made_by(mqtt_site, name)
    assert mqtt_site.claim(device, "value").json() == "FAILURE"
    assert gateway.tell("claim", name, "value", "60000") == SENT
    claimed = mqtt_site.claim(device, "value").json()
    assert claimed["response"] == "SUCCESS"
    assert claimed["device"]["customerId"] == mqtt_site.customer_of_owner()
    assert mqtt_site.claim(device, "value").json() == "CLAIMED"


def test_claim_of_many(mqtt_site: MqttSite, gateway: Teller) -> None:
    """In one message; one without a key and a duration (thingsboard §3.1)."""
    names = [f"Device {next(_numbers)}" for _ in range(20)]
    offers = {name: {"secretKey": f"key of {name}", "durationMs": 60_000} for name in names}
    assert gateway.tell("claim_all", offers | {names[0]: {}}) == SENT
    keys = [None, *(f"key of {name}" for name in names[1:])]
    for name, key in zip(names, keys, strict=True):
        claimed = mqtt_site.claim(made_by(mqtt_site, name), key)
        assert claimed.json()["response"] == "SUCCESS"


def test_a_device_that_connects(mqtt_site: MqttSite, gateway: Teller, name: str) -> None:
    """Thingsboard §3.1, §3.2: made with its profile and a relation."""
    assert gateway.tell("connect_device", name, "lamp") == SENT
    device = get(mqtt_site.maker, "/api/tenant/devices", deviceName=name)
    assert device["type"] == "lamp"
    relations = get(
        mqtt_site.maker, "/api/relations", toId=device["id"]["id"], toType="DEVICE", relationType="Created"
    )
    assert [it["from"]["id"] for it in relations] == [device["additionalInfo"]["lastConnectedGateway"]]
    assert gateway.tell("disconnect_device", name) == SENT


def test_values(mqtt_site: MqttSite, gateway: Teller, name: str) -> None:
    """Measurements and attributes in the forms that the SDK sends (thingsboard §3.2)."""
    assert gateway.tell("telemetry", name, {"ts": 1451649600512, "values": {"level": 1}}) == SENT
    assert gateway.tell("telemetry", name, [{"temperature": 41.9}, {"note": "x"}]) == SENT
    assert gateway.tell("attributes", name, {"firmware": "1.2.3"}) == SENT
    device = made_by(mqtt_site, name)
    assert mqtt_site.latest(device, "level", "temperature", "note") == {
        "level": 1,
        "temperature": 41.9,
        "note": "x",
    }
    assert mqtt_site.attributes(device, "CLIENT_SCOPE") == {"firmware": "1.2.3"}


def test_attributes_asked_for_and_watched(mqtt_site: MqttSite, gateway: Teller, name: str) -> None:
    """Thingsboard §3.2."""
    gateway.tell("connect_device", name, "default")
    gateway.tell("attributes", name, {"firmware": "1.2.3"})
    device = made_by(mqtt_site, name)
    assert gateway.tell("watch", name) == {"watched": True}
    mqtt_site.share(device, interval=5)
    assert gateway.tell("hear")["change"] == {"device": name, "data": {"interval": 5}}
    for keys, of_client, values in (
        (["firmware"], True, {"firmware": "1.2.3"}),
        (["interval"], False, {"interval": 5}),
    ):
        answer = gateway.tell("ask_attributes", name, keys, of_client)["answer"]
        assert (answer["device"], answer["values"]) == (name, values)


def test_commands(mqtt_site: MqttSite, gateway: Teller, name: str) -> None:
    """Two-way and one-way (thingsboard §3.2)."""
    gateway.tell("connect_device", name, "default")
    device = made_by(mqtt_site, name)
    gateway.tell("answer_with", {"lamp": "on"})
    answered = mqtt_site.command(device, "setLamp", {"on": True})
    command = gateway.tell("hear")["command"]
    assert (command["device"], command["data"]["method"]) == (name, "setLamp")
    assert (answered.result().status_code, answered.result().json()) == (200, {"lamp": "on"})
    sent = mqtt_site.command(device, "beep", [1, 2], way="oneway")
    assert gateway.tell("hear")["command"]["data"]["params"] == [1, 2]
    assert sent.result().status_code == 200


def test_limits(mqtt_site: MqttSite) -> None:
    """The SDK keeps to four fifths of what it is told, for itself and what is behind it: thingsboard §3.3."""
    tenant_id = get(mqtt_site.maker, "/api/auth/user")["tenantId"]["id"]
    own, behind = "transportGatewayDeviceMsgRateLimit", "transportGatewayMsgRateLimit"
    path = f"/api/tenant/{tenant_id}/limits"
    with closing(sign_in(*mqtt_site.server.address)) as administrator:
        post(administrator, path, {own: "100:1", behind: "1000:1"})
        assert any(told == {"own": 80, "behind": 800} for told in limits_of_new_gateways(mqtt_site))
        post(administrator, path, {own: None, behind: None})


def limits_of_new_gateways(mqtt_site: MqttSite) -> Iterator[dict[str, int]]:
    """Ask gateways for what they were told: another worker learns of new limits within ten seconds."""
    give_up_at = time.monotonic() + LONGEST_WAIT_S
    while time.monotonic() < give_up_at:
        with new_gateway(mqtt_site) as gateway:
            yield gateway.tell("limits")
