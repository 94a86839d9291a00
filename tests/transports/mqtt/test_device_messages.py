"""What devices say over MQTT: offers, telemetry, attributes, requests; answers to commands; bad payloads."""

import asyncio
from typing import Any

import msgspec
import pytest

from deedbox.core.claim_requests import Answer
from deedbox.core.rpc import End
from deedbox.testing.claim_scene import ALICE
from deedbox.transports.mqtt.packets import PingReq, PingResp, PubAck, Publish, PubRec
from deedbox.transports.mqtt.reasons import Reason
from tests.transports.mqtt.joined import (
    ANSWERS,
    ATTRIBUTES,
    CLAIM,
    COMMANDS,
    ME,
    RESPONSES,
    TELEMETRY,
    Client,
    JoinedSite,
    message,
)

LEVELS = pytest.mark.parametrize("level", [3, 4, 5])
KEY = "aB3$ secret"


async def acked(client: Client, topic: str, payload: Any, qos: int = 1) -> PubAck | PubRec:
    """Publish and return the one answer."""
    answers = [it for it in await client.publish(topic, payload, qos, 5) if isinstance(it, PubAck | PubRec)]
    assert len(answers) == 1
    return answers[0]


@pytest.mark.parametrize("qos", [1, 2])
async def test_an_offer_is_answered_with_what_came_of_it(site: JoinedSite, qos: int) -> None:
    """Behaviour §2.5: as reason string and as user properties."""
    client = await site.connected()
    told = await acked(client, CLAIM, {"secretKey": KEY, "durationMs": 60_000}, qos)
    expires_at = site.sqlite.now_ms + 60_000
    assert told.reason == 0
    assert msgspec.json.decode(told.properties.reason_string or "") == {
        "accepted": True,
        "expiresAt": expires_at,
    }
    assert told.properties.user_properties == (("accepted", "true"), ("expiresAt", str(expires_at)))
    assert (await site.scene.claim(ALICE, site.device, KEY)).answer is Answer.SUCCESS


async def test_a_refused_offer_is_a_success_that_says_no(site: JoinedSite) -> None:
    """Behaviour §2.5: firmware announces at every boot."""
    client = await site.connected()
    await site.sqlite.set_blocked(site.device.id, True)
    told = await acked(client, CLAIM, b"")
    assert told.reason == 0
    assert told.properties.reason_string == '{"accepted":false,"reason":"blocked"}'
    assert told.properties.user_properties == (("accepted", "false"), ("reason", "blocked"))


@pytest.mark.parametrize("level", [3, 4])
async def test_older_clients_get_their_plain_answer(site: JoinedSite, level: int) -> None:
    """Behaviour §2.5."""
    client = await site.connected(level)
    await site.sqlite.set_blocked(site.device.id, True)
    assert await acked(client, CLAIM, {"secretKey": KEY}) == PubAck(5)


@LEVELS
async def test_an_offer_without_a_key(site: JoinedSite, level: int) -> None:
    client = await site.connected(level)
    await client.publish(CLAIM, b"", 0)
    assert (await site.scene.claim(ALICE, site.device)).answer is Answer.SUCCESS


@pytest.mark.parametrize("topic", [CLAIM, TELEMETRY, ATTRIBUTES, ME + "rpc/request/1"])
@LEVELS
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_bad_payload(site: JoinedSite, level: int, topic: str, qos: int) -> None:
    """Behaviour §2.5, thingsboard §2.2: 0x99 and the connection stays; before MQTT 5 it is closed."""
    client = await site.connected(level)
    got = await client.publish(topic, b'{"a', qos, 5)
    if level < 5:
        assert (got, client.ended()) == ([], -1)
        return
    answers = [it for it in got if isinstance(it, PubAck | PubRec)]
    assert [it.reason for it in answers] == ([Reason.PAYLOAD_FORMAT_INVALID] if qos else [])
    assert await client.ask(PingReq()) == [PingResp()]


async def test_a_refused_message_with_qos_2_may_come_again(site: JoinedSite) -> None:
    """MQTT 5 §4.3.3-9: a PUBREC from 0x80 on ends the handshake."""
    client = await site.connected()
    assert (await acked(client, TELEMETRY, b"[", 2)).reason == Reason.PAYLOAD_FORMAT_INVALID
    assert (await acked(client, TELEMETRY, {"t": 1}, 2)).reason == 0
    assert await site.latest() == {"t": 1}


@LEVELS
@pytest.mark.parametrize("topic", ["home/lamp", "v1/gateway", ME + "telemetry/x", ME, "x" * 65_535])
async def test_foreign_topics(site: JoinedSite, level: int, topic: str) -> None:
    """Thingsboard §2.2: 0x90; older clients get their answer, and stay."""
    client = await site.connected(level)
    told = await acked(client, topic, {"t": 1})
    assert told.reason == (Reason.TOPIC_NAME_INVALID if level == 5 else 0)
    assert client.ended() is None


@LEVELS
async def test_forms_of_telemetry(site: JoinedSite, level: int) -> None:
    """Thingsboard §3.3."""
    client = await site.connected(level)
    forms: list[Any] = [
        {"a": 1, "b": "text", "c": True, "d": 1.5},
        {"ts": 1_600_000_000_000, "values": {"e": "21.5"}},
        [{"ts": 1_600_000_000_000, "values": {"f": {"g": [1]}}}, {"h": 2}],
        {"a": None},
    ]
    for number, form in enumerate(forms, 1):
        await client.publish(TELEMETRY, form, 1, number)
    assert client.acknowledged == [1, 2, 3, 4]
    plain = {"a": 1, "b": "text", "c": True, "d": 1.5}
    assert await site.latest() == plain | {"e": 21.5, "f": {"g": [1]}, "h": 2}
    moments = {it.key: it.ts for it in await site.points()}
    assert (moments["e"], moments["a"]) == (1_600_000_000_000, site.sqlite.now_ms)


async def test_messages_of_one_moment_are_kept_apart(site: JoinedSite) -> None:
    client = await site.connected()
    await client.ask(*[message(TELEMETRY, {"t": it}, 0) for it in range(50)])
    await site.sqlite.storage.settle([site.device.id])
    rows = site.sqlite._rows("select long_value from time_series order by ts")
    assert [it["long_value"] for it in rows] == list(range(50))


@LEVELS
async def test_attributes_are_reported_and_asked_for(site: JoinedSite, level: int) -> None:
    """Thingsboard §3.3: the answer comes before the acknowledgement's successors, where it is subscribed."""
    client = await site.connected(level)
    await client.subscribe(RESPONSES)
    await client.publish(ATTRIBUTES, {"fw": "v1", "x": 1})
    await site.share(fan=3)
    asked = {"clientKeys": "fw,none", "sharedKeys": "fan"}
    await client.publish(ATTRIBUTES + "/request/12", asked)
    await client.publish(ATTRIBUTES + "/request/13", b"")
    assert client.told == [
        (ATTRIBUTES + "/response/12", {"client": {"fw": "v1"}, "shared": {"fan": 3}}),
        (ATTRIBUTES + "/response/13", {"client": {"fw": "v1", "x": 1}, "shared": {"fan": 3}}),
    ]


@pytest.mark.parametrize("request_id", ["", "x", "-1", "1.5", "9223372036854775808", "1" * 5_000, "\u0661"])
async def test_ids_that_are_none(site: JoinedSite, request_id: str) -> None:
    client = await site.connected()
    told = await acked(client, ATTRIBUTES + "/request/" + request_id, {})
    assert told.reason == Reason.PAYLOAD_FORMAT_INVALID


async def test_who_does_not_listen_gets_no_answer(site: JoinedSite) -> None:
    client = await site.connected()
    assert await client.publish(ATTRIBUTES + "/request/1", {}) == [PubAck(1)]


@LEVELS
async def test_a_device_asks_for_its_limits(site: JoinedSite, level: int) -> None:
    """Thingsboard §3.3."""
    client = await site.connected(level)
    await client.subscribe(ANSWERS)
    await client.publish(ME + "rpc/request/3", {"method": "getSessionLimits", "params": {"timeout": 5000}})
    rates = {"messages": "", "telemetryMessages": "", "telemetryDataPoints": ""}
    limits = {"maxPayloadSize": 65_536, "maxInflightMessages": 10, "rateLimits": rates}
    assert client.told == [(ME + "rpc/response/3", limits)]


async def test_other_requests_are_answered_with_an_error(site: JoinedSite) -> None:
    client = await site.connected()
    await client.subscribe(ANSWERS)
    await client.publish(ME + "rpc/request/3", {"method": "getTime", "params": {}})
    assert [list(payload) for _, payload in client.told] == [["error"]]


@LEVELS
async def test_a_command_is_answered(site: JoinedSite, level: int) -> None:
    """Thingsboard §3.3."""
    client = await site.connected(level)
    await client.subscribe(COMMANDS)
    call = site.beside(site.call("setLight", {"on": True}))
    await site.settled()
    topic, payload = client.told[0]
    assert payload == {"method": "setLight", "params": {"on": True}}
    packet_id = client.of(Publish)[0].packet_id
    await client.ask(PubAck(packet_id), message(topic.replace("request", "response"), {"done": 1}))
    outcome = await call
    assert (outcome.end, outcome.reply) == (End.REPLIED, b'{"done":1}')


async def test_a_command_waits_for_who_is_connected_and_not_subscribed(site: JoinedSite) -> None:
    client = await site.connected()
    call = site.beside(site.call("a"))
    await site.settled()
    assert client.told == []
    await client.subscribe(COMMANDS)
    assert [payload["method"] for _, payload in client.told] == ["a"]
    call.cancel()


@LEVELS
async def test_a_one_way_command_ends_with_its_acknowledgement(site: JoinedSite, level: int) -> None:
    client = await site.connected(level)
    await client.subscribe(COMMANDS)
    command = await site.command("blink", one_way=True)
    call = site.beside(site.exchange.call(command, 10_000))
    await site.settled()
    assert not call.done()
    await client.ask(PubAck(client.of(Publish)[0].packet_id))
    assert (await asyncio.wait_for(call, 20)).end is End.DELIVERED


@LEVELS
async def test_what_is_not_stored_is_not_acknowledged(site: JoinedSite, level: int) -> None:
    """Behaviour §2.6: MQTT 5 clients hear 0x83 and stay, older ones are closed."""
    client = await site.connected(level)
    await site.fill_disk()
    got = await client.publish(TELEMETRY, {"t": "x" * 50_000})
    if level == 5:
        assert [it.reason for it in got if isinstance(it, PubAck)] == [Reason.IMPLEMENTATION_SPECIFIC]
        assert client.ended() is None
    else:
        assert (got, client.ended()) == ([], -1)
    await site.free_disk()
    assert await site.latest() == {}
    client = await site.connected(level)
    assert await client.publish(TELEMETRY, {"t": 1}) == [PubAck(1)]


@pytest.mark.parametrize("topic", [TELEMETRY, CLAIM])
async def test_a_device_that_is_deleted_while_connected(site: JoinedSite, topic: str) -> None:
    """It is told so, and nothing of it is left."""
    client = await site.connected()
    await client.publish(TELEMETRY, {"t": 1})
    await site.sqlite.storage.settle([site.device.id])
    await site.sqlite.storage.write(lambda it: it.devices.remove_device(site.device))
    assert (await acked(client, topic, {"t": 1})).reason == Reason.NOT_AUTHORIZED
    assert site.sqlite._rows("select * from telemetry_journal") == []
    site.live.tell_credentials(site.device.id)
    await site.settled()
    assert client.ended() == Reason.NOT_AUTHORIZED
