"""What the server offers and does not offer to clients of MQTT 5: said in CONNACK, and true."""

import json
import math
from typing import Any

import pytest

from tests.conformance.mqtt_site import MadeDevice, MqttSite
from tests.conformance.paho_device import V5, V31, V311, attempt, connected

TELEMETRY = "v1/devices/me/telemetry"
ATTRIBUTES = "v1/devices/me/attributes"
COMMANDS = "v1/devices/me/rpc/request/+"
TOO_LARGE = 0x95


@pytest.fixture(scope="module")
def offers(mqtt_site: MqttSite) -> dict[str, Any]:
    """The properties of a CONNACK."""
    made = mqtt_site.new_device()
    with attempt(mqtt_site, made.token, V5, made.name) as (_, answer):
        assert answer.reason == 0
        return answer.properties


def test_what_is_not_offered_is_announced(offers: dict[str, Any]) -> None:
    """See ux §6.4"""
    assert offers["RetainAvailable"] == 0
    assert offers["SharedSubscriptionAvailable"] == 0
    assert offers["SubscriptionIdentifierAvailable"] == 0
    # Every client of the device API subscribes with "+", and QoS 2 is taken.
    assert offers.get("WildcardSubscriptionAvailable", 1) == 1
    assert "MaximumQoS" not in offers
    assert offers["MaximumPacketSize"] >= 65_536
    assert offers["ReceiveMaximum"] >= 1


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (f"$share/group/{ATTRIBUTES}", 0x9E),
        ("#", 0x87),
        ("v1/devices/me/#", 0x87),
        ("$SYS/broker/uptime", 0x87),
    ],
)
def test_subscriptions_that_are_not_offered(
    mqtt_site: MqttSite, made: MadeDevice, wanted: str, reason: int
) -> None:
    """Refused with the reason that the standard has for it; older versions have one (ux §6.4)."""
    with connected(mqtt_site, made, V5) as device:
        assert device.subscribe(wanted, ATTRIBUTES) == [reason, 1]
    for protocol in (V31, V311):
        with connected(mqtt_site, made, protocol) as device:
            assert device.subscribe(wanted, ATTRIBUTES) == [0x80, 1]


def test_subscription_identifiers_are_not_offered(mqtt_site: MqttSite, made: MadeDevice) -> None:
    """See ux §6.4"""
    with connected(mqtt_site, made, V5) as device:
        assert device.subscribe(ATTRIBUTES, identifier=7) == [0xA1]
        assert device.publish(TELEMETRY, {"still": "here"}).reason == 0


def test_retained_messages_are_not_offered(mqtt_site: MqttSite, made: MadeDevice) -> None:
    """The standard makes it a reason to disconnect (ux §6.4)."""
    with connected(mqtt_site, made, V5) as device:
        device.send(TELEMETRY, {"level": 1}, retain=True)
        assert device.ended()[:2] == (True, 0x9A)
    assert mqtt_site.latest(made, "level") == {}


@pytest.mark.parametrize("protocol", [V31, V311], ids=["3.1", "3.1.1"])
def test_older_clients_may_ask_to_retain(mqtt_site: MqttSite, made: MadeDevice, protocol: Any) -> None:
    """They could not know: the value is stored, which is all that a device's message is for (ux §6.4)."""
    with connected(mqtt_site, made, protocol) as device:
        assert device.publish(TELEMETRY, {"level": 1}, retain=True).reason == 0
    assert mqtt_site.latest(made, "level") == {"level": 1}


def test_a_packet_over_the_maximum(mqtt_site: MqttSite, made: MadeDevice, offers: dict[str, Any]) -> None:
    """The largest that is allowed is taken, one byte more is not (ux §6.4)."""
    largest = offers["MaximumPacketSize"]
    with connected(mqtt_site, made, V5) as device:
        assert device.publish(TELEMETRY, telemetry_filling(largest)).reason == 0
        assert mqtt_site.latest(made, "level") == {"level": 1}
        device.send(TELEMETRY, telemetry_filling(largest + 1))
        assert device.ended()[:2] == (True, TOO_LARGE)


def telemetry_filling(packet_bytes: int) -> bytes:
    """A QoS 1 PUBLISH of that size needs this payload: JSON with blanks at its end."""
    # fixed header with a length of three bytes, topic, packet id, no properties
    around = 4 + 2 + len(TELEMETRY) + 2 + 1
    return b'{"level":1}'.ljust(packet_bytes - around)


def test_no_more_on_the_way_than_a_client_takes(mqtt_site: MqttSite, made: MadeDevice) -> None:
    """Further messages wait until one of the two is acknowledged (ux §6.4)."""
    told = {f"n{number}" for number in range(5)}
    with connected(mqtt_site, made, V5, ReceiveMaximum=2, manual_ack=True) as device:
        assert device.subscribe(ATTRIBUTES) == [1]
        on_the_way = []
        for number, name in enumerate(sorted(told)):
            mqtt_site.share(made, **{name: number})
            if number < 2:
                on_the_way.append(device.next_message())
        assert device.publish(TELEMETRY, {"level": 1}).reason == 0
        assert device.messages.empty()
        heard: set[str] = set()
        while heard != told:
            message = on_the_way.pop(0)
            heard |= json.loads(message.payload).keys()
            device.client.ack(message.mid, message.qos)
            if not on_the_way and heard != told:
                on_the_way.append(device.next_message())


def test_a_client_may_shorten_topics(mqtt_site: MqttSite, made: MadeDevice, offers: dict[str, Any]) -> None:
    """An alias is announced once and used without its topic then (ux §6.4)."""
    highest = offers["TopicAliasMaximum"]
    assert highest >= 1
    with connected(mqtt_site, made, V5) as device:
        assert device.publish(TELEMETRY, {"a": 1}, TopicAlias=highest).reason == 0
        assert device.publish("", {"b": 2}, TopicAlias=highest).reason == 0
        assert device.publish(ATTRIBUTES, {"c": 3}, TopicAlias=highest).reason == 0
        assert device.publish("", {"d": 4}, TopicAlias=highest).reason == 0
    assert mqtt_site.latest(made, "a", "b", "c", "d") == {"a": 1, "b": 2}
    assert mqtt_site.attributes(made, "CLIENT_SCOPE") == {"c": 3, "d": 4}


@pytest.mark.parametrize(
    ("topic", "alias", "reason"),
    [(TELEMETRY, math.inf, 0x94), ("", 1, 0x94)],
    ids=["beyond the maximum", "never announced"],
)
def test_an_alias_that_is_none(
    mqtt_site: MqttSite, made: MadeDevice, offers: dict[str, Any], topic: str, alias: float, reason: int
) -> None:
    """See ux §6.4"""
    number = int(min(alias, offers["TopicAliasMaximum"] + 1))
    with connected(mqtt_site, made, V5) as device:
        device.send(topic, {"a": 1}, TopicAlias=number)
        assert device.ended()[:2] == (True, reason)


def test_what_a_client_cannot_take_is_not_sent(mqtt_site: MqttSite, made: MadeDevice) -> None:
    """Not the message that is too large, but the next one (ux §6.4)."""
    with connected(mqtt_site, made, V5, MaximumPacketSize=200) as device:
        assert device.subscribe(ATTRIBUTES) == [1]
        mqtt_site.share(made, greeting="hello " * 100)
        mqtt_site.share(made, interval=5)
        assert json.loads(device.next_message().payload) == {"interval": 5}
