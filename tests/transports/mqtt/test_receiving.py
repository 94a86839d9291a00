"""Messages from devices: handshakes, repeats, order of answers, windows, aliases, floods."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from deedbox.transports.mqtt import encoding
from deedbox.transports.mqtt.packets import (
    ConnAck,
    Disconnect,
    PingReq,
    PingResp,
    PubAck,
    PubComp,
    Publish,
    PubRec,
    PubRel,
)
from deedbox.transports.mqtt.properties import EMPTY
from deedbox.transports.mqtt.reasons import Reason
from tests.transports.mqtt.joined import ATTRIBUTES, CLAIM, TELEMETRY, Client, JoinedSite, message

LEVELS = pytest.mark.parametrize("level", [3, 4, 5])
NewSite = Callable[..., Awaitable[JoinedSite]]


def published(payload: Any, qos: int = 1, packet_id: int = 1, duplicate: bool = False) -> Publish:
    plain = message(TELEMETRY, payload, qos, packet_id)
    return Publish(plain.topic, plain.payload, qos, plain.packet_id, duplicate=duplicate)


@LEVELS
async def test_qos_0_is_stored_without_an_answer(site: JoinedSite, level: int) -> None:
    """MQTT 5 §4.3.1."""
    client = await site.connected(level)
    assert await client.publish(TELEMETRY, {"t": 1}, qos=0) == []
    assert await site.latest() == {"t": 1}


@LEVELS
async def test_qos_1_is_answered_once_it_is_stored(site: JoinedSite, level: int) -> None:
    """Behaviour §2.6, MQTT 5 §4.3.2-4."""
    client = await site.connected(level)
    client.send(message(TELEMETRY, {"t": 1}, 1, 65_535))
    assert client.of(PubAck) == []
    await site.settled()
    assert client.of(PubAck) == [PubAck(65_535)]
    assert await site.latest() == {"t": 1}


@LEVELS
async def test_qos_2_has_its_handshake(site: JoinedSite, level: int) -> None:
    """MQTT 5 §4.3.3."""
    client = await site.connected(level)
    assert await client.publish(TELEMETRY, {"t": 1}, 2, 7) == [PubRec(7)]
    assert await client.ask(PubRel(7)) == [PubComp(7)]
    assert await site.latest() == {"t": 1}


@LEVELS
async def test_qos_2_is_taken_once_until_it_is_released(site: JoinedSite, level: int) -> None:
    """MQTT 5 §4.3.3-10."""
    client = await site.connected(level)
    await client.publish(TELEMETRY, {"t": 1}, 2, 7)
    assert await client.ask(published({"t": 2}, 2, 7, duplicate=True)) == [PubRec(7)]
    assert await site.latest() == {"t": 1}
    await client.ask(PubRel(7))
    assert await client.publish(TELEMETRY, {"t": 3}, 2, 7) == [PubRec(7)]
    assert await site.latest() == {"t": 3}


async def test_a_repeat_of_what_is_being_stored_is_answered_once(site: JoinedSite) -> None:
    client = await site.connected()
    again = published({"t": 1}, 2, 7, duplicate=True)
    assert await client.ask(message(TELEMETRY, {"t": 1}, 2, 7), again) == [PubRec(7)]


@LEVELS
async def test_qos_1_may_be_repeated_before_its_answer(site: JoinedSite, level: int) -> None:
    """MQTT 3.1 repeats within a connection: each is answered, and nothing gets stuck behind."""
    client = await site.connected(level)
    claim, repeat = message(CLAIM, {}, 1, 1), published({"t": 1}, 1, 2, duplicate=True)
    await client.ask(claim, repeat, repeat, message(TELEMETRY, {"t": 3}, 1, 3))
    assert client.acknowledged == [1, 2, 2, 3]
    assert await client.publish(TELEMETRY, {"t": 4}, 1, 4) == [PubAck(4)]


async def test_an_unknown_release_is_told_so(site: JoinedSite) -> None:
    """MQTT 5 §4.3.3-11: 0x92; older clients just hear PUBCOMP."""
    assert await (await site.connected(5)).ask(PubRel(9)) == [PubComp(9, Reason.PACKET_ID_NOT_FOUND)]
    assert await (await site.connected(4)).ask(PubRel(9)) == [PubComp(9)]


@LEVELS
async def test_a_handshake_goes_on_after_the_connection(site: JoinedSite, level: int) -> None:
    """MQTT 5 §4.4: the message is not taken twice."""
    keeps: dict[str, Any] = {"clean_start": False} | ({"session_expiry_s": 60} if level == 5 else {})
    client = await site.connected(level, **keeps)
    await client.publish(TELEMETRY, {"t": 1}, 2, 7)
    await client.hang_up()
    client = await site.connected(level, **keeps)
    assert await client.ask(published({"t": 2}, 2, 7, duplicate=True)) == [PubRec(7)]
    assert await site.latest() == {"t": 1}


@pytest.mark.parametrize("level", [4, 5])
async def test_what_was_not_stored_is_taken_when_it_comes_again(site: JoinedSite, level: int) -> None:
    """Behaviour §2.6: PUBREC means stored, also for a message whose first copy was lost here."""
    keeps: dict[str, Any] = {"clean_start": False} | ({"session_expiry_s": 60} if level == 5 else {})
    client = await site.connected(level, **keeps)
    await site.fill_disk()
    large = {"t": "x" * 50_000}
    client.send(message(TELEMETRY, large, 2, 7))
    await client.hang_up()
    await site.free_disk()
    client = await site.connected(level, **keeps)
    assert await client.ask(published(large, 2, 7, duplicate=True)) == [PubRec(7)]
    assert await site.latest() == large


@LEVELS
async def test_answers_keep_the_order_of_messages(site: JoinedSite, level: int) -> None:
    """MQTT 5 §4.6-2: what is done sooner waits for what came before it."""
    client = await site.connected(level)
    slow = [message(ATTRIBUTES + f"/request/{it}", {}, 1, it) for it in (1, 3, 5)]
    fast = [message(TELEMETRY, {"t": it}, 1, it) for it in (2, 4, 6)]
    await client.ask(*[it for pair in zip(slow, fast, strict=True) for it in pair])
    assert client.acknowledged == [1, 2, 3, 4, 5, 6]
    await client.ask(*[message(TELEMETRY, {"t": 1}, 1 + it % 2, it) for it in range(1, 9)])
    answers = [it for it in client.got[-8:] if isinstance(it, PubAck | PubRec)]
    assert [it.packet_id for it in answers if isinstance(it, PubRec)] == [1, 3, 5, 7]
    assert [it.packet_id for it in answers if isinstance(it, PubAck)] == [2, 4, 6, 8]


@pytest.mark.parametrize("qos", [1, 2])
async def test_more_than_the_receive_maximum_ends_the_connection(site: JoinedSite, qos: int) -> None:
    """MQTT 5 §3.3.4-9."""
    client = await site.connected()
    await client.ask(*[message(TELEMETRY, {"t": 1}, qos, it) for it in range(1, 11)])
    assert client.ended() is None
    await client.ask(*[message(TELEMETRY, {"t": 1}, qos, it) for it in range(11, 22)])
    assert client.ended() == Reason.RECEIVE_MAXIMUM_EXCEEDED


async def test_messages_with_qos_2_count_until_they_are_released(site: JoinedSite) -> None:
    """MQTT 5 §4.9: not only until the PUBREC, but for one that refuses."""
    client = await site.connected()
    for number in range(1, 11):
        assert await client.publish(TELEMETRY, {"t": number}, 2, number) == [PubRec(number)]
    await client.ask(PubRel(3))
    assert await client.publish(TELEMETRY, {"t": 3}, 2, 3) == [PubRec(3)]
    await client.publish(TELEMETRY, {"t": 11}, 2, 11)
    assert client.ended() == Reason.RECEIVE_MAXIMUM_EXCEEDED


async def test_refused_messages_with_qos_2_count_no_more(site: JoinedSite) -> None:
    """MQTT 5 §4.9."""
    client = await site.connected()
    for number in range(1, 31):
        [answer] = await client.publish(TELEMETRY, b"{", 2, number)
        assert isinstance(answer, PubRec) and answer.reason == Reason.PAYLOAD_FORMAT_INVALID
    assert client.ended() is None


async def test_handshakes_of_an_earlier_connection_do_not_count(site: JoinedSite) -> None:
    """MQTT 5 §4.9: each connection begins with its whole quota."""
    first = await site.connected(session_expiry_s=600)
    for number in range(1, 11):
        await first.publish(TELEMETRY, {"t": number}, 2, number)
    await first.hang_up()
    again = await site.connected(clean_start=False, session_expiry_s=600)
    assert await again.publish(TELEMETRY, {"t": 11}, 2, 11) == [PubRec(11)]


async def test_who_reaches_the_receive_maximum_is_read_no_further(site: JoinedSite) -> None:
    client = await site.connected()
    client.send(*[message(TELEMETRY, {"t": 1}, 1, it) for it in range(1, 11)])
    assert client.paused()
    client.send(message(TELEMETRY, {"t": 1}, 1, 11))
    await site.settled()
    assert (client.paused(), client.acknowledged) == (False, list(range(1, 12)))


async def test_qos_0_does_not_count(site: JoinedSite) -> None:
    client = await site.connected()
    await client.ask(*[message(TELEMETRY, {"t": it}, 0) for it in range(1_000)])
    assert client.ended() is None
    assert await site.latest() == {"t": 999}


@pytest.mark.parametrize("level", [3, 4])
async def test_older_clients_are_held_back_instead(site: JoinedSite, level: int) -> None:
    client = await site.connected(level)
    client.send(*[message(TELEMETRY, {"t": it}, 1, it) for it in range(1, 501)])
    assert client.paused()
    client.send(*[message(TELEMETRY, {"t": it}, 1, it) for it in range(501, 701)])
    await site.settled()
    assert not client.paused()
    assert client.acknowledged == list(range(1, 701))


async def test_handshakes_that_are_begun_and_never_ended(site: JoinedSite, monkeypatch: Any) -> None:
    """What a device could make grow with QoS 2."""
    monkeypatch.setattr("deedbox.transports.mqtt.handshakes._MOST", 20)
    client = await site.connected(4)
    await client.ask(*[message(TELEMETRY, {"t": 1}, 2, it) for it in range(1, 21)])
    assert client.ended() is None
    await client.publish(TELEMETRY, {"t": 1}, 2, 21)
    assert client.ended() == -1


async def test_aliases_stand_for_topics(site: JoinedSite) -> None:
    """MQTT 5 §3.3.2.3.4."""
    client = await site.connected()
    await client.publish(TELEMETRY, {"t": 1}, topic_alias=16)
    await client.publish("", {"u": 2}, topic_alias=16)
    assert await site.latest() == {"t": 1, "u": 2}
    await client.publish(ATTRIBUTES, {"a": 1}, topic_alias=16)
    await client.publish("", {"b": 2}, topic_alias=16)
    assert await site.reported() == {"a": 1, "b": 2}


@pytest.mark.parametrize(("topic", "alias"), [(TELEMETRY, 17), (TELEMETRY, 0), ("", 1), (TELEMETRY, 65_535)])
async def test_aliases_that_are_none(site: JoinedSite, topic: str, alias: int) -> None:
    """MQTT 5 §3.3.2-8 and 9: 0x94."""
    client = await site.connected()
    await client.publish(topic, {"t": 1}, topic_alias=alias)
    assert client.ended() == Reason.TOPIC_ALIAS_INVALID
    assert await site.latest() == {}


async def test_aliases_end_with_the_connection(site: JoinedSite) -> None:
    """MQTT 5 §3.3.2-7."""
    client = await site.connected(clean_start=False, session_expiry_s=60)
    await client.publish(TELEMETRY, {"t": 1}, topic_alias=1)
    await client.hang_up()
    client = await site.connected(clean_start=False, session_expiry_s=60)
    await client.publish("", {"t": 1}, topic_alias=1)
    assert client.ended() == Reason.TOPIC_ALIAS_INVALID


async def test_no_aliases_where_there_are_none(new_site: NewSite) -> None:
    site = await new_site(most_topic_aliases=0)
    client = site.client()
    assert (await client.connect()).properties.topic_alias_maximum == 0
    await client.publish(TELEMETRY, {"t": 1}, topic_alias=1)
    assert client.ended() == Reason.TOPIC_ALIAS_INVALID


async def test_retained_messages(site: JoinedSite) -> None:
    """MQTT 5 §3.2.2-14: 0x9A; older clients can't know, and are served."""
    client = await site.connected()
    await client.ask(Publish(TELEMETRY, b'{"t":1}', 1, 1, retain=True))
    assert client.ended() == Reason.RETAIN_NOT_SUPPORTED
    older = await site.connected(4)
    assert await older.ask(Publish(TELEMETRY, b'{"t":2}', 1, 1, retain=True)) == [PubAck(1)]
    assert await site.latest() == {"t": 2}


@LEVELS
async def test_packets_up_to_the_largest(site: JoinedSite, level: int) -> None:
    """MQTT 5 §3.2.2-15: one byte more is 0x95."""
    client = await site.connected(level)
    overhead = len(encoding.encode(message(TELEMETRY, {"t": "x" * 60_000}), level)) - 60_000
    room = site.settings.largest_packet_bytes - overhead
    await client.publish(TELEMETRY, {"t": "x" * room})
    assert client.acknowledged == [1]
    await client.publish(TELEMETRY, {"t": "x" * (room + 1)})
    assert client.ended() == (Reason.PACKET_TOO_LARGE if level == 5 else -1)
    assert await site.latest() == {"t": "x" * room}


@LEVELS
async def test_one_byte_at_a_time(site: JoinedSite, level: int) -> None:
    client = site.client(level)
    stream = encoding.encode(client.opening(), level)
    for it in range(1, 4):
        stream += encoding.encode(message(TELEMETRY, {"t": it}, it - 1, it), level)
    for byte in stream:
        client.send_bytes(bytes((byte,)))
    await site.settled()
    assert [type(it) for it in client.got] == [ConnAck, PubAck, PubRec]
    assert await site.latest() == {"t": 3}


@LEVELS
async def test_a_flood_of_tiny_packets(site: JoinedSite, level: int) -> None:
    client = await site.connected(level)
    await client.ask(*[PingReq()] * 100_000)
    assert len(client.of(PingResp)) == 100_000


@LEVELS
async def test_a_flood_of_requests_is_dealt_with_a_few_at_a_time(site: JoinedSite, level: int) -> None:
    """However many come in one read, few are under way, and no more are read meanwhile."""
    client = await site.connected(level)
    client.send(*[message(CLAIM, b"", 0)] * 2_000)
    assert client.paused()
    assert len(site.server._tasks) <= site.settings.most_inflight
    client.send(*[message(ATTRIBUTES, {"last": True}, 0)])
    await site.settled()
    assert not client.paused()
    assert len(site.heard) == 2_000
    assert await site.reported() == {"last": True}


async def test_what_came_before_good_bye_is_done(site: JoinedSite) -> None:
    client = await site.connected(4)
    await client.ask(message(TELEMETRY, {"t": 1}, 0), message(ATTRIBUTES, {"a": 1}, 0), Disconnect())
    assert client.ended() == -1
    assert (await site.latest(), await site.reported()) == ({"t": 1}, {"a": 1})


async def test_what_comes_after_good_bye_is_not_heard(site: JoinedSite) -> None:
    """MQTT 5 §3.14.4-1."""
    client = await site.connected()
    await client.ask(Disconnect(), message(TELEMETRY, {"t": 1}, 0))
    assert await site.latest() == {}


async def keeps_alive(client: Client, duration_ms: int) -> None:
    await client.site.pass_ms(duration_ms)
    assert client.ended() is None


@LEVELS
async def test_silence_ends_the_connection(site: JoinedSite, level: int) -> None:
    """MQTT 5 §3.1.2-22: after one and a half times the keep-alive."""
    client = await site.connected(level, keep_alive_s=10)
    await keeps_alive(client, 14_000)
    assert await client.ask(PingReq()) == [PingResp()]
    await keeps_alive(client, 14_000)
    await keeps_alive(client, 1_000)
    await site.pass_ms(2_000)
    assert client.ended() == (Reason.KEEP_ALIVE_TIMEOUT if level == 5 else -1)


async def test_half_a_packet_and_silence(site: JoinedSite) -> None:
    client = await site.connected(keep_alive_s=10)
    client.send_bytes(encoding.encode(message(TELEMETRY, {"t": 1}), 5)[:-1])
    await site.pass_ms(17_000)
    assert client.ended() == Reason.KEEP_ALIVE_TIMEOUT
    assert await site.latest() == {}


async def test_a_packet_byte_by_byte_is_no_sign_of_life(site: JoinedSite) -> None:
    """MQTT 5 §3.1.2.10 counts packets: whoever drips bytes would hold a connection for ever."""
    client = await site.connected(keep_alive_s=60)
    packet = encoding.encode(message(TELEMETRY, {"t": 1}), 5)
    client.send_bytes(packet[:1])
    for byte in packet[1:5]:
        await site.pass_ms(30_000)
        client.send_bytes(bytes((byte,)))
    assert client.ended() == Reason.KEEP_ALIVE_TIMEOUT


async def test_a_slow_packet_has_its_time_from_its_beginning(site: JoinedSite) -> None:
    """MQTT 5 §3.1.2.10: from the end of one packet to the beginning of the next."""
    client = await site.connected(keep_alive_s=60)
    packet = encoding.encode(message(TELEMETRY, {"t": 1}), 5)
    for part in (packet[:1], packet[1:7], packet[7:]):
        await keeps_alive(client, 40_000)
        client.send_bytes(part)
    await site.settled()
    assert client.acknowledged == [1]
    await keeps_alive(client, 80_000)


async def test_without_a_keep_alive_silence_is_no_matter(site: JoinedSite) -> None:
    """MQTT 3.1.1 §3.1.2.10; MQTT 5 clients are given one."""
    older, client = await site.connected(4, "a"), await site.connected(5, "b")
    await keeps_alive(older, 5_300_000)
    assert client.ended() is None
    await keeps_alive(older, 200_000)
    assert client.ended() == Reason.KEEP_ALIVE_TIMEOUT


async def test_unknown_properties_of_messages_pass(site: JoinedSite) -> None:
    client = await site.connected()
    properties: dict[str, Any] = {
        "payload_format": 1,
        "content_type": "application/json",
        "message_expiry_s": 1,
    }
    told = await client.publish(TELEMETRY, {"t": 1}, user_properties=(("a", "b"),), **properties)
    assert told == [PubAck(1, 0, EMPTY)]
