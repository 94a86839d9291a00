"""Gateways whose profile says that they speak Protobuf: many devices in a message, and messages for each."""

from typing import Any

import msgspec
import pytest

from deedbox.transports.mqtt.packets import Publish
from deedbox.transports.mqtt.reasons import Reason
from deedbox.transports.protobuf import device_api_pb2 as api
from tests.transports.mqtt.gateway_site import (
    ATTRIBUTES,
    CLAIM,
    CONNECT,
    DISCONNECT,
    REQUEST,
    RESPONSE,
    RPC,
    TELEMETRY,
    GatewaySite,
    acknowledged,
)
from tests.transports.mqtt.test_gateway_pushes import call, share
from tests.transports.spoken_protobuf import COMPATIBLE, GARBAGE, protobuf, written

FORMATS = pytest.mark.parametrize("configuration", [protobuf(), COMPATIBLE], ids=["protobuf", "compatible"])


def value(key: str, **fields: Any) -> api.KeyValueProto:
    return api.KeyValueProto(key=key, **fields)


@FORMATS
async def test_offers_of_many_devices_come_in_one_message(
    gateway_site: GatewaySite, configuration: dict[str, Any]
) -> None:
    """Thingsboard §3.1: GatewayClaimMsg; one PUBACK after all of it is stored."""
    await gateway_site.joined.speak(**configuration)
    gateway = await gateway_site.connected(4)
    offers = [
        api.ClaimDeviceMsg(deviceName="A", claimRequest=api.ClaimDevice(secretKey="007", durationMs=60_000)),
        api.ClaimDeviceMsg(deviceName="B"),
    ]
    await gateway.publish(CLAIM, written(api.GatewayClaimMsg, msg=offers))
    assert gateway.acknowledged == [1]
    first = await gateway_site.state("A")
    now_ms = gateway_site.joined.sqlite.now_ms
    assert [it.expires_at for it in first.windows] == [now_ms + 60_000]
    assert len((await gateway_site.state("B")).windows) == 1


async def test_measurements_and_attributes_have_their_types(gateway_site: GatewaySite) -> None:
    await gateway_site.joined.speak(**protobuf())
    gateway = await gateway_site.connected(4)
    values = [
        value("on", type=api.BOOLEAN_V, bool_v=True),
        value("count", type=api.LONG_V, long_v=2**53 + 1),
        value("ratio", type=api.DOUBLE_V, double_v=0.25),
        value("name", type=api.STRING_V, string_v="x"),
        value("more", type=api.JSON_V, json_v='{"a": [1]}'),
    ]
    told = [
        api.TelemetryMsg(deviceName="A", msg=api.PostTelemetryMsg(tsKvList=[api.TsKvListProto(kv=values)])),
        api.TelemetryMsg(
            deviceName="A",
            msg=api.PostTelemetryMsg(tsKvList=[api.TsKvListProto(ts=1_600_000_000_000, kv=[value("old")])]),
        ),
    ]
    await gateway.publish(TELEMETRY, written(api.GatewayTelemetryMsg, msg=told))
    reported = api.AttributesMsg(deviceName="A", msg=api.PostAttributeMsg(kv=values))
    await gateway.publish(ATTRIBUTES, written(api.GatewayAttributesMsg, msg=[reported]), packet_id=2)
    assert gateway.acknowledged == [1, 2]
    expected = {"on": True, "count": 2**53 + 1, "ratio": 0.25, "name": "x", "more": {"a": [1]}}
    assert await gateway_site.values("A") == {**expected, "old": False}
    assert await gateway_site.reported("A") == expected


async def test_what_is_pushed_for_a_device_names_it(gateway_site: GatewaySite) -> None:
    await gateway_site.joined.speak(**protobuf())
    gateway = await gateway_site.connected()
    await gateway.publish(CONNECT, written(api.ConnectMsg, deviceName="A", deviceType="lamp"))
    assert (await gateway_site.made("A")).type == "lamp"
    await share(gateway_site, "A", level=3)
    update = api.GatewayAttributeUpdateNotificationMsg.FromString(gateway.of(Publish)[0].payload)
    assert (update.deviceName, update.notificationMsg.sharedUpdated[0].kv.long_v) == ("A", 3)
    gateway.got.clear()
    calling = await call(gateway_site, "A")
    command = api.GatewayDeviceRpcRequestMsg.FromString(gateway.of(Publish)[0].payload)
    assert (command.deviceName, command.rpcRequestMsg.methodName) == ("A", "blink")
    assert command.rpcRequestMsg.params == '{"times":3}'
    number = command.rpcRequestMsg.requestId
    reply = written(api.GatewayRpcResponseMsg, deviceName="A", id=number, data='{"ok":1}')
    await gateway.publish(RPC, reply, packet_id=2)
    assert (await calling).reply == b'{"ok":1}'
    await gateway.publish(DISCONNECT, written(api.DisconnectMsg, deviceName="A"), packet_id=3)
    gateway.got.clear()
    await share(gateway_site, "A", level=4)
    assert not gateway.of(Publish)


async def test_attributes_that_a_gateway_asks_for(gateway_site: GatewaySite) -> None:
    await gateway_site.joined.speak(**protobuf())
    gateway = await gateway_site.connected()
    await gateway.publish(CONNECT, written(api.ConnectMsg, deviceName="A"))
    await share(gateway_site, "A", level=3, colour="x")
    gateway.got.clear()
    asked = written(api.GatewayAttributesRequestMsg, id=9, deviceName="A", keys=["level", "colour"])
    await gateway.publish(REQUEST, asked, packet_id=2)
    [answer] = gateway.of(Publish)
    found = api.GatewayAttributeResponseMsg.FromString(answer.payload)
    assert (answer.topic, found.deviceName, found.responseMsg.requestId) == (RESPONSE, "A", 9)
    assert {it.kv.key for it in found.responseMsg.sharedAttributeList} == {"level", "colour"}


NAMELESS = written(api.GatewayClaimMsg, msg=[api.ClaimDeviceMsg()])
BAD_JSON = written(
    api.GatewayAttributesMsg,
    msg=[api.AttributesMsg(deviceName="A", msg=api.PostAttributeMsg(kv=[value("a", type=4, json_v="{")]))],
)


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        *((topic, GARBAGE) for topic in (CLAIM, TELEMETRY, ATTRIBUTES, REQUEST, RPC, CONNECT, DISCONNECT)),
        *((topic, b'{"A": {}}') for topic in (CLAIM, CONNECT)),
        (CLAIM, b""),
        (CLAIM, NAMELESS),
        (ATTRIBUTES, BAD_JSON),
    ],
)
async def test_what_is_no_protobuf_is_a_bad_payload(
    gateway_site: GatewaySite, topic: str, body: bytes
) -> None:
    await gateway_site.joined.speak(**protobuf())
    gateway = await gateway_site.connected()
    answer = acknowledged(await gateway.publish(topic, body))
    assert answer.reason == Reason.PAYLOAD_FORMAT_INVALID and gateway.ended() is None


async def test_a_compatible_gateway_may_send_json(gateway_site: GatewaySite) -> None:
    await gateway_site.joined.speak(**COMPATIBLE)
    gateway = await gateway_site.connected(4)
    await gateway.publish(CLAIM, {"A": {"secretKey": "k"}})
    await gateway.publish(TELEMETRY, {"A": [{"a": 1}]}, packet_id=2)
    asked = msgspec.json.encode({"id": 3, "device": "A", "client": True, "key": "x"})
    await gateway.publish(REQUEST, asked, packet_id=3)
    assert gateway.acknowledged == [1, 2, 3]
    assert await gateway_site.values("A") == {"a": 1}
    answer = api.GatewayAttributeResponseMsg.FromString(gateway.of(Publish)[0].payload)
    assert (answer.deviceName, answer.responseMsg.requestId) == ("A", 3)
