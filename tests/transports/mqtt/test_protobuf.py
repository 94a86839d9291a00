"""Devices whose profile says that they speak Protobuf, over MQTT: what they send, and what they are sent."""

from typing import Any

import msgspec
import pytest

from deedbox.core.payload_schemas.purposes import RPC_REQUEST_SCHEMA
from deedbox.transports.mqtt.packets import PubAck, Publish
from deedbox.transports.mqtt.reasons import Reason
from deedbox.transports.protobuf import device_api_pb2 as api
from tests.transports.mqtt.joined import (
    ANSWERS,
    ATTRIBUTES,
    CLAIM,
    COMMANDS,
    ME,
    RESPONSES,
    TELEMETRY,
    JoinedSite,
)
from tests.transports.spoken_protobuf import (
    COMPATIBLE,
    GARBAGE,
    Asked,
    Measured,
    Replied,
    Reported,
    protobuf,
    written,
)


async def test_an_offer_is_read_with_key_and_duration(site: JoinedSite) -> None:
    """Thingsboard §2.1: ClaimDevice; no bytes at all are an offer without a key."""
    await site.speak(**protobuf())
    client = await site.connected()
    await client.publish(CLAIM, written(api.ClaimDevice, secretKey="value", durationMs=60_000))
    await client.publish(CLAIM, b"", packet_id=2)
    assert client.acknowledged == [1, 2]
    first, second = site.heard
    assert first.expires_at == site.sqlite.now_ms + 60_000
    assert second.refused is None


async def test_telemetry_and_attributes_follow_the_schemas(site: JoinedSite) -> None:
    """Thingsboard §3.1: with `ts` and without, names as JSON has them."""
    await site.speak(**protobuf())
    client = await site.connected(4)
    await client.publish(TELEMETRY, written(Measured, ts=1_700_000_000_000, values={"temperature": 21.5}))
    await client.publish(TELEMETRY, written(Measured, values={"mode": "eco"}), packet_id=2)
    await client.publish(ATTRIBUTES, written(Reported, fw_version="2.1", pins=[3, 4]), packet_id=3)
    assert client.acknowledged == [1, 2, 3]
    points = {it.key: (it.ts, it.value) for it in await site.points()}
    assert points["temperature"] == (1_700_000_000_000, 21.5)
    assert points["mode"] == (site.sqlite.now_ms + 1, "eco")
    assert await site.reported() == {"fwVersion": 2.1, "pins": [3, 4]}


@pytest.mark.parametrize(
    "topic", [CLAIM, TELEMETRY, ATTRIBUTES, ME + "attributes/request/1", ME + "rpc/request/1"]
)
async def test_what_is_no_protobuf_is_a_bad_payload(site: JoinedSite, topic: str) -> None:
    """Thingsboard §2.2: 0x99 in MQTT 5, the end of the connection before."""
    await site.speak(**protobuf())
    new, old = await site.connected(5), await site.connected(4, "old")
    for body in (GARBAGE, b'{"a": 1}'):
        answer = (await new.publish(topic, body))[0]
        assert isinstance(answer, PubAck) and answer.reason == Reason.PAYLOAD_FORMAT_INVALID
    assert new.ended() is None
    await old.publish(topic, GARBAGE)
    assert old.ended() == -1 and not old.acknowledged


async def test_a_profile_may_have_bad_payloads_acknowledged(site: JoinedSite) -> None:
    """Thingsboard §2.2: `sendAckOnValidationException`, with QoS 1."""
    await site.speak(type="MQTT", sendAckOnValidationException=True)
    client = await site.connected(4)
    await client.publish(CLAIM, b"[]")
    await client.publish(TELEMETRY, b"not json [", packet_id=2)
    assert client.acknowledged == [1, 2] and client.ended() is None
    await client.publish(CLAIM, b"[]", qos=0)
    assert client.ended() == -1
    assert not site.heard and not await site.latest()


async def test_a_compatible_profile_takes_either(site: JoinedSite) -> None:
    """Thingsboard §2.1: Protobuf is tried first, then JSON."""
    await site.speak(**COMPATIBLE)
    client = await site.connected(4)
    bodies: list[tuple[str, Any]] = [
        (CLAIM, written(api.ClaimDevice, secretKey="k")),
        (CLAIM, {"secretKey": "k", "durationMs": 5}),
        (TELEMETRY, {"a": 1}),
        (TELEMETRY, b" [{'b': 2}]"),
        (ATTRIBUTES, written(Reported, fw_version="x")),
        (ATTRIBUTES, {"y": True}),
    ]
    for at, (topic, body) in enumerate(bodies, 1):
        await client.publish(topic, body, packet_id=at)
    assert client.acknowledged == [1, 2, 3, 4, 5, 6]
    assert len(site.heard) == 2
    assert await site.latest() == {"a": 1, "b": 2}
    assert await site.reported() == {"fwVersion": "x", "pins": [], "y": True}
    await client.publish(TELEMETRY, GARBAGE)
    assert client.ended() == -1


@pytest.mark.parametrize("is_json", [False, True])
async def test_what_is_asked_for_is_answered_in_the_profiles_format(site: JoinedSite, is_json: bool) -> None:
    """`useJsonPayloadFormatForDefaultDownlinkTopics` has a compatible profile answered in JSON."""
    await site.speak(
        **COMPATIBLE
        if not is_json
        else protobuf(
            enableCompatibilityWithJsonPayloadFormat=True, useJsonPayloadFormatForDefaultDownlinkTopics=True
        )
    )
    await site.share(level=3, name="a", far=[1])
    client = await site.connected(5)
    await client.subscribe(RESPONSES, ANSWERS)
    await client.publish(ME + "attributes/request/7", written(api.AttributesRequest, sharedKeys="level,name"))
    await client.publish(
        ME + "rpc/request/8", written(api.RpcRequest, method="getSessionLimits"), packet_id=2
    )
    found, limits = client.of(Publish)
    assert (found.topic, limits.topic) == (ME + "attributes/response/7", ME + "rpc/response/8")
    if is_json:
        assert msgspec.json.decode(found.payload) == {"shared": {"level": 3, "name": "a"}}
        assert "maxPayloadSize" in msgspec.json.decode(limits.payload)
        return
    told = api.GetAttributeResponseMsg.FromString(found.payload)
    values = {it.kv.key: (it.kv.type, it.kv.long_v, it.kv.string_v) for it in told.sharedAttributeList}
    assert told.requestId == 7 and values == {"level": (api.LONG_V, 3, ""), "name": (api.STRING_V, 0, "a")}
    answer = api.ToServerRpcResponseMsg.FromString(limits.payload)
    assert answer.requestId == 8 and "maxPayloadSize" in msgspec.json.decode(answer.payload)


async def test_changed_attributes_are_told_in_protobuf(site: JoinedSite) -> None:
    await site.speak(**protobuf())
    client = await site.connected()
    await client.subscribe(ATTRIBUTES)
    await site.share(on=True, ratio=0.5, inner={"a": [1]})
    await site.settled()
    await site.drop_shared("on")
    await site.settled()
    changed, dropped = (
        api.AttributeUpdateNotificationMsg.FromString(it.payload) for it in client.of(Publish)
    )
    kinds = {it.kv.key: it.kv for it in changed.sharedUpdated}
    assert kinds["on"].bool_v and kinds["ratio"].double_v == 0.5
    assert (kinds["inner"].type, kinds["inner"].json_v) == (api.JSON_V, '{"a":[1]}')
    assert list(dropped.sharedDeleted) == ["on"] and not dropped.sharedUpdated


async def test_commands_go_out_and_replies_come_back_by_the_schemas(site: JoinedSite) -> None:
    await site.speak(**protobuf())
    client = await site.connected()
    await client.subscribe(COMMANDS)
    waiting = site.beside(site.call("setLight", {"on": True}))
    await site.settled()
    [command] = client.of(Publish)
    asked = Asked.FromString(command.payload)
    assert (asked.method, asked.params) == ("setLight", '{"on":true}')  # type: ignore[attr-defined]
    number = command.topic.rpartition("/")[2]
    assert str(asked.requestId) == number  # type: ignore[attr-defined]
    await client.publish(ME + f"rpc/response/{number}", written(Replied, payload="done"))
    assert msgspec.json.decode((await waiting).reply) == {"payload": "done"}


async def test_a_command_that_does_not_fit_is_answered_in_the_devices_place(site: JoinedSite) -> None:
    schema = RPC_REQUEST_SCHEMA.replace("string params", "int32 params")
    await site.speak(**protobuf(deviceRpcRequestProtoSchema=schema))
    client = await site.connected()
    await client.subscribe(COMMANDS)
    outcome = await site.beside(site.call("setLight", {"on": True}))
    assert "params do not fit" in msgspec.json.decode(outcome.reply)["error"]
    fitting = site.beside(site.call("setLight", 5))
    await site.settled()
    assert [it.topic.rpartition("/")[0] for it in client.of(Publish)] == [ME + "rpc/request"]
    fitting.cancel()


async def test_a_change_of_the_profile_counts_for_connected_devices(site: JoinedSite) -> None:
    client = await site.connected(4)
    await client.publish(CLAIM, {"secretKey": "k"})
    await site.speak(**protobuf())
    await client.publish(CLAIM, written(api.ClaimDevice, secretKey="k"), packet_id=2)
    assert client.acknowledged == [1, 2]
    await client.publish(CLAIM, {"secretKey": "k"}, packet_id=3)
    assert client.ended() == -1


async def test_another_devices_profile_says_nothing_about_this_one(site: JoinedSite) -> None:
    await site.speak(site.other, **protobuf())
    client = await site.connected(4)
    await client.publish(TELEMETRY, {"a": 1})
    assert client.acknowledged == [1]
