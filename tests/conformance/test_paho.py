"""Eclipse Paho's Python client lives the life of a device: over MQTT 3.1, 3.1.1 and 5, on the same topics."""

import json
import time
from typing import Any

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from tests.conformance.mqtt_site import MadeDevice, MqttSite, wait_until
from tests.conformance.paho_device import V5, V31, V311, attempt, connected

CLAIM = "v1/devices/me/claim"
TELEMETRY = "v1/devices/me/telemetry"
ATTRIBUTES = "v1/devices/me/attributes"
NOTHING: dict[str, Any] = {}
EVERYTHING = {
    "stringKey": "value1",
    "booleanKey": True,
    "doubleKey": 42.5,
    "longKey": 73,
    "jsonKey": {"someNumber": 42, "someArray": [1, 2, 3], "someNestedObject": {"key": "value"}},
}
FORMS: list[tuple[object, dict[str, Any]]] = [
    (EVERYTHING, EVERYTHING),
    ([{"key1": "value1"}, {"key2": True}], {"key1": "value1", "key2": True}),
    ({"ts": 1451649600512, "values": EVERYTHING}, EVERYTHING),
    ([{"ts": 1451649600512, "values": {"a": 1}}, {"ts": 1451649600513, "values": {"a": 2}}], {"a": 2}),
    (b"{temperature:25}", {"temperature": 25}),
    (b'{"numeric":"17"}', {"numeric": 17}),
]
# The reasons in the words of version 5, as Paho says those of older versions too.
BAD_CREDENTIALS = (0x86, 0x87)

pytestmark = pytest.mark.parametrize("protocol", [V31, V311, V5], ids=["3.1", "3.1.1", "5"])


@pytest.mark.parametrize("secret_key", ["value", None], ids=["with key", "without key"])
def test_scenario_s(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion, secret_key: str | None
) -> None:
    """An expired key, a valid one, a claim, a repeated claim (thingsboard §11, behaviour §4)."""
    key = {"secretKey": secret_key} if secret_key else NOTHING
    with connected(mqtt_site, made, protocol) as device:
        assert device.publish(CLAIM, key | {"durationMs": 1}).reason == 0
        time.sleep(0.01)  # until the key has surely expired: the clock decides, to the millisecond
        too_late = mqtt_site.claim(made, secret_key)
        assert (too_late.status_code, too_late.json()) == (400, "FAILURE")
        longer = key | {"durationMs": 60_000} if secret_key else NOTHING
        assert device.publish(CLAIM, longer).reason == 0
        claimed = mqtt_site.claim(made, secret_key)
        assert (claimed.status_code, claimed.json()["response"]) == (200, "SUCCESS")
        assert claimed.json()["device"]["customerId"] == mqtt_site.customer_of_owner()
        again = mqtt_site.claim(made, secret_key)
        assert (again.status_code, again.json()) == (400, "CLAIMED")


def test_an_empty_message_opens_a_window(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """No byte at all is an offer without a key (behaviour §2, thingsboard §2.1)."""
    with connected(mqtt_site, made, protocol) as device:
        assert device.publish(CLAIM, b"").reason == 0
    assert mqtt_site.claim(made, None).json()["response"] == "SUCCESS"


def test_an_owned_device_may_offer_itself(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """A refusal is an answer: an acknowledgement, which in version 5 says why (behaviour §2.5)."""
    with connected(mqtt_site, made, protocol) as device:
        accepted = device.publish(CLAIM, {"secretKey": "value"})
        assert mqtt_site.claim(made, "value").status_code == 200
        refused = device.publish(CLAIM, {"secretKey": "value"})
        assert (accepted.reason, refused.reason) == (0, 0)
        if protocol is V5:
            assert accepted.properties["UserProperty"].keys() == {"accepted", "expiresAt"}
            assert accepted.properties["UserProperty"]["accepted"] == "true"
            assert refused.properties["UserProperty"] == {"accepted": "false", "reason": "owned"}
            assert json.loads(refused.properties["ReasonString"]) == {"accepted": False, "reason": "owned"}
        assert device.publish(TELEMETRY, {"still": "here"}).reason == 0


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize(("sent", "stored"), FORMS)
def test_telemetry_is_stored(
    mqtt_site: MqttSite,
    made: MadeDevice,
    protocol: MQTTProtocolVersion,
    sent: object,
    stored: dict[str, Any],
    qos: int,
) -> None:
    """Every form, readable when it is acknowledged (thingsboard §3.3, behaviour §2.6)."""
    with connected(mqtt_site, made, protocol) as device:
        assert device.publish(TELEMETRY, sent, qos).reason == 0
        if qos == 0:
            wait_until(lambda: mqtt_site.latest(made, *stored) == stored, "the values")
        assert mqtt_site.latest(made, *stored) == stored


def test_telemetry_keeps_its_time(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """Points that waited in the device lie where they were measured (thingsboard §3.3)."""
    points = [(1451649600000 + second, second) for second in range(5)]
    with connected(mqtt_site, made, protocol) as device:
        for ts, level in points:
            assert device.publish(TELEMETRY, {"ts": ts, "values": {"level": level}}).reason == 0
    assert mqtt_site.points(made, "level") == points


def test_many_messages_on_the_way(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """Each is acknowledged, none is lost (behaviour §2.6)."""
    with connected(mqtt_site, made, protocol) as device:
        sent = [
            device.send(TELEMETRY, {"ts": 1451649600000 + number, "values": {"n": number}})
            for number in range(300)
        ]
        assert {device.acknowledged(each).reason for each in sent} == {0}
    assert [value for _, value in mqtt_site.points(made, "n")] == list(range(300))


def test_attributes_are_reported_and_asked_for(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """The device's own attributes, and both kinds read back (thingsboard §3.3)."""
    mqtt_site.share(made, interval=5, other=1)
    with connected(mqtt_site, made, protocol) as device:
        assert device.publish(ATTRIBUTES, EVERYTHING).reason == 0
        assert mqtt_site.attributes(made, "CLIENT_SCOPE") == EVERYTHING
        assert device.subscribe(f"{ATTRIBUTES}/response/+") == [1]
        wanted = {"clientKeys": "longKey,unknown", "sharedKeys": "interval"}
        assert device.publish(f"{ATTRIBUTES}/request/17", wanted).reason == 0
        answer = device.next_message()
        assert answer.topic == f"{ATTRIBUTES}/response/17"
        assert json.loads(answer.payload) == {"client": {"longKey": 73}, "shared": {"interval": 5}}


def test_shared_attributes_are_pushed(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """A change and a deletion, as they are made (thingsboard §3.3)."""
    with connected(mqtt_site, made, protocol) as device:
        assert device.subscribe(ATTRIBUTES) == [1]
        mqtt_site.share(made, interval=5)
        changed = device.next_message()
        assert (changed.topic, json.loads(changed.payload)) == (ATTRIBUTES, {"interval": 5})
        mqtt_site.unshare(made, "interval")
        deleted = device.next_message()
        assert (deleted.topic, json.loads(deleted.payload)) == (ATTRIBUTES, {"deleted": ["interval"]})


def test_a_command_is_answered(mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion) -> None:
    """Two-way: the caller gets what the device replied (thingsboard §3.3, §6.7)."""
    with connected(mqtt_site, made, protocol) as device:
        assert device.subscribe("v1/devices/me/rpc/request/+") == [1]
        answered = mqtt_site.command(made, "setLamp", {"on": True})
        request = device.next_message()
        assert json.loads(request.payload) == {"method": "setLamp", "params": {"on": True}}
        number = request.topic.removeprefix("v1/devices/me/rpc/request/")
        assert number.isdecimal()
        assert device.publish(f"v1/devices/me/rpc/response/{number}", {"lamp": "on"}).reason == 0
        answer = answered.result()
        assert (answer.status_code, answer.json()) == (200, {"lamp": "on"})


def test_a_command_needs_no_answer(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """One-way: over when the device has taken it (thingsboard §6.7)."""
    with connected(mqtt_site, made, protocol) as device:
        taken = mqtt_site.command(made, "beep", [1, 2], way="oneway")
        # Only now: a device that is connected but has not subscribed yet is waited for.
        assert device.subscribe("v1/devices/me/rpc/request/+") == [1]
        assert json.loads(device.next_message().payload) == {"method": "beep", "params": [1, 2]}
        assert taken.result().status_code == 200


def test_a_device_asks_for_its_limits(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """The one question of its own that every server answers (thingsboard §3.3)."""
    with connected(mqtt_site, made, protocol) as device:
        limits = device.ask(
            "v1/devices/me/rpc/request/1",
            {"method": "getSessionLimits", "params": {"timeout": 5000}},
            "v1/devices/me/rpc/response/1",
        )
        assert {"maxPayloadSize", "maxInflightMessages", "rateLimits"} <= limits.keys()
        assert limits["rateLimits"].keys() >= {"messages", "telemetryMessages", "telemetryDataPoints"}
        assert limits["maxPayloadSize"] >= 65_536
        assert "gatewayRateLimits" not in limits


def test_a_device_asks_what_nobody_answers(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """It is told so (thingsboard §3.3)."""
    with connected(mqtt_site, made, protocol) as device:
        question = {"method": "getTime", "params": {}}
        answer = device.ask("v1/devices/me/rpc/request/2", question, "v1/devices/me/rpc/response/2")
        assert answer.keys() == {"error"}


@pytest.mark.parametrize("token", ["nobodys-token", None], ids=["wrong", "none"])
def test_no_token_no_connection(
    mqtt_site: MqttSite, protocol: MQTTProtocolVersion, token: str | None
) -> None:
    """See thingsboard §2.2"""
    with attempt(mqtt_site, token, protocol, client_id="stranger") as (device, answer):
        assert answer.reason in BAD_CREDENTIALS
        device.ended()


@pytest.mark.parametrize("topic", [TELEMETRY, ATTRIBUTES, CLAIM])
def test_a_bad_payload(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion, topic: str
) -> None:
    """Version 5 says it and goes on, older versions can only hang up (behaviour §2.5, thingsboard §2.2)."""
    with connected(mqtt_site, made, protocol) as device:
        sent = device.send(topic, b'{"secretKey":')
        if protocol is V5:
            assert device.acknowledged(sent).reason == 0x99
            assert device.publish(TELEMETRY, {"still": "here"}).reason == 0
        else:
            assert not device.ended().said


def test_an_unknown_topic_is_no_reason_to_leave(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """Acknowledged, in version 5 with the reason (thingsboard §2.2)."""
    with connected(mqtt_site, made, protocol) as device:
        assert device.publish("home/lamp", {"on": True}).reason == (0x90 if protocol is V5 else 0)
        assert device.publish(TELEMETRY, {"still": "here"}).reason == 0


def test_foreign_topics_cannot_be_subscribed(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """Refused one by one; what is the device's own is granted at QoS 1 at most (ux §6.4)."""
    filters = (ATTRIBUTES, "home/lamp", f"v1/devices/{made.id}/attributes", f"{ATTRIBUTES}/response/+")
    refused = 0x87 if protocol is V5 else 0x80
    with connected(mqtt_site, made, protocol) as device:
        assert device.subscribe(*filters, qos=2) == [1, refused, refused, 1]
        assert device.subscribe("v1/devices/me/rpc/request/+", qos=0) == [0]


def test_unsubscribed_topics_are_silent(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """What comes after the UNSUBACK is not for them (ux §6.4)."""
    with connected(mqtt_site, made, protocol) as device:
        assert device.subscribe(ATTRIBUTES, f"{ATTRIBUTES}/response/+") == [1, 1]
        assert device.unsubscribe(ATTRIBUTES, "home/lamp") == ([0, 0x11] if protocol is V5 else [])
        mqtt_site.share(made, interval=5)
        assert device.publish(f"{ATTRIBUTES}/request/1", {"sharedKeys": "interval"}).reason == 0
        assert device.next_message().topic == f"{ATTRIBUTES}/response/1"


def test_single_answers_can_be_subscribed(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """Tools that ask one question wait on one topic; there are not endlessly many (ux §6.4)."""
    answers = [f"{ATTRIBUTES}/response/{number}" for number in range(1, 101)]
    with connected(mqtt_site, made, protocol) as device:
        assert device.subscribe(*answers) == [1] * 100
        assert device.publish(f"{ATTRIBUTES}/request/101", NOTHING).reason == 0
        assert device.publish(f"{ATTRIBUTES}/request/7", NOTHING).reason == 0
        assert device.next_message().topic == answers[6]
        assert device.subscribe(ATTRIBUTES) == [0x97 if protocol is V5 else 0x80]
        device.unsubscribe(*answers[1:])
        assert device.subscribe(ATTRIBUTES, answers[0]) == [1, 1]


def test_client_id_user_name_and_password(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """The other kind of credentials that MQTT has (thingsboard §2.2)."""
    basic = {"clientId": made.name, "userName": f"user-{made.name}", "password": "a password"}
    mqtt_site.set_mqtt_credentials(made, basic)
    with attempt(mqtt_site, basic["userName"], protocol, made.name, basic["password"]) as (device, answer):
        assert answer.reason == 0
        assert device.publish(TELEMETRY, {"level": 1}).reason == 0
    assert mqtt_site.latest(made, "level") == {"level": 1}
    for password in ("another password", None):
        with attempt(mqtt_site, basic["userName"], protocol, made.name, password) as (_, answer):
            assert answer.reason in BAD_CREDENTIALS
