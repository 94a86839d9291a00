"""CONNECT and its answer: who is let in, what is announced, what may come before the answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from deedbox.transports.mqtt.packets import (
    Auth,
    ConnAck,
    PingReq,
    PingResp,
    PubAck,
    Subscribe,
    Subscription,
    Unsubscribe,
    Will,
)
from deedbox.transports.mqtt.properties import EMPTY, Properties
from deedbox.transports.mqtt.reasons import ConnectCode, Reason
from tests.transports.mqtt.joined import TELEMETRY, JoinedSite, message

LEVELS = pytest.mark.parametrize("level", [3, 4, 5])
NewSite = Callable[..., Awaitable[JoinedSite]]


@LEVELS
async def test_a_device_connects_with_its_token(site: JoinedSite, level: int) -> None:
    """Thingsboard §2.2."""
    client = site.client(level)
    answer = await client.connect()
    assert (answer.session_present, answer.reason, client.ended()) == (False, 0, None)


@LEVELS
@pytest.mark.parametrize("token", ["wrong", "", None, "A1_TEST_TOKEN ", "x" * 60_000])
async def test_others_are_turned_away(site: JoinedSite, level: int, token: str | None) -> None:
    """Thingsboard §2.2: CONNACK 5 before MQTT 5, then 0x86."""
    client = site.client(level)
    answer = await client.connect(username=token)
    expected = Reason.BAD_USERNAME_OR_PASSWORD if level == 5 else ConnectCode.NOT_AUTHORIZED
    assert (answer.reason, client.ended()) == (expected, -1)
    assert "x" * 60 not in str(answer)


@LEVELS
async def test_a_refused_client_is_not_listened_to(site: JoinedSite, level: int) -> None:
    """MQTT 5 §3.1.4-6: nothing that came after a CONNECT that is refused is processed."""
    client = site.client(level)
    got = await client.ask(client.opening(username="wrong"), message(TELEMETRY, {"t": 1}), PingReq())
    assert [type(it) for it in got] == [ConnAck]
    assert await site.latest() == {}


@LEVELS
async def test_packets_behind_connect_wait_for_its_answer(site: JoinedSite, level: int) -> None:
    """MQTT 5 §3.1.4: clients need not wait for CONNACK."""
    client = site.client(level)
    subscribe = Subscribe(1, [Subscription("v1/devices/me/attributes", 1)])
    await client.ask(client.opening(), message(TELEMETRY, {"t": 1}, packet_id=7), subscribe, PingReq())
    kinds = [type(it).__name__ for it in client.got]
    assert kinds[0] == "ConnAck"
    assert sorted(kinds[1:]) == ["PingResp", "PubAck", "SubAck"]
    assert client.acknowledged == [7]
    assert await site.latest() == {"t": 1}


async def test_packets_of_the_next_read_wait_too(site: JoinedSite) -> None:
    client = site.client()
    client.send(client.opening())
    client.send(message(TELEMETRY, {"t": 1}, packet_id=1))
    client.send(message(TELEMETRY, {"t": 2}, packet_id=2))
    assert client.got == []
    await site.settled()
    assert [type(it) for it in client.got] == [ConnAck, PubAck, PubAck]


async def test_a_flood_before_the_answer_is_held_back_and_answered(site: JoinedSite) -> None:
    client = site.client()
    client.send(client.opening(), *[PingReq()] * 100_000)
    assert client.paused()
    client.send(*[PingReq()] * 1_000)
    await site.settled()
    assert not client.paused()
    assert len(client.of(PingResp)) == 101_000


@pytest.mark.parametrize("level", [3, 4])
async def test_a_malformed_packet_behind_connect_ends_it_after_the_answer(
    site: JoinedSite, level: int
) -> None:
    client = site.client(level)
    client.send(client.opening())
    client.send_bytes(b"\x36\0")
    await site.settled()
    assert [type(it) for it in client.got] == [ConnAck]
    assert client.ended() == -1


@LEVELS
async def test_the_first_packet_must_be_connect(site: JoinedSite, level: int) -> None:
    """MQTT 5 §3.1.0-1: whoever begins otherwise hears nothing."""
    for packet in (PingReq(), message(TELEMETRY, {"t": 1}, 0), Unsubscribe(1, ["a"])):
        client = site.client(4)
        client.level = 4  # level 5 is unknown to the server before CONNECT
        assert await client.ask(packet) == []
        assert client.ended() == -1


@LEVELS
async def test_a_second_connect_ends_the_connection(site: JoinedSite, level: int) -> None:
    """MQTT 5 §3.1.0-2."""
    client = await site.connected(level)
    await client.ask(client.opening())
    assert client.ended() == (Reason.PROTOCOL_ERROR if level == 5 else -1)


@LEVELS
async def test_a_second_connect_right_behind_the_first_ends_it_too(site: JoinedSite, level: int) -> None:
    client = site.client(level)
    got = await client.ask(client.opening(), client.opening(), PingReq())
    assert isinstance(got[0], ConnAck)
    assert client.of(PingResp) == []
    assert client.ended() == (Reason.PROTOCOL_ERROR if level == 5 else -1)


async def test_what_is_not_offered_is_announced_and_nothing_else(site: JoinedSite) -> None:
    """Ux §6.4, MQTT 5 §3.2.2.3."""
    answer = await site.client().connect(keep_alive_s=60)
    assert answer.properties == Properties(
        receive_maximum=10,
        retain_available=0,
        maximum_packet_bytes=site.settings.largest_packet_bytes,
        topic_alias_maximum=16,
        subscription_ids_available=0,
        shared_subscriptions_available=0,
    )


@pytest.mark.parametrize(("asked", "told"), [(0, None), (60, None), (86_400, None), (2**32 - 1, 86_400)])
async def test_another_session_expiry_is_told(site: JoinedSite, asked: int, told: int | None) -> None:
    """MQTT 5 §3.2.2.3.2."""
    assert (await site.client().connect(session_expiry_s=asked)).properties.session_expiry_s == told


@pytest.mark.parametrize(("asked", "told"), [(0, 3_600), (1, None), (3_600, None), (65_535, 3_600)])
async def test_another_keep_alive_is_told(site: JoinedSite, asked: int, told: int | None) -> None:
    """MQTT 5 §3.2.2.3.14."""
    assert (await site.client().connect(keep_alive_s=asked)).properties.server_keep_alive_s == told


@pytest.mark.parametrize("level", [3, 4])
async def test_older_clients_are_told_nothing(site: JoinedSite, level: int) -> None:
    assert (await site.client(level).connect()).properties == EMPTY


@LEVELS
async def test_a_client_without_an_id_gets_one(site: JoinedSite, level: int) -> None:
    """MQTT 5 §3.1.3-6 and 7: MQTT 5 clients are told it."""
    first, second = [await site.client(level).connect("") for _ in range(2)]
    assert (first.reason, second.reason) == (0, 0)
    ids = {it.properties.assigned_client_id for it in (first, second)}
    assert (len(ids), None in ids) == ((2, False) if level == 5 else (1, True))


@pytest.mark.parametrize("level", [3, 4])
async def test_without_an_id_no_session_can_be_kept(site: JoinedSite, level: int) -> None:
    """MQTT 3.1.1 §3.1.3-8."""
    client = site.client(level)
    answer = await client.connect("", clean_start=False)
    assert (answer.reason, client.ended()) == (ConnectCode.IDENTIFIER_REJECTED, -1)


async def test_an_assigned_id_can_be_kept(site: JoinedSite) -> None:
    """MQTT 5 §3.2.2.3.7."""
    client = site.client()
    answer = await client.connect("", clean_start=False, session_expiry_s=60)
    await client.hang_up()
    again = await site.client().connect(
        answer.properties.assigned_client_id or "none", clean_start=False, session_expiry_s=60
    )
    assert again.session_present


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"authentication_method": "SCRAM-SHA-1"}, Reason.BAD_AUTHENTICATION_METHOD),
        ({"will": Will("a", b"", retain=True)}, Reason.RETAIN_NOT_SUPPORTED),
        ({"maximum_packet_bytes": 63}, Reason.IMPLEMENTATION_SPECIFIC),
    ],
)
async def test_what_is_asked_for_in_vain(site: JoinedSite, fields: dict[str, Any], reason: Reason) -> None:
    """MQTT 5 §4.12.0-1, §3.2.2-13."""
    client = site.client()
    answer = await client.connect(**fields)
    assert (answer.reason, client.ended()) == (reason, -1)
    assert len(client.got_bytes) < 99 or fields.get("maximum_packet_bytes") is None


async def test_older_clients_may_ask_for_a_retained_will(site: JoinedSite) -> None:
    await site.connected(4, will=Will(TELEMETRY, b'{"t":1}', retain=True))


async def test_a_level_of_the_future(site: JoinedSite) -> None:
    """MQTT 5 §3.1.2-2: 0x84, in the form of MQTT 5; or 1, in that of 3.1.1."""
    client = site.client()
    client.send_bytes(b"\x10\x0d\0\4MQTT\6\2\0\x3c\0\0\0")
    assert client.of(ConnAck)[0].reason == Reason.UNSUPPORTED_PROTOCOL_VERSION
    older = site.client(4)
    older.send_bytes(b"\x10\x0c\0\4MQTT\2\2\0\x3c\0\0")
    assert older.of(ConnAck)[0].reason == ConnectCode.UNACCEPTABLE_PROTOCOL_VERSION
    assert (client.ended(), older.ended()) == (-1, -1)


@LEVELS
async def test_connect_must_come_soon(site: JoinedSite, level: int) -> None:
    """MQTT 5 §3.1.4: else the connection is closed."""
    client = site.client(level)
    client.send_bytes(b"\x10")
    await site.pass_ms(9_000)
    assert client.ended() is None
    await site.pass_ms(3_000)
    assert (client.ended(), client.got) == (-1, [])
    assert len(site.server._keep_alive) == 0


async def test_auth_is_out_of_place(site: JoinedSite) -> None:
    """MQTT 5 §4.12.0-6: no method was agreed upon."""
    client = await site.connected()
    await client.ask(Auth(Reason.REAUTHENTICATE, Properties(authentication_method="x")))
    assert client.ended() == Reason.PROTOCOL_ERROR


async def test_a_device_has_so_many_sessions_only(site: JoinedSite) -> None:
    for number in range(3):
        await site.connected(5, f"c{number}")
    client = site.client()
    answer = await client.connect("one-more")
    assert (answer.reason, client.ended()) == (Reason.QUOTA_EXCEEDED, -1)
    older = await site.client(4).connect("one-more")
    assert older.reason == ConnectCode.SERVER_UNAVAILABLE
    await site.connected(5, "c1")


async def test_sessions_that_are_only_kept_make_room(site: JoinedSite) -> None:
    for number in range(3):
        client = await site.connected(5, f"c{number}", session_expiry_s=60)
        await client.hang_up()
    await site.connected(5, "one-more")
    assert len(site.server._sessions) == 3


async def test_there_are_so_many_connections_only(new_site: NewSite) -> None:
    site = await new_site(most_connections=2)
    clients = [site.client() for _ in range(3)]
    assert [it.is_let_in for it in clients] == [True, True, False]
    await clients[0].hang_up()
    assert site.client().is_let_in


async def test_a_client_that_leaves_before_the_answer_leaves_nothing_behind(site: JoinedSite) -> None:
    client = site.client()
    client.send(client.opening(), message(TELEMETRY, {"t": 1}))
    await client.hang_up()
    assert (client.got, len(site.server._sessions), site.server.connection_count) == ([], 0, 0)
    assert len(site.server._keep_alive) == 0


async def test_clients_that_come_and_go_leave_nothing_behind(site: JoinedSite) -> None:
    """What a device could make grow by reconnecting."""
    for _ in range(60):
        client = await site.connected(4, keep_alive_s=60_000)
        await client.hang_up()
    assert len(site.server._keep_alive) == 0
    assert len(site.server._sessions) == 0


async def test_a_server_that_stops_says_so(site: JoinedSite) -> None:
    """MQTT 5 §4.13: 0x8B; a CONNECT that was not answered is told 0x88, which CONNACK has."""
    client, older, opening = await site.connected(5, "a"), await site.connected(4, "b"), site.client()
    opening.send(opening.opening("c"))
    await site.server.close()
    await asyncio.sleep(0)
    assert (client.ended(), older.ended()) == (Reason.SERVER_SHUTTING_DOWN, -1)
    assert [it.reason for it in opening.of(ConnAck)] == [Reason.SERVER_UNAVAILABLE]


async def test_the_last_activity_is_noted(site: JoinedSite) -> None:
    await site.connected()
    await site.activity.close()
    assert await site.last_activity_at(site.device.id) == site.sqlite.now_ms
