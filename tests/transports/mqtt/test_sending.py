"""Messages to devices: windows, what is sent again, queues, and packets that a client has no room for."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec
import pytest

from deedbox.core.attributes import Writer
from deedbox.core.rpc import Outcome
from deedbox.transports.mqtt import encoding
from deedbox.transports.mqtt.fitting import fitting
from deedbox.transports.mqtt.packets import (
    ConnAck,
    PingReq,
    PubAck,
    Publish,
    PubRec,
    Subscribe,
    Subscription,
    UnsubAck,
    Unsubscribe,
)
from deedbox.transports.mqtt.properties import EMPTY, Properties
from deedbox.transports.mqtt.reasons import Reason
from tests.transports.mqtt.joined import ATTRIBUTES, CLAIM, COMMANDS, Client, JoinedSite

LEVELS = pytest.mark.parametrize("level", [3, 4, 5])
NewSite = Callable[..., Awaitable[JoinedSite]]


def keeping(level: int) -> dict[str, Any]:
    """What keeps a session."""
    return {"clean_start": False} | ({"session_expiry_s": 600} if level == 5 else {})


async def listening(site: JoinedSite, level: int = 5, qos: int = 1, **fields: Any) -> Client:
    """Return a client that takes commands."""
    client = await site.connected(level, **keeping(level) | fields)
    await client.subscribe(COMMANDS, qos=qos)
    return client


async def offer(site: JoinedSite, *methods: str) -> list["asyncio.Task[Outcome]"]:
    """Ask the device something, each with its own caller who waits."""
    calls = [site.beside(site.call(it)) for it in methods]
    await site.settled()
    return calls


def methods(client: Client) -> list[str]:
    return [payload["method"] for _, payload in client.told]


@LEVELS
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_messages_come_with_the_granted_qos(site: JoinedSite, level: int, qos: int) -> None:
    """MQTT 5 §3.8.4-8: QoS 2 is granted as 1."""
    client = await listening(site, level, qos)
    await offer(site, "a")
    sent = client.of(Publish)
    assert [(it.qos, it.duplicate, it.retain) for it in sent] == [(min(qos, 1), False, False)]
    assert bool(sent[0].packet_id) == (qos > 0)


@LEVELS
async def test_no_more_than_the_window_is_on_the_way(site: JoinedSite, level: int) -> None:
    """MQTT 5 §3.1.2.11.3, §4.9."""
    window = {"receive_maximum": 2} if level == 5 else {}
    client = await listening(site, level, **window)
    await offer(site, "a", "b", "c", "d")
    if level < 5:
        assert methods(client) == ["a", "b", "c", "d"]
        return
    assert methods(client) == ["a", "b"]
    await client.ask(PubAck(client.of(Publish)[0].packet_id))
    assert methods(client) == ["a", "b", "c"]
    assert len({it.packet_id for it in client.of(Publish)}) == 3


async def test_qos_0_needs_no_window(site: JoinedSite) -> None:
    client = await listening(site, qos=0, receive_maximum=1)
    await offer(site, "a", "b", "c")
    assert methods(client) == ["a", "b", "c"]


@LEVELS
async def test_what_was_not_acknowledged_comes_again(site: JoinedSite, level: int) -> None:
    """MQTT 5 §4.4-1: with DUP, the same id, in the same order, before anything else."""
    client = await listening(site, level)
    await offer(site, "a", "b", "c")
    first = client.of(Publish)
    await client.ask(PubAck(first[1].packet_id))
    await client.hang_up()
    client = await site.connected(level, **keeping(level))
    await offer(site, "d")
    again = [(it.packet_id, it.duplicate) for it in client.of(Publish)]
    assert again[:2] == [(first[0].packet_id, True), (first[2].packet_id, True)]
    assert [it for _, it in again[2:]] == [False]
    assert methods(client) == ["a", "c", "d"]


async def test_what_comes_again_keeps_to_the_new_window(site: JoinedSite) -> None:
    """MQTT 5 §3.3.4-9, for the server's side."""
    client = await listening(site)
    await offer(site, "a", "b", "c")
    await client.hang_up()
    client = await site.connected(**keeping(5), receive_maximum=1)
    seen: list[Publish] = []
    for _ in range(3):
        assert len(client.of(Publish)) == len(seen) + 1
        seen.append(client.of(Publish)[-1])
        await client.ask(PubAck(seen[-1].packet_id))
    assert methods(client) == ["a", "b", "c"]
    assert all(it.duplicate for it in seen)


async def test_an_acknowledgement_of_what_is_still_to_come_again(site: JoinedSite) -> None:
    client = await listening(site)
    await offer(site, "a", "b", "c")
    ids = [it.packet_id for it in client.of(Publish)]
    await client.hang_up()
    client = await site.connected(**keeping(5), receive_maximum=1)
    await client.ask(PubAck(ids[1]))
    await client.ask(PubAck(ids[0]))
    assert [it.packet_id for it in client.of(Publish)] == [ids[0], ids[2]]


async def test_commands_for_a_device_that_is_away_wait_where_they_are(site: JoinedSite) -> None:
    client = await listening(site)
    await client.hang_up()
    await offer(site, "a")
    client = await site.connected(**keeping(5))
    await site.settled()
    assert [(it.duplicate, it.qos) for it in client.of(Publish)] == [(False, 1)]


async def test_a_full_queue_gives_back_what_it_can_not_take(new_site: NewSite) -> None:
    """Nothing is lost: it is offered once more, when the device comes anew."""
    site = await new_site(most_queued=1)
    client = await listening(site, receive_maximum=1)
    await offer(site, "a", "b", "c", "d")
    assert methods(client) == ["a"]
    while len(client.of(Publish)) < 2:
        await client.ask(PubAck(client.of(Publish)[-1].packet_id))
    assert methods(client)[:2] == ["a", "b"]


async def test_unknown_acknowledgements_are_ignored(site: JoinedSite) -> None:
    client = await listening(site)
    assert await client.ask(PubAck(77)) == []
    assert client.ended() is None


async def test_an_answer_to_a_handshake_that_never_was(site: JoinedSite) -> None:
    """Nothing is sent with QoS 2 here."""
    client = await listening(site)
    await client.ask(PubRec(1))
    assert client.ended() == Reason.PROTOCOL_ERROR


async def test_what_a_client_has_no_room_for_is_not_sent(site: JoinedSite) -> None:
    """MQTT 5 §3.1.2-25: it is as good as sent, and what follows comes."""
    client = await listening(site, maximum_packet_bytes=200, receive_maximum=1)
    calls = await offer(site, "x" * 200, "y" * 200, "short")
    assert methods(client) == ["short"]
    assert not any(it.done() for it in calls)
    assert client.ended() is None


async def test_what_waited_for_a_client_that_has_less_room_now(site: JoinedSite) -> None:
    client = await listening(site)
    await offer(site, "x" * 200, "short")
    await client.hang_up()
    client = await site.connected(**keeping(5), maximum_packet_bytes=200)
    assert methods(client) == ["short"]


async def test_just_enough_room(site: JoinedSite) -> None:
    client = await listening(site)
    await offer(site, "a" * 100)
    [message] = client.of(Publish)
    length = len(encoding.publish(5, msgspec.structs.replace(message, properties=EMPTY)))
    # Numbers of commands have up to ten digits, each its own.
    for room, expected in ((length + 10, 1), (length - 10, 0)):
        client = await site.connected(5, f"c{room}", maximum_packet_bytes=room)
        await client.subscribe(ATTRIBUTES)
        await client.hang_up()
        client = await listening(site, clean_start=True, client_id="d", maximum_packet_bytes=room)
        await offer(site, "a" * 100)
        assert len(client.of(Publish)) == expected
        await client.hang_up()


async def test_explanations_are_left_out_where_there_is_no_room(site: JoinedSite) -> None:
    """MQTT 5 §3.4.2-2: never the answer."""
    told = {}
    for room in (100, 1_000):
        client = await site.connected(maximum_packet_bytes=room)
        answer = (await client.publish(CLAIM, b"[]"))[0]
        assert isinstance(answer, PubAck) and answer.reason == Reason.PAYLOAD_FORMAT_INVALID
        told[room] = answer.properties.reason_string is not None
    assert told == {100: False, 1_000: True}


def test_user_properties_are_left_out_first() -> None:
    """MQTT 5 §3.4.2-2 and 3."""
    more = Properties(reason_string="why", user_properties=(("name", "value"),))
    sizes = [len(encoding.puback(1, 0, it)) for it in (more, Properties(reason_string="why"), EMPTY)]
    written = [
        fitting(partial(encoding.puback, 1, 0), more, size - less) for size in sizes for less in (0, 1)
    ]
    assert [len(it) for it in written] == [sizes[0], sizes[1], sizes[1], sizes[2], sizes[2], 0]


async def test_a_good_bye_without_room_for_reasons(site: JoinedSite) -> None:
    client = await site.connected(maximum_packet_bytes=100)
    await client.ask(Publish("v1/devices/me/telemetry", b"{}", 1, 1, retain=True))
    assert client.ended() == Reason.RETAIN_NOT_SUPPORTED


async def test_an_answer_to_too_many_filters(site: JoinedSite) -> None:
    client = await site.connected(maximum_packet_bytes=100)
    await client.ask(Unsubscribe(1, ["a"] * 90))
    assert isinstance(client.got[-1], UnsubAck)
    await client.ask(Subscribe(1, [Subscription("a")] * 100))
    assert client.ended() == Reason.IMPLEMENTATION_SPECIFIC


async def test_who_wants_no_problem_information_gets_none(site: JoinedSite) -> None:
    """MQTT 5 §3.1.2-29: but in CONNACK and DISCONNECT."""
    client = await site.connected(request_problem_information=0)
    assert await client.publish(CLAIM, {}) == [PubAck(1)]
    assert await client.publish(CLAIM, b"nonsense") == [PubAck(1, Reason.PAYLOAD_FORMAT_INVALID)]
    refused = site.client()
    await refused.connect(username="wrong", request_problem_information=0)
    assert refused.of(ConnAck)[0].properties.reason_string


@LEVELS
async def test_shared_attributes_come_as_they_change(site: JoinedSite, level: int) -> None:
    """Thingsboard §3.3."""
    client = await site.connected(level)
    await client.subscribe(ATTRIBUTES)
    await site.share(fan=3)
    await site.settled()
    await site.drop_shared("fan")
    await site.settled()
    assert client.told == [(ATTRIBUTES, {"fan": 3}), (ATTRIBUTES, {"deleted": ["fan"]})]


@LEVELS
async def test_changes_while_a_device_is_away_come_together(site: JoinedSite, level: int) -> None:
    client = await site.connected(level, **keeping(level))
    await client.subscribe(ATTRIBUTES)
    await client.hang_up()
    await site.share(fan=3, lamp=1)
    await site.share(Writer.TENANT, fan=4)
    await site.settled()
    client = await site.connected(level, **keeping(level))
    assert client.told == [(ATTRIBUTES, {"fan": 4, "lamp": 1})]


async def test_who_unsubscribes_hears_no_more(site: JoinedSite) -> None:
    """MQTT 5 §3.10.4-2."""
    client = await site.connected()
    await client.subscribe(ATTRIBUTES)
    assert await client.ask(Unsubscribe(3, [ATTRIBUTES, "x"])) == [
        UnsubAck(3, [Reason.SUCCESS, Reason.NO_SUBSCRIPTION_EXISTED])
    ]
    await site.share(fan=3)
    await client.ask(PingReq())
    assert client.told == []
