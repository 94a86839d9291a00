"""Sessions and wills: kept, expired, begun anew, taken over; credentials that end them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from deedbox.transports.mqtt.packets import Disconnect, PingReq, PingResp, Will
from deedbox.transports.mqtt.properties import Properties
from deedbox.transports.mqtt.reasons import Reason
from tests.transports.mqtt.joined import ATTRIBUTES, TELEMETRY, JoinedSite

LEVELS = pytest.mark.parametrize("level", [3, 4, 5])
NewSite = Callable[..., Awaitable[JoinedSite]]
#: What asks for a session that is kept for ten minutes.
KEPT: dict[str, Any] = {"clean_start": False, "session_expiry_s": 600}
LAST_WORD = Will(TELEMETRY, b'{"online":false}', 1)


def will_after(delay_s: int) -> Will:
    return Will(TELEMETRY, b'{"online":false}', 0, False, Properties(will_delay_s=delay_s))


def keeping(level: int) -> dict[str, Any]:
    return KEPT if level == 5 else {"clean_start": False}


async def is_present(site: JoinedSite, level: int = 5, **fields: Any) -> bool:
    """Tell whether the session is there, and leave it as it is."""
    client = site.client(level)
    answer = await client.connect(**(fields or keeping(level)))
    await client.hang_up()
    return answer.session_present


@LEVELS
async def test_a_session_is_kept(site: JoinedSite, level: int) -> None:
    """MQTT 5 §3.1.2-5; MQTT 3.1 has no way to tell the client."""
    client = await site.connected(level, **keeping(level))
    await client.subscribe(ATTRIBUTES)
    await client.hang_up()
    client = site.client(level)
    assert (await client.connect(**keeping(level))).session_present == (level > 3)
    await site.share(fan=1)
    await site.settled()
    assert client.told == [(ATTRIBUTES, {"fan": 1})]


@LEVELS
async def test_a_clean_start_begins_anew(site: JoinedSite, level: int) -> None:
    """MQTT 5 §3.1.2-4."""
    client = await site.connected(level, **keeping(level))
    await client.subscribe(ATTRIBUTES)
    await client.hang_up()
    client = site.client(level)
    assert not (await client.connect()).session_present
    await site.share(fan=1)
    await site.settled()
    assert client.told == []


@LEVELS
async def test_a_clean_session_is_not_kept(site: JoinedSite, level: int) -> None:
    client = await site.connected(level)
    await client.hang_up()
    assert len(site.server._sessions) == 0
    assert not await is_present(site, level)


async def test_a_session_ends_with_its_expiry(site: JoinedSite) -> None:
    """MQTT 5 §3.1.2.11.2."""
    await (await site.connected(**KEPT)).hang_up()
    await site.pass_ms(599_000)
    assert await is_present(site)
    await site.pass_ms(600_000)
    assert len(site.server._sessions) == 0
    assert not await is_present(site)


async def test_an_expired_session_is_not_found_before_it_is_forgotten(site: JoinedSite) -> None:
    await (await site.connected(**KEPT)).hang_up()
    site.sqlite.now_ms += 601_000
    assert not await is_present(site)


@pytest.mark.parametrize(
    ("asked", "left_with", "present_after_s"), [(600, 0, None), (600, 60, 59), (60, 600, 599)]
)
async def test_a_good_bye_may_change_the_expiry(
    site: JoinedSite, asked: int, left_with: int, present_after_s: int | None
) -> None:
    """MQTT 5 §3.14.2.2.2."""
    client = await site.connected(clean_start=False, session_expiry_s=asked)
    await client.ask(Disconnect(0, Properties(session_expiry_s=left_with)))
    if present_after_s is not None:
        await site.pass_ms(present_after_s * 1000)
        assert len(site.server._sessions) == 1
    await site.pass_ms(1_000)
    assert len(site.server._sessions) == 0


async def test_a_good_bye_can_not_keep_what_was_not_to_be_kept(site: JoinedSite) -> None:
    """MQTT 5 §3.14.2-2: 0x82."""
    client = await site.connected()
    await client.ask(Disconnect(0, Properties(session_expiry_s=60)))
    assert client.ended() == Reason.PROTOCOL_ERROR


async def test_a_good_bye_keeps_no_session_longer_than_any(new_site: NewSite) -> None:
    site = await new_site(longest_expiry_s=100)
    client = await site.connected(clean_start=False, session_expiry_s=60)
    await client.ask(Disconnect(0, Properties(session_expiry_s=2**32 - 1)))
    await site.pass_ms(101_000)
    assert len(site.server._sessions) == 0


@LEVELS
async def test_a_second_connection_takes_over(site: JoinedSite, level: int) -> None:
    """MQTT 5 §3.1.4-3: the first hears 0x8E."""
    first = await site.connected(level, **keeping(level))
    await first.subscribe(ATTRIBUTES)
    second = site.client(level)
    assert (await second.connect(**keeping(level))).session_present == (level > 3)
    assert first.ended() == (Reason.SESSION_TAKEN_OVER if level == 5 else -1)
    assert await second.ask(PingReq()) == [PingResp()]
    assert len(site.server._sessions) == 1


async def test_two_that_keep_taking_over_leave_one_session(site: JoinedSite) -> None:
    clients = []
    for _ in range(20):
        clients.append(site.client())
        clients[-1].send(clients[-1].opening(**KEPT))
    await site.settled()
    assert [it.ended() for it in clients] == [Reason.SESSION_TAKEN_OVER] * 19 + [None]
    assert (len(site.server._sessions), site.server.connection_count) == (1, 1)


async def test_devices_do_not_take_over_each_other(site: JoinedSite) -> None:
    token = "ANOTHER_TOKEN"
    await site.give_token(site.other, token)
    first, second = await site.connected(), await site.connected(username=token)
    assert (first.ended(), second.ended()) == (None, None)
    await second.publish(TELEMETRY, {"t": 2})
    assert (await site.latest(), await site.latest(site.other)) == ({}, {"t": 2})


async def test_the_oldest_of_too_many_kept_sessions_is_forgotten(new_site: NewSite) -> None:
    site = await new_site(most_per_device=10, most_kept=2)
    for name in "abc":
        await (await site.connected(5, name, **KEPT)).hang_up()
    answers = [(await site.client().connect(name, **KEPT)).session_present for name in "cba"]
    assert answers == [True, True, False]


@LEVELS
async def test_new_credentials_end_the_connection(site: JoinedSite, level: int) -> None:
    """Behaviour §5.5; what is kept for the old ones ends, too."""
    client = await site.connected(level, "c", **keeping(level))
    away = await site.connected(level, "away", **keeping(level))
    await away.hang_up()
    await site.give_token(site.device, "NEW")
    site.live.tell_credentials(site.device.id)
    await site.settled()
    assert client.ended() == (Reason.NOT_AUTHORIZED if level == 5 else -1)
    assert len(site.server._sessions) == 0


@LEVELS
async def test_a_will_is_published_for_who_vanishes(site: JoinedSite, level: int) -> None:
    """MQTT 5 §3.1.2-8."""
    client = await site.connected(level, will=LAST_WORD)
    await client.hang_up()
    assert await site.latest() == {"online": False}


@LEVELS
async def test_a_will_is_forgotten_with_a_good_bye(site: JoinedSite, level: int) -> None:
    """MQTT 5 §3.1.2-10."""
    client = await site.connected(level, will=LAST_WORD)
    await client.ask(Disconnect())
    assert await site.latest() == {}


@pytest.mark.parametrize("reason", [Reason.DISCONNECT_WITH_WILL, Reason.UNSPECIFIED_ERROR])
async def test_a_good_bye_may_ask_for_the_will(site: JoinedSite, reason: Reason) -> None:
    """MQTT 5 §3.14.4-3: only 0x00 takes it back."""
    client = await site.connected(will=LAST_WORD)
    await client.ask(Disconnect(reason))
    assert await site.latest() == {"online": False}


@LEVELS
async def test_a_will_is_published_when_the_server_closes(site: JoinedSite, level: int) -> None:
    """MQTT 5 §3.1.2.5: silence and malformed packets are reasons, too."""
    client = await site.connected(level, will=LAST_WORD, keep_alive_s=10)
    await site.pass_ms(17_000)
    assert client.ended() is not None
    assert await site.latest() == {"online": False}


@LEVELS
async def test_a_will_is_published_when_another_connection_takes_over(site: JoinedSite, level: int) -> None:
    """MQTT 5 §3.1.4-3."""
    await site.connected(level, will=LAST_WORD)
    await site.connected(level)
    assert await site.latest() == {"online": False}


async def test_a_will_may_wait(site: JoinedSite) -> None:
    """MQTT 5 §3.1.3.2.2."""
    client = await site.connected(will=will_after(60), **KEPT)
    await client.hang_up()
    await site.pass_ms(59_000)
    assert await site.latest() == {}
    await site.pass_ms(1_000)
    assert await site.latest() == {"online": False}


async def test_a_will_that_waits_is_forgotten_when_the_client_is_back(site: JoinedSite) -> None:
    """MQTT 5 §3.1.3-9."""
    client = await site.connected(will=will_after(60), **KEPT)
    await client.hang_up()
    client = await site.connected(**KEPT)
    await site.connected(**KEPT)  # takes over
    await site.pass_ms(60_000)
    assert await site.latest() == {}
    assert site.server._wills == set()


async def test_a_will_waits_no_longer_than_its_session(site: JoinedSite) -> None:
    """MQTT 5 §3.1.3.2.2: whichever comes first."""
    client = await site.connected(will=will_after(10_000), **KEPT)
    await client.hang_up()
    await site.pass_ms(600_000)
    assert await site.latest() == {"online": False}


@pytest.mark.parametrize("again", [{"clean_start": True}, None])
async def test_a_will_is_published_when_its_session_is_ended(
    site: JoinedSite, again: dict[str, Any] | None
) -> None:
    """MQTT 5 §3.1.2.5: by a clean start, and at once for a session that is not kept."""
    client = await site.connected(will=will_after(60), **(KEPT if again else {}))
    await client.hang_up()
    if again:
        await site.connected(**again)
    assert await site.latest() == {"online": False}


async def test_wills_that_wait_are_as_many_as_sessions(site: JoinedSite) -> None:
    """What a device could make grow by reconnecting."""
    for _ in range(30):
        client = await site.connected(will=will_after(500), session_expiry_s=600)
        await client.hang_up()
    await site.pass_ms(1_000)
    assert len(site.server._wills) == 1


async def test_a_will_that_waits_is_published_when_the_server_stops(site: JoinedSite) -> None:
    client = await site.connected(will=will_after(500), **KEPT)
    await client.hang_up()
    await site.server.close()
    await site.settled()
    assert await site.latest() == {"online": False}


@LEVELS
async def test_a_will_for_nobody_is_dropped(site: JoinedSite, level: int) -> None:
    client = await site.connected(level, will=Will("home/lamp", b"x"))
    await client.hang_up()
    await site.connected(level)


async def test_who_breaks_off_right_behind_connect_is_not_listened_for(site: JoinedSite) -> None:
    """Commands must not go to a session that is away."""
    await (await site.connected(**KEPT)).subscribe("v1/devices/me/rpc/request/+")
    client = site.client()
    await client.ask(client.opening(**KEPT), Disconnect())
    call = site.beside(site.call("a"))
    await site.settled()
    other = await site.connected(5, "other")
    await other.subscribe("v1/devices/me/rpc/request/+")
    assert [payload["method"] for _, payload in other.told] == ["a"]
    assert not call.done()
