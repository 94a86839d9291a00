"""The page about Protobuf: its schemas compile, its bytes are right, every message of a topic is named."""

import re

import pytest

from deedbox.core.payload_schemas.compiling import compiled
from deedbox.core.payload_schemas.purposes import RPC_REQUEST_SCHEMA, RPC_RESPONSE_SCHEMA, payload_messages
from deedbox.core.transport_configuration import MqttTransport, ProtobufPayloads
from deedbox.transports.protobuf import device_api_pb2 as api
from tests.documentation.pages import REFERENCE

PAGE = (REFERENCE / "device-protobuf.md").read_text(encoding="utf-8")
TELEMETRY, REQUEST, RESPONSE = re.findall(r"```proto\n(.*?)```", PAGE, re.DOTALL)
INNER = {"KeyValueProto", "TsKvProto", "TsKvListProto", "PostTelemetryMsg", "PostAttributeMsg"}
INNER |= {"ToDeviceRpcRequestMsg", "ClaimDeviceMsg", "TelemetryMsg", "AttributesMsg"}


def test_the_schemas_can_be_used_as_they_stand_there() -> None:
    assert (REQUEST, RESPONSE) == (RPC_REQUEST_SCHEMA, RPC_RESPONSE_SCHEMA)
    payload_messages(TELEMETRY, TELEMETRY, REQUEST, RESPONSE)
    for schema in re.findall(r'ProtoSchema": "(syntax.*?)"[,\n]', PAGE):
        compiled(schema.replace('\\"', '"'), "schema")


def test_the_bytes_of_the_example_are_an_offer() -> None:
    [escaped] = re.findall(r"printf '([^']*)'", PAGE)
    body = re.sub(rb"\\([0-7]{3})", lambda it: bytes([int(it[1], 8)]), escaped.encode())
    assert api.ClaimDevice.FromString(body) == api.ClaimDevice(secretKey="value", durationMs=60_000)
    assert len(body) == 11


@pytest.mark.parametrize("message", sorted(set(api.DESCRIPTOR.message_types_by_name) - INNER))
def test_every_message_is_named(message: str) -> None:
    is_provisioning = message.startswith(("Provision", "Validate", "CredentialsData"))
    assert f"`{message}`" in PAGE or is_provisioning


@pytest.mark.parametrize("settings", [MqttTransport, ProtobufPayloads])
def test_every_field_is_explained(settings: type[MqttTransport] | type[ProtobufPayloads]) -> None:
    fields = {it for it in settings.__struct_encode_fields__ if not it.startswith("sparkplug")}
    assert all(f"`{it}`" in PAGE for it in fields)
