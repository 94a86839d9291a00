"""Topics of a profile's own: where telemetry and attributes come, and where shared attributes are told."""

from typing import Any

import pytest

from deedbox.transports.mqtt.packets import PubAck, Publish, SubAck, Unsubscribe
from deedbox.transports.mqtt.reasons import SUBSCRIPTION_FAILED, Reason
from deedbox.transports.payload_formats.topic_filters import TopicFilter
from tests.transports.mqtt.joined import ATTRIBUTES, CLAIM, TELEMETRY, JoinedSite

OWN: dict[str, Any] = {
    "type": "MQTT",
    "deviceTelemetryTopic": "acme/+/telemetry",
    "deviceAttributesTopic": "acme/attributes",
    "deviceAttributesSubscribeTopic": "acme/+/config",
}


@pytest.mark.parametrize(
    ("text", "topic", "is_meant"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/bc", False),
        ("a.b", "axb", False),
        ("a/+/c", "a/x/c", True),
        ("a/+/c", "a//c", False),
        ("a/+/c", "a/x/y/c", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/#", "ab", False),
        ("#", "anything/at all", True),
        ("+", "a\nb", True),
    ],
)
def test_filters_mean_what_they_mean_in_the_reference_server(text: str, topic: str, is_meant: bool) -> None:
    assert TopicFilter(text).matches(topic) is is_meant


async def test_messages_come_on_topics_of_the_profile_and_of_the_device_api(site: JoinedSite) -> None:
    await site.speak(**OWN)
    client = await site.connected(4)
    await client.publish("acme/kitchen/telemetry", {"a": 1})
    await client.publish("acme/attributes", {"b": 2}, packet_id=2)
    await client.publish(TELEMETRY, {"c": 3}, packet_id=3)
    await client.publish(ATTRIBUTES, {"d": 4}, packet_id=4)
    assert client.acknowledged == [1, 2, 3, 4]
    assert await site.latest() == {"a": 1, "c": 3}
    assert await site.reported() == {"b": 2, "d": 4}


async def test_a_filter_for_everything_leaves_the_device_api_its_topics(site: JoinedSite) -> None:
    await site.speak(type="MQTT", deviceTelemetryTopic="#")
    client = await site.connected()
    await client.publish(CLAIM, {"secretKey": "k"})
    await client.publish("whatever", {"a": 1}, packet_id=2)
    assert len(site.heard) == 1 and await site.latest() == {"a": 1}


async def test_other_topics_and_other_profiles_topics_are_refused(site: JoinedSite) -> None:
    await site.speak(site.other, **OWN)
    client = await site.connected()
    [answer] = await client.publish("acme/kitchen/telemetry", {"a": 1})
    assert isinstance(answer, PubAck) and answer.reason == Reason.TOPIC_NAME_INVALID
    [refused] = await client.subscribe("acme/kitchen/config")
    assert isinstance(refused, SubAck) and refused.reasons[0] >= SUBSCRIPTION_FAILED


async def test_attributes_are_told_where_the_device_has_subscribed(site: JoinedSite) -> None:
    """One message for a change, however many filters mean it; those with + stand for the usual topic."""
    await site.speak(**OWN)
    client = await site.connected()
    for subscribed, topic in (("acme/1/config", "acme/1/config"), ("acme/+/config", ATTRIBUTES)):
        await client.subscribe(subscribed)
        await site.share(level=1)
        await site.settled()
        assert [it.topic for it in client.of(Publish)] == [topic]
        client.got.clear()
        await client.ask(Unsubscribe(3, [subscribed]))
    await client.subscribe("acme/1/config", ATTRIBUTES)
    await client.ask(Unsubscribe(3, ["acme/1/config"]))
    await site.share(level=2)
    await site.settled()
    assert client.told == [(ATTRIBUTES, {"level": 2})]
