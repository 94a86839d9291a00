"""Requests and answers in the manner of MQTT 5, and what else a message says beside its payload."""

from typing import Any

import pytest

from deedbox.core.rpc import End
from deedbox.transports.mqtt.packets import PingReq, PingResp, PubAck, Publish, PubRec
from deedbox.transports.mqtt.properties import EMPTY, Properties
from deedbox.transports.mqtt.reasons import REFUSALS, Reason
from tests.transports.mqtt.joined import (
    ANSWERS,
    COMMANDS,
    ME,
    RESPONSES,
    TELEMETRY,
    Client,
    JoinedSite,
    message,
)

ASK = {"method": "getSessionLimits", "params": {}}
READ = {"sharedKeys": "fan"}
REQUESTS = pytest.mark.parametrize(
    "kind, body, heard", [("rpc", ASK, ANSWERS), ("attributes", READ, RESPONSES)]
)


async def answered(client: Client, kind: str, body: Any, **properties: Any) -> Publish:
    """Publish request 1 and return what came for it."""
    await client.publish(f"{ME}{kind}/request/1", body, **properties)
    [answer] = client.of(Publish)
    return answer


@REQUESTS
async def test_an_answer_comes_where_it_was_asked_for(
    site: JoinedSite, kind: str, body: Any, heard: str
) -> None:
    """MQTT 5 §4.10: the correlation data is handed back as it came."""
    client = await site.connected()
    await client.subscribe(heard)
    wanted = f"{ME}{kind}/response/77"
    answer = await answered(client, kind, body, response_topic=wanted, correlation_data=b"\0\xff")
    assert (answer.topic, answer.properties) == (wanted, Properties(correlation_data=b"\0\xff"))


@REQUESTS
@pytest.mark.parametrize(
    "wanted", [TELEMETRY, ME + "rpc/request/7", ME + "rpc/response/x", "home/answers", ME + "rpc/response/"]
)
async def test_other_topics_are_not_for_a_device_to_choose(
    site: JoinedSite, kind: str, body: Any, heard: str, wanted: str
) -> None:
    """Firmware that names one of its own is answered where it always was; thingsboard §3.3."""
    client = await site.connected()
    await client.subscribe(heard)
    answer = await answered(client, kind, body, response_topic=wanted)
    assert (answer.topic, answer.properties) == (f"{ME}{kind}/response/1", EMPTY)


async def test_an_answer_that_nobody_subscribed_to(site: JoinedSite) -> None:
    client = await site.connected()
    await client.subscribe(ME + "rpc/response/1")
    await client.publish(ME + "rpc/request/1", ASK, response_topic=ME + "rpc/response/2")
    assert client.told == []
    await client.publish(ME + "rpc/request/2", ASK, response_topic=ME + "rpc/response/1")
    assert [it.topic for it in client.of(Publish)] == [ME + "rpc/response/1"]


@pytest.mark.parametrize("level", [3, 4, 5])
@pytest.mark.parametrize("one_way", [True, False])
async def test_a_command_says_where_its_reply_is_wanted(site: JoinedSite, level: int, one_way: bool) -> None:
    """MQTT 5 §4.10.1: any client of MQTT 5 that answers requests can do what our topics are for."""
    client = await site.connected(level)
    await client.subscribe(COMMANDS)
    calling = site.beside(site.exchange.call(await site.command("m", one_way=one_way), 60_000))
    await site.settled()
    [got] = client.of(Publish)
    number, told = got.topic.rpartition("/")[2], got.properties
    if level < 5 or one_way:
        assert (told.response_topic, told.correlation_data) == (None, None)
        return
    assert (told.response_topic, told.correlation_data) == (f"{ME}rpc/response/{number}", number.encode())
    await client.publish(told.response_topic or "", {"ok": 1}, correlation_data=told.correlation_data)
    assert (await calling).end is End.REPLIED


@pytest.mark.parametrize(
    "room, expected", [(None, ME + "rpc/response/"), (127, None), (128, ME + "rpc/response/")]
)
async def test_response_information(site: JoinedSite, room: int | None, expected: str | None) -> None:
    """MQTT 5 §3.1.2.11.6: for those who ask, where there is room."""
    connack = await site.client().connect(request_response_information=1, maximum_packet_bytes=room)
    assert connack.properties.response_information == expected
    assert (await site.client().connect("d")).properties.response_information is None


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_text_that_is_none(site: JoinedSite, qos: int) -> None:
    """MQTT 5 §3.3.2.3.2: 0x99, and the connection stays."""
    client = await site.connected()
    got = await client.publish(TELEMETRY, b'{"t": "\xff"}', qos, payload_format=1)
    answers = [it.reason for it in got if isinstance(it, PubAck | PubRec)]
    assert answers == ([Reason.PAYLOAD_FORMAT_INVALID] if qos else [])
    got = await client.publish(TELEMETRY, {"t": 1}, qos, payload_format=1, content_type="application/json")
    assert [it.reason for it in got if isinstance(it, PubAck | PubRec)] == ([0] if qos else [])
    assert await client.ask(PingReq()) == [PingResp()]
    assert await site.latest() == {"t": 1}


async def test_user_properties_are_ignored(site: JoinedSite) -> None:
    """As many as a packet has room for; a packet with more is too long."""
    client = await site.connected()
    many = tuple((f"name {number}", "x" * 100) for number in range(500))
    assert await client.publish(TELEMETRY, {"t": 1}, user_properties=many) == [PubAck(1)]
    client.send(message(TELEMETRY, {"t": 1}, user_properties=many * 2))
    assert client.ended() == Reason.PACKET_TOO_LARGE


async def test_nobody_is_sent_to_another_server(site: JoinedSite) -> None:
    """Sessions move to where their clients are; no client is asked to go elsewhere."""
    assert not {Reason.USE_ANOTHER_SERVER, Reason.SERVER_MOVED} & set(REFUSALS.values())
    client = await site.connected()
    await site.server.close()
    assert client.ended() == Reason.SERVER_SHUTTING_DOWN
    assert all(getattr(it, "properties", EMPTY).server_reference is None for it in client.got)
