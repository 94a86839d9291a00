"""Schemas of a profile for tests, and the messages that a device of that profile writes and reads."""

from typing import Any

from google.protobuf.message import Message

from deedbox.core.payload_schemas.compiling import compiled
from deedbox.core.payload_schemas.purposes import RPC_REQUEST_SCHEMA, RPC_RESPONSE_SCHEMA

MEASURED = """syntax = "proto3";
message Measured {
  optional int64 ts = 1;
  message Values { optional double temperature = 1; optional string mode = 2; }
  optional Values values = 2;
}"""
REPORTED = 'syntax = "proto3"; message Reported { optional string fw_version = 1; repeated int32 pins = 2; }'
PROTOBUF = {
    "transportPayloadType": "PROTOBUF",
    "deviceTelemetryProtoSchema": MEASURED,
    "deviceAttributesProtoSchema": REPORTED,
}
Measured, Reported = compiled(MEASURED, "s").message, compiled(REPORTED, "s").message
Asked, Replied = compiled(RPC_REQUEST_SCHEMA, "s").message, compiled(RPC_RESPONSE_SCHEMA, "s").message
#: Not Protobuf, not JSON: a field that is cut.
GARBAGE = b"\x0a\x7f\x01"


def protobuf(**more: Any) -> dict[str, Any]:
    return {"type": "MQTT", "transportPayloadTypeConfiguration": PROTOBUF | more}


COMPATIBLE = protobuf(enableCompatibilityWithJsonPayloadFormat=True)


def written(message: type[Message], **fields: Any) -> bytes:
    return message(**fields).SerializeToString()


def over_coap(**more: Any) -> dict[str, Any]:
    """Return the configuration of devices that speak Protobuf over CoAP."""
    devices = {"coapDeviceType": "DEFAULT", "transportPayloadTypeConfiguration": PROTOBUF | more}
    return {"type": "COAP", "coapDeviceTypeConfiguration": devices}
