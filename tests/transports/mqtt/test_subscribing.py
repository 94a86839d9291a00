"""What a device may subscribe to, and what it is told otherwise."""

import pytest

from deedbox.transports.mqtt.packets import SubAck, Subscribe, Subscription, UnsubAck, Unsubscribe
from deedbox.transports.mqtt.properties import Properties
from deedbox.transports.mqtt.reasons import Reason
from tests.transports.mqtt.joined import ANSWERS, ATTRIBUTES, COMMANDS, RESPONSES, TELEMETRY, JoinedSite

LEVELS = pytest.mark.parametrize("level", [3, 4, 5])


@LEVELS
async def test_the_topics_of_devices(site: JoinedSite, level: int) -> None:
    """Thingsboard §3.3; QoS 2 becomes 1 (MQTT 5 §3.8.4-8)."""
    client = await site.connected(level)
    wanted = [Subscription(ATTRIBUTES), Subscription(RESPONSES, 1), Subscription(COMMANDS, 2)]
    assert await client.ask(Subscribe(7, [*wanted, Subscription(ANSWERS)])) == [SubAck(7, [0, 1, 1, 0])]


@LEVELS
@pytest.mark.parametrize(
    "topic_filter",
    ["#", "+", "v1/devices/me/#", "v1/devices/+/attributes", TELEMETRY, "$SYS/#", "x/" * 30_000],
)
async def test_foreign_topics(site: JoinedSite, level: int, topic_filter: str) -> None:
    """Ux §6.4: 0x87, or 0x80 before MQTT 5; beside good ones, each for itself."""
    client = await site.connected(level)
    refused = Reason.NOT_AUTHORIZED if level == 5 else 0x80
    wanted = [Subscription(topic_filter, 1), Subscription(ATTRIBUTES, 1)]
    assert await client.ask(Subscribe(7, wanted)) == [SubAck(7, [refused, 1])]
    assert client.ended() is None


async def test_shared_subscriptions(site: JoinedSite) -> None:
    """Ux §6.4, MQTT 5 §3.2.2.3.13: 0x9E."""
    client = await site.connected()
    shared = Subscribe(7, [Subscription(f"$share/g/{ATTRIBUTES}"), Subscription(ATTRIBUTES)])
    assert await client.ask(shared) == [SubAck(7, [Reason.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED, 0])]
    older = await site.connected(4)
    assert await older.ask(shared) == [SubAck(7, [0x80, 0])]


async def test_subscription_ids(site: JoinedSite) -> None:
    """Ux §6.4, MQTT 5 §3.2.2.3.12: 0xA1, and nothing is subscribed."""
    client = await site.connected()
    with_id = Subscribe(7, [Subscription(ATTRIBUTES, 1)], Properties(subscription_ids=(5,)))
    assert await client.ask(with_id) == [SubAck(7, [Reason.SUBSCRIPTION_IDS_NOT_SUPPORTED])]
    await site.share(fan=1)
    await site.settled()
    assert client.told == []


@LEVELS
async def test_subscribing_again_replaces(site: JoinedSite, level: int) -> None:
    """MQTT 5 §3.8.4-3: with the QoS of the last, and once."""
    client = await site.connected(level)
    for qos in (1, 0):
        await client.subscribe(ATTRIBUTES, qos=qos)
    await site.share(fan=1)
    await site.settled()
    assert client.told == [(ATTRIBUTES, {"fan": 1})]
    assert client.got_bytes.count(b"\x30") >= 1


@LEVELS
async def test_unsubscribing(site: JoinedSite, level: int) -> None:
    """MQTT 5 §3.11.3; older clients hear no reasons."""
    client = await site.connected(level)
    await client.subscribe(ATTRIBUTES, COMMANDS)
    answer = await client.ask(Unsubscribe(8, [ATTRIBUTES, COMMANDS, ATTRIBUTES]))
    assert answer == [UnsubAck(8, [0, 0, 0x11] if level == 5 else [])]


async def test_options_of_mqtt_5_make_no_difference(site: JoinedSite) -> None:
    client = await site.connected()
    wanted = Subscription(ATTRIBUTES, 1, no_local=True, retain_as_published=True, retain_handling=2)
    assert await client.ask(Subscribe(7, [wanted])) == [SubAck(7, [1])]
