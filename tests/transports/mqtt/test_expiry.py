"""Messages that nobody wants any more: commands, requests and answers whose time is over, either way."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from deedbox.core.rpc import Outcome
from deedbox.transports.mqtt.device_session import DeviceSession
from deedbox.transports.mqtt.packets import PubAck, Publish
from deedbox.transports.mqtt.properties import EMPTY
from deedbox.transports.mqtt.reasons import Reason
from deedbox.transports.mqtt.session import Session
from tests.storage.command_site import HOUR_MS, CommandSite
from tests.transports.mqtt.joined import ANSWERS, CLAIM, COMMANDS, ME, Client, JoinedSite, message
from tests.transports.mqtt.test_sessions import KEPT

NewSite = Callable[..., Awaitable[JoinedSite]]
LASTS_MS = 600_000
ASK = {"method": "getSessionLimits", "params": {}}


async def call(site: JoinedSite, *methods: str) -> list["asyncio.Task[Outcome]"]:
    """Send commands, each with a caller who waits for ten minutes."""
    calls = [site.beside(site.exchange.call(await site.command(it), LASTS_MS)) for it in methods]
    await site.settled()
    return calls


def kept_of(site: JoinedSite, client: Client) -> tuple[Session, DeviceSession]:
    """Return the session of a client, and what belongs to it."""
    session = client.connection.session
    assert session is not None
    [kept] = site.server._sessions.of_device(session.device_id)
    return session, kept


async def test_a_command_comes_with_the_time_that_is_left(site: JoinedSite) -> None:
    """MQTT 5 §3.3.2-6: less what it has waited here."""
    client = await site.connected(receive_maximum=1)
    await client.subscribe(COMMANDS)
    await call(site, "first", "second")
    site.sqlite.now_ms += 200_000
    await client.ask(PubAck(1))
    left_s = [it.properties.message_expiry_s or 0 for it in client.of(Publish)]
    assert 590 <= left_s[0] <= 600 and 390 <= left_s[1] <= 400


@pytest.mark.parametrize("level", [3, 4, 5])
async def test_a_command_that_has_expired_is_not_sent(site: JoinedSite, level: int) -> None:
    """Neither for the first time nor again: it may do harm when it comes too late."""
    fields: dict[str, Any] = {"clean_start": False} | ({"session_expiry_s": 3_600} if level == 5 else {})
    client = await site.connected(level, **fields)
    await client.subscribe(COMMANDS)
    await call(site, "unacknowledged")
    await client.hang_up()
    site.sqlite.now_ms += LASTS_MS + 1
    client = await site.connected(level, **fields)
    again = [it for it in client.of(Publish) if it.duplicate]
    assert again == []


async def test_a_stored_command_expires_when_it_says(site: JoinedSite) -> None:
    """Thingsboard §6.7, `expirationTime`: told to the device, and kept where the device was away."""
    fields: dict[str, Any] = {"clean_start": False, "session_expiry_s": 7_200}
    client, stored = await site.connected(**fields), CommandSite(site.sqlite)
    await client.subscribe(COMMANDS)
    command_id = await stored.add(device_id=site.device.id)
    site.exchange.wake(site.device.id)
    await site.settled()
    assert [it.properties.message_expiry_s for it in client.of(Publish)] == [HOUR_MS // 1000]
    await client.hang_up()
    site.sqlite.now_ms += HOUR_MS
    client = await site.connected(**fields)
    assert client.of(Publish) == []
    assert (await stored.command(command_id)).status == "EXPIRED"


async def test_an_expired_command_makes_room(site: JoinedSite) -> None:
    client = await site.connected(receive_maximum=1)
    await client.subscribe(COMMANDS, ANSWERS)
    await call(site, "sent", "waits")
    await client.publish(ME + "rpc/request/1", ASK)
    session, _ = kept_of(site, client)
    session.outgoing._waiting[0].expires_at = site.sqlite.now_ms
    await client.ask(PubAck(1))
    assert [it.topic for it in client.of(Publish)][1:] == [ME + "rpc/response/1"]


async def test_an_answer_waits_no_longer_than_it_was_asked_for(site: JoinedSite) -> None:
    """MQTT 5 §3.3.2-5."""
    client = await site.connected(receive_maximum=1)
    await client.subscribe(ANSWERS)
    for number, expiry_s in enumerate((None, 60, 600)):
        await client.publish(f"{ME}rpc/request/{number}", ASK, message_expiry_s=expiry_s)
    site.sqlite.now_ms += 60_000
    await client.ask(PubAck(1))
    got = [(it.topic[-1], it.properties.message_expiry_s) for it in client.of(Publish)]
    assert got == [("0", None), ("2", 540)]


async def test_a_request_whose_turn_comes_too_late(site: JoinedSite) -> None:
    """It is not done, and the device is told."""
    client = await site.connected()
    client.send(message(CLAIM, {}, message_expiry_s=5), message(CLAIM, {}, 1, 2, message_expiry_s=50))
    site.sqlite.now_ms += 10_000
    await site.settled()
    assert [(it.packet_id, it.reason) for it in client.of(PubAck)] == [
        (1, Reason.IMPLEMENTATION_SPECIFIC),
        (2, 0),
    ]


async def test_what_moves_keeps_its_time_and_its_properties(site: JoinedSite) -> None:
    """Nodes' clocks differ: what is left moves, not when it is over."""
    client = await site.connected(**KEPT)
    await client.subscribe(COMMANDS)
    await call(site, "moves")
    before = client.of(Publish)[0]
    _, kept = kept_of(site, client)
    state = kept.move_out()
    site.sqlite.now_ms += 1_000_000
    kept.settle_in(state)
    [after] = kept.session.resume()
    assert after.properties == before.properties != EMPTY
    site.sqlite.now_ms += LASTS_MS
    assert kept.session.resume() == []
