"""Scenario S in all variants that the reference server's tests play, under their names (thingsboard §11)."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import pytest
from aiocoap import CREATED, POST, Context, Message
from paho.mqtt.enums import MQTTProtocolVersion

from deedbox.transports.protobuf import device_api_pb2 as api
from tests.conformance.mqtt_site import HOST, LONGEST_WAIT_S, MadeDevice, MqttSite, running_mqtt_site
from tests.conformance.paho_device import V5, V311, connected
from tests.conformance.rest_people import get, post
from tests.ports import free_port

SCHEMAS = {
    "deviceTelemetryProtoSchema": 'syntax = "proto3"; message Telemetry { optional double temperature = 1; }',
    "deviceAttributesProtoSchema": 'syntax = "proto3"; message Attributes { optional string firmware = 1; }',
}
JSON_PAYLOADS = {"transportPayloadType": "JSON"}
PROTOBUF_PAYLOADS = {"transportPayloadType": "PROTOBUF"} | SCHEMAS
BOTH_PAYLOADS = PROTOBUF_PAYLOADS | {"enableCompatibilityWithJsonPayloadFormat": True}


class Offer(NamedTuple):
    """What a claim message says; None is left out."""

    secret_key: str | None = None
    duration_ms: int | None = None


#: One format: the message of a device, and the message of a gateway about a device of that name.
Format = tuple[Callable[[Offer], bytes], Callable[[str, Offer], bytes]]
#: Sends a claim message and waits until the server has said that it is stored.
Send = Callable[[bytes], None]


class Place(NamedTuple):
    """A server, and the port at which it serves CoAP."""

    site: MqttSite
    coap_port: int


#: Connects a device; the flag says whether it speaks as a gateway.
Client = Callable[[Place, MadeDevice, bool], AbstractContextManager[Send]]


def json_fields(offer: Offer) -> dict[str, Any]:
    told = {"secretKey": offer.secret_key, "durationMs": offer.duration_ms}
    return {name: value for name, value in told.items() if value is not None}


def json_of_device(offer: Offer) -> bytes:
    return json.dumps(json_fields(offer)).encode()


def json_of_gateway(name: str, offer: Offer) -> bytes:
    return json.dumps({name: json_fields(offer)}).encode()


def protobuf_of_device(offer: Offer) -> bytes:
    return _protobuf(offer).SerializeToString()


def protobuf_of_gateway(name: str, offer: Offer) -> bytes:
    named = api.ClaimDeviceMsg(deviceName=name, claimRequest=_protobuf(offer))
    return api.GatewayClaimMsg(msg=[named]).SerializeToString()


def _protobuf(offer: Offer) -> api.ClaimDevice:
    return api.ClaimDevice(secretKey=offer.secret_key or "", durationMs=offer.duration_ms or 0)


@contextmanager
def paho(protocol: MQTTProtocolVersion, place: Place, sender: MadeDevice, is_gateway: bool) -> Iterator[Send]:
    topic = "v1/gateway/claim" if is_gateway else "v1/devices/me/claim"
    with connected(place.site, sender, protocol) as device:

        def send(message: bytes) -> None:
            assert device.publish(topic, message).reason == 0

        yield send


@contextmanager
def coap(place: Place, sender: MadeDevice, _: bool) -> Iterator[Send]:
    url = f"coap://{HOST}:{place.coap_port}/api/v1/{sender.token}/claim"
    with asyncio.Runner() as runner:
        client = runner.run(_coap_client())

        def send(message: bytes) -> None:
            assert runner.run(_posted(client, url, message)) == CREATED

        try:
            yield send
        finally:
            runner.run(client.shutdown())


async def _coap_client() -> Context:
    return await Context.create_client_context(transports=["udp6"])


async def _posted(client: Context, url: str, message: bytes) -> int:
    async with asyncio.timeout(LONGEST_WAIT_S):
        answer = await client.request(Message(code=POST, uri=url, payload=message)).response
    return int(answer.code)


class Story(NamedTuple):
    """What one of the reference's methods varies."""

    method: str
    is_gateway: bool
    secret_key: str | None


class Variant(NamedTuple):
    """One test of the reference: of the two offers, the first is in the first format."""

    client: Client
    profile: str
    formats: tuple[Format, Format]
    story: Story


PAHO_311, PAHO_5 = partial(paho, V311), partial(paho, V5)
JSON: Format = (json_of_device, json_of_gateway)
PROTOBUF: Format = (protobuf_of_device, protobuf_of_gateway)
DEVICE = Story("testClaimingDevice", False, "value")
DEVICE_WITHOUT = Story("testClaimingDeviceWithoutSecretAndDuration", False, None)
GATEWAY = Story("testGatewayClaimingDevice", True, "value")
GATEWAY_WITHOUT = Story("testGatewayClaimingDeviceWithoutSecretAndDuration", True, None)
DEVICES, GATEWAYS = (DEVICE, DEVICE_WITHOUT), (GATEWAY, GATEWAY_WITHOUT)

#: Profiles by name: the transport, and its payloads.
PROFILES: dict[str, tuple[str, dict[str, Any]]] = {
    "mqtt-json": ("MQTT", JSON_PAYLOADS),
    "mqtt-protobuf": ("MQTT", PROTOBUF_PAYLOADS),
    "mqtt-both": ("MQTT", BOTH_PAYLOADS),
    "coap-json": ("COAP", JSON_PAYLOADS),
    "coap-protobuf": ("COAP", PROTOBUF_PAYLOADS),
}
CLASSES: list[tuple[str, Client, str, tuple[Format, Format], tuple[Story, ...]]] = [
    ("MqttClaimDeviceTest", PAHO_311, "default", (JSON, JSON), DEVICES + GATEWAYS),
    ("MqttClaimJsonDeviceTest", PAHO_311, "mqtt-json", (JSON, JSON), DEVICES + GATEWAYS),
    ("MqttClaimProtoDeviceTest", PAHO_311, "mqtt-protobuf", (PROTOBUF, PROTOBUF), DEVICES + GATEWAYS),
    ("MqttClaimBackwardCompatibilityDeviceTest", PAHO_311, "mqtt-both", (JSON, PROTOBUF), GATEWAYS),
    ("MqttV5ClaimTest", PAHO_5, "default", (JSON, JSON), (DEVICE,)),
    ("CoapClaimDeviceTest", coap, "default", (JSON, JSON), DEVICES),
    ("CoapClaimJsonDeviceTest", coap, "coap-json", (JSON, JSON), DEVICES),
    ("CoapClaimProtoDeviceTest", coap, "coap-protobuf", (PROTOBUF, PROTOBUF), DEVICES),
]
VARIANTS = [
    pytest.param(Variant(client, profile, formats, story), id=f"{name}.{story.method}")
    for name, client, profile, formats, stories in CLASSES
    for story in stories
]
_numbers = count(1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One server for all variants, with MQTT and CoAP, and a profile for each way to speak."""
    port = free_port()
    folder = tmp_path_factory.mktemp("server") / "data"
    with running_mqtt_site(folder, "--coap", f"{HOST}:{port}") as site:
        for name, (transport, payloads) in PROFILES.items():
            post(site.maker, "/api/deviceProfile", profile(name, transport, payloads))
        yield Place(site, port)


@pytest.mark.parametrize("variant", VARIANTS)
def test_scenario_s(place: Place, variant: Variant) -> None:
    """An offer that ends at once, a claim too late, a longer offer, a claim, another (thingsboard §11)."""
    site, secret_key = place.site, variant.story.secret_key
    sender = saved_device(site, variant)
    name = f"behind-{sender.name}" if variant.story.is_gateway else sender.name
    with variant.client(place, sender, variant.story.is_gateway) as send:
        send(message(variant, 0, name, Offer(secret_key, 1)))
        time.sleep(0.01)  # until the window has surely ended: the clock decides, to the millisecond
        claimed = found_device(site, name)
        too_late = site.claim(claimed, secret_key)
        assert (too_late.status_code, too_late.json()) == (400, "FAILURE")
        send(message(variant, 1, name, Offer(secret_key, 60_000) if secret_key else Offer()))
    in_time = site.claim(claimed, secret_key)
    assert (in_time.status_code, in_time.json()["response"]) == (200, "SUCCESS")
    assert in_time.json()["device"]["id"]["id"] == claimed.id
    assert in_time.json()["device"]["customerId"] == site.customer_of_owner()
    again = site.claim(claimed, secret_key)
    assert (again.status_code, again.json()) == (400, "CLAIMED")


def test_offers_in_protobuf_are_what_firmware_sends() -> None:
    """By the field numbers of thingsboard §2.1, so that our own schema can't be wrong unseen."""
    assert protobuf_of_device(Offer("value", 60_000)) == b"\x0a\x05value\x10\xe0\xd4\x03"
    assert protobuf_of_device(Offer()) == b""
    assert protobuf_of_gateway("A", Offer("value", 1)) == b"\x0a\x0e\x0a\x01A\x12\x09\x0a\x05value\x10\x01"


def message(variant: Variant, number: int, name: str, offer: Offer) -> bytes:
    """The first (0) or second (1) offer, as the device or the gateway writes it."""
    of_device, of_gateway = variant.formats[number]
    return of_gateway(name, offer) if variant.story.is_gateway else of_device(offer)


def saved_device(site: MqttSite, variant: Variant) -> MadeDevice:
    """Make the device, or the gateway, that connects: of the variant's profile."""
    name = f"speaker-{next(_numbers)}"
    wanted = {"name": name, "type": variant.profile, "additionalInfo": {"gateway": variant.story.is_gateway}}
    saved = post(site.maker, f"/api/device?accessToken=token-of-{name}", wanted)
    return MadeDevice(name, saved["id"]["id"], f"token-of-{name}")


def found_device(site: MqttSite, name: str) -> MadeDevice:
    """Look the device up as its tenant's administrator does: a gateway's is there by its first offer."""
    found = get(site.maker, "/api/tenant/devices", deviceName=name)
    return MadeDevice(name, found["id"]["id"], "")


def profile(name: str, transport: str, payloads: dict[str, Any]) -> dict[str, Any]:
    """A device profile whose devices send such payloads over this transport."""
    configuration: dict[str, Any] = {"transportPayloadTypeConfiguration": payloads}
    if transport == "COAP":
        configuration = {"coapDeviceTypeConfiguration": {"coapDeviceType": "DEFAULT"} | configuration}
    data = {
        "configuration": {"type": "DEFAULT"},
        "transportConfiguration": {"type": transport} | configuration,
    }
    return {"name": name, "transportType": transport, "profileData": data}
