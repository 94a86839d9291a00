"""Devices whose profile says that they speak Protobuf over CoAP."""

import pytest

from deedbox.core.payload_schemas.purposes import RPC_REQUEST_SCHEMA
from deedbox.transports.coap.codes import Code
from deedbox.transports.coap.messages import Number
from deedbox.transports.protobuf import device_api_pb2 as api
from tests.transports.coap.coap_site import CoapSite, Device, option
from tests.transports.spoken_protobuf import (
    GARBAGE,
    Asked,
    Measured,
    Replied,
    Reported,
    over_coap,
    protobuf,
    written,
)

BINARY = 42


async def test_messages_are_read_by_the_profile(site: CoapSite, device: Device) -> None:
    """Thingsboard §2.4, §11: each POST is answered 2.01."""
    await site.speak(**over_coap())
    bodies = {
        "claim": written(api.ClaimDevice, secretKey="value", durationMs=60_000),
        "telemetry": written(Measured, values={"temperature": 21.5}),
        "attributes": written(Reported, fw_version="x"),
    }
    assert [(await device.post(*it)).code for it in bodies.items()] == [Code.CREATED] * 3
    assert site.heard[0].expires_at == site.sqlite.now_ms + 60_000
    assert await site.latest() == {"temperature": 21.5}
    assert await site.reported() == {"fwVersion": "x", "pins": []}


@pytest.mark.parametrize("path", ["claim", "telemetry", "attributes", "rpc", "rpc/1"])
@pytest.mark.parametrize("body", [GARBAGE, b'{"a": 1}'])
async def test_what_is_no_protobuf_is_a_bad_request(
    site: CoapSite, device: Device, path: str, body: bytes
) -> None:
    await site.speak(**over_coap())
    assert (await device.post(path, body)).code == Code.BAD_REQUEST


async def test_a_configuration_for_mqtt_says_nothing_about_coap(site: CoapSite, device: Device) -> None:
    await site.speak(**protobuf())
    assert (await device.post("claim", {"secretKey": "k"})).code == Code.CREATED


async def test_attributes_are_answered_and_observed_in_protobuf(site: CoapSite, device: Device) -> None:
    await site.speak(**over_coap())
    await site.share(level=3)
    answer = await device.get("attributes?sharedKeys=level")
    assert option(answer, Number.CONTENT_FORMAT) == BINARY
    found = api.GetAttributeResponseMsg.FromString(answer.payload)
    assert [(it.kv.key, it.kv.long_v) for it in found.sharedAttributeList] == [("level", 3)]
    first = await device.observe("attributes")
    assert option(first, Number.CONTENT_FORMAT) == BINARY
    assert api.AttributeUpdateNotificationMsg.FromString(first.payload).sharedUpdated[0].kv.long_v == 3
    await site.share(level=4)
    await site.settled()
    told = api.AttributeUpdateNotificationMsg.FromString(device.got[-1].payload)
    assert told.sharedUpdated[0].kv.long_v == 4


async def test_commands_are_sent_and_answered_by_the_schemas(site: CoapSite, device: Device) -> None:
    schema = RPC_REQUEST_SCHEMA.replace("string params", "int32 params")
    await site.speak(**over_coap(deviceRpcRequestProtoSchema=schema))
    await device.observe("rpc")
    unfit = await site.beside(site.call("blink", {"times": 3}))
    assert b"params do not fit" in unfit.reply
    waiting = site.beside(site.call("blink", 3))
    await site.settled()
    notification = device.got[-1]
    number = Asked.FromString(notification.payload).requestId  # type: ignore[attr-defined]
    await device.take(notification)
    assert (await device.post(f"rpc/{number}", written(Replied, payload="ok"))).code == Code.CREATED
    assert (await waiting).reply == b'{"payload":"ok"}'


async def test_devices_are_provisioned_in_protobuf(site: CoapSite, device: Device) -> None:
    secrets = api.ProvisionDeviceCredentialsMsg(provisionDeviceKey="k", provisionDeviceSecret="s")
    asked = written(api.ProvisionDeviceRequestMsg, deviceName="x", provisionDeviceCredentialsMsg=secrets)
    answer = await device.post("/api/v1/provision", asked)
    assert answer.code == Code.BAD_REQUEST
    assert api.ProvisionDeviceResponseMsg.FromString(answer.payload).status == api.NOT_FOUND
