"""What one client can not make grow or last: properties, handshakes, messages that it never acknowledges."""

import asyncio
from collections import deque
from typing import Any, NoReturn

import pytest

from deedbox.core.attributes import Writer
from deedbox.core.windows import Announcement
from deedbox.testing.claim_scene import ALICE
from deedbox.transports.mqtt import encoding
from deedbox.transports.mqtt.answering import QOS_2, Unanswered
from deedbox.transports.mqtt.decoding import Decoder
from deedbox.transports.mqtt.handshakes import begin
from deedbox.transports.mqtt.outgoing import Outbound, Outgoing
from deedbox.transports.mqtt.packet_types import PacketType
from deedbox.transports.mqtt.packets import Connect, PubAck, Publish, Will
from deedbox.transports.mqtt.properties import Properties, _add
from deedbox.transports.mqtt.reasons import Reason
from tests.transports.mqtt.joined import ATTRIBUTES, COMMANDS, ME, RESPONSES, TELEMETRY, JoinedSite, message

KEEPING: dict[str, Any] = {"clean_start": False, "session_expiry_s": 3_600}
OWN_WILL = Will(TELEMETRY, b'{"farewell": 1}', 1, False, Properties(will_delay_s=600))


def test_thousands_of_properties_in_one_packet() -> None:
    """A packet has room for 13,000 of them: each is added to those before it, which are not copied."""
    told = tuple((str(number), "") for number in range(5_000))
    packet = Connect(5, client_id="c", properties=Properties(user_properties=told))
    [found] = Decoder(1 << 20).feed(encoding.encode(packet, 5))
    assert isinstance(found, Connect)
    assert found.properties.user_properties == told
    fields: dict[str, Any] = {}
    lists = []
    for pair in told[:2]:
        _add("user_properties", pair, PacketType.CONNECT, fields)
        lists.append(fields["user_properties"])
    assert lists[0] is lists[1]


async def test_a_handshake_is_looked_for_only_when_it_was_begun(site: JoinedSite) -> None:
    """Pipelined messages with QoS 2 cost as much each, however many have no answer yet."""

    class Unsearchable(deque[int]):
        def __contains__(self, _: object) -> NoReturn:
            raise AssertionError("searched")

    client = await site.connected(4)
    client.connection.unanswered = unanswered = Unanswered()
    unanswered.tokens = Unsearchable()
    client.send(*[message(TELEMETRY, {"t": 1}, 2, number) for number in range(1, 200)])
    assert unanswered.tokens[-1] == 199 | QOS_2
    assert not begin(client.connection, 7, {7 | QOS_2})
    await site.settled()


async def test_answers_that_are_never_acknowledged(site: JoinedSite) -> None:
    """A session keeps about a mebibyte of them, and goes on once they are acknowledged."""
    client = await site.connected(4)
    await client.subscribe(RESPONSES)
    await client.publish(ATTRIBUTES, {"long": "x" * 60_000})
    for number in range(40):
        await client.publish(ME + f"attributes/request/{number}", {"clientKeys": "long"}, 0)
    came = client.of(Publish)
    assert 10 < len(came) < 20
    await client.ask(*[PubAck(it.packet_id) for it in came])
    await client.publish(ME + "attributes/request/99", {"clientKeys": "long"}, 0)
    assert client.of(Publish)[-1].topic == ME + "attributes/response/99"


def test_room_that_messages_take_is_given_back() -> None:
    outgoing, large = Outgoing(5, lambda: 0), b"x" * (1 << 20)
    for qos in (0, 1, 1, 0):
        assert outgoing.add(Outbound("t", large, qos))
        assert not outgoing.add(Outbound("t", b"", qos))
        for it in outgoing.take():
            outgoing.acknowledge(it.packet_id)
    assert outgoing.add(Outbound("t", large, 1))
    outgoing.end()
    assert outgoing.add(Outbound("t", large, 1))


async def test_changes_for_which_there_was_no_room_come_later(site: JoinedSite) -> None:
    """Thingsboard §3.3: a device that acknowledges again hears of all that has changed."""
    client = await site.connected(receive_maximum=1)
    await client.subscribe(ATTRIBUTES)
    for number in range(8):
        await site.share(Writer.TENANT, **{f"name{number}": number})
        await site.settled()
    while len(client.of(Publish)) < 6:
        await client.ask(PubAck(client.of(Publish)[-1].packet_id))
    await site.share(last=1)
    await client.ask(PubAck(client.of(Publish)[-1].packet_id))
    known: dict[str, Any] = {}
    for _, told in client.told:
        known |= told
    assert known == {f"name{number}": number for number in range(8)} | {"last": 1}


async def test_a_message_with_a_subscription_identifier(site: JoinedSite) -> None:
    """MQTT 5 §3.3.4-6: only servers send it."""
    client = await site.connected()
    await client.ask(message(TELEMETRY, {"t": 1}, 1, subscription_ids=(1,)))
    assert client.ended() == Reason.PROTOCOL_ERROR
    assert await site.latest() == {}


@pytest.mark.parametrize("is_away", [True, False])
async def test_a_command_of_a_former_owner_is_not_sent_again(site: JoinedSite, is_away: bool) -> None:
    """Behaviour §5.2: nor is one that waited for its turn sent at all."""
    client = await site.connected(receive_maximum=1, **KEEPING)
    await client.subscribe(COMMANDS)
    for method in ("open", "close"):
        site.beside(site.call(method))
    await site.settled()
    assert len(client.told) == 1
    if is_away:
        await client.hang_up()
    await hand_over(site)
    await client.hang_up()
    client = await site.connected(receive_maximum=1, **KEEPING)
    await site.settled()
    assert client.told == []


async def test_a_will_that_waits_ends_with_the_deed(site: JoinedSite) -> None:
    """Behaviour §5.3: what was left in one owner's time is not stored in the next one's."""
    client = await site.connected(will=OWN_WILL, **KEEPING)
    await client.hang_up()
    await hand_over(site)
    await site.pass_ms(700_000)
    assert await site.latest() == {}


async def hand_over(site: JoinedSite) -> None:
    """Let the device have another owner."""
    await site.messages.announce(Announcement(site.device.id, "key"))
    await site.scene.claim(ALICE, site.device, "key")
    await site.follow_deed_end()
    await site.settled()


async def test_time_goes_on_after_a_mistake_of_ours(
    site: JoinedSite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is done once a second is done in the next second, too, whatever went wrong in this one."""
    seconds, again = 0, asyncio.Event()

    async def tick(_: int) -> None:
        nonlocal seconds
        seconds += 1
        if seconds > 1:
            again.set()
        raise RuntimeError("a mistake")

    async def no_time(_: float) -> None:
        await real_sleep(0)

    real_sleep = asyncio.sleep
    monkeypatch.setattr(site.server, "tick", tick)
    monkeypatch.setattr("deedbox.transports.mqtt.server.asyncio.sleep", no_time)
    watching = site.beside(site.server._watch())
    await again.wait()
    watching.cancel()
    assert "was not all done" in caplog.text
