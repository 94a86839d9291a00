"""Transport configurations of profiles: which are refused, and what the refusals say."""

from typing import Any

import msgspec
import pytest

from deedbox.core.errors import InvalidValue
from deedbox.core.transport_configuration import DefaultTransport, checked_transport, stored_transport

TELEMETRY = """syntax = "proto3";
message Measured {
  optional int64 ts = 1;
  message Values { optional double temperature = 1; }
  optional Values values = 2;
}"""
ATTRIBUTES = 'syntax = "proto3"; message Attributes { optional string firmware = 1; }'
PROTOBUF = {
    "transportPayloadType": "PROTOBUF",
    "deviceTelemetryProtoSchema": TELEMETRY,
    "deviceAttributesProtoSchema": ATTRIBUTES,
}


def configuration(transport: str, **fields: Any) -> dict[str, Any]:
    return {"type": transport, **fields}


def payloads(transport: str, **changes: Any) -> dict[str, Any]:
    told = {"transportPayloadTypeConfiguration": PROTOBUF | changes}
    if transport == "MQTT":
        return configuration("MQTT", **told)
    return configuration("COAP", coapDeviceTypeConfiguration={"coapDeviceType": "DEFAULT", **told})


COMMAND = 'syntax = "proto3"; message C { optional string method = 1; optional int32 requestId = 2; '


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"deviceTelemetryProtoSchema": ""}, "deviceTelemetryProtoSchema, line 1"),
        ({"deviceAttributesProtoSchema": None}, "deviceAttributesProtoSchema"),
        ({"deviceTelemetryProtoSchema": TELEMETRY.replace("double", "number")}, "line 4: There is no type"),
        ({"deviceTelemetryProtoSchema": 'syntax = "proto3"; message A {}'}, "no fields"),
        ({"deviceTelemetryProtoSchema": TELEMETRY.replace("optional int64", "int64")}, "optional int64"),
        ({"deviceTelemetryProtoSchema": TELEMETRY.replace("Values values", "string values")}, "a message"),
        ({"deviceRpcRequestProtoSchema": ATTRIBUTES}, "method, requestId and params"),
        ({"deviceRpcRequestProtoSchema": COMMAND + "repeated string params = 3; }"}, "repeated"),
        (
            {"deviceRpcRequestProtoSchema": COMMAND.replace("int32", "int64") + "string params = 3; }"},
            "int32",
        ),
        (
            {"deviceRpcRequestProtoSchema": COMMAND.replace("string", "bool") + "string params = 3; }"},
            "string",
        ),
        ({"deviceRpcResponseProtoSchema": "message"}, "deviceRpcResponseProtoSchema, line 1"),
        ({"transportPayloadType": "XML"}, "XML"),
    ],
)
@pytest.mark.parametrize("transport", ["MQTT", "COAP"])
def test_a_schema_that_can_not_be_used_is_refused(transport: str, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        checked_transport(transport, payloads(transport, **changes))
    assert told in refused.value.message


@pytest.mark.parametrize(
    ("transport", "wanted", "told"),
    [
        ("LWM2M", None, "DEFAULT, MQTT or COAP"),
        ("SNMP", None, "DEFAULT, MQTT or COAP"),
        ("DEFAULT", configuration("MQTT"), "must be DEFAULT"),
        ("MQTT", configuration("MQTT", deviceTelemetryTopic="a/+b"), "deviceTelemetryTopic must be a topic"),
        ("MQTT", configuration("MQTT", deviceAttributesTopic="#/a"), "deviceAttributesTopic must be a topic"),
        ("MQTT", configuration("MQTT", deviceAttributesSubscribeTopic="v1/gateway/rpc"), "v1/gateway"),
        ("MQTT", configuration("MQTT", deviceTelemetryTopic="x" * 256), "255 bytes"),
        (
            "MQTT",
            configuration("MQTT", deviceTelemetryTopic="t", deviceAttributesTopic="t"),
            "must not be the same",
        ),
        ("MQTT", configuration("MQTT", deviceTelemetryTopic=5), "transportConfiguration"),
        ("MQTT", configuration("MQTT", sparkplug=True), "Sparkplug"),
        ("COAP", configuration("COAP", coapDeviceTypeConfiguration={"coapDeviceType": "EFENTO"}), "EFENTO"),
    ],
)
def test_what_is_not_served_is_refused(transport: str, wanted: Any, told: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        checked_transport(transport, wanted)
    assert told in refused.value.message


@pytest.mark.parametrize("transport", ["MQTT", "COAP"])
def test_what_was_checked_is_read_again(transport: str) -> None:
    checked = checked_transport(transport, payloads(transport))
    settings = msgspec.json.encode({"profileData": {"transportConfiguration": checked}}).decode()
    assert stored_transport(settings) == checked


@pytest.mark.parametrize(
    "settings",
    ["{}", '{"profileData": null}', '{"profileData": {"transportConfiguration": {"type": "LWM2M"}}}'],
)
def test_what_an_older_release_kept_is_no_hindrance(settings: str) -> None:
    assert stored_transport(settings) == DefaultTransport()
