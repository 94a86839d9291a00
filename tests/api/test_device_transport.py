"""How devices of a profile speak, over REST: topics and Protobuf schemas."""

from typing import Any

import pytest

from tests.api.administration import Administration, administration
from tests.api.deployment import Deployment

TELEMETRY = """syntax = "proto3";
message Measured {
  optional double temperature = 1;
}"""
ATTRIBUTES = 'syntax = "proto3"; message Attributes { optional string firmware = 1; }'
PROTOBUF = {
    "transportPayloadType": "PROTOBUF",
    "deviceTelemetryProtoSchema": TELEMETRY,
    "deviceAttributesProtoSchema": ATTRIBUTES,
}


@pytest.fixture
async def site(deployment: Deployment) -> Administration:
    return await administration(deployment)


def profile(transport: str, **configuration: Any) -> dict[str, Any]:
    data = {
        "configuration": {"type": "DEFAULT"},
        "transportConfiguration": {"type": transport, **configuration},
    }
    return {"name": "speaking", "transportType": transport, "profileData": data}


async def kept(site: Administration, wanted: dict[str, Any]) -> Any:
    """Save a profile and return its transport configuration as it is read."""
    made = await site.ok("maker", "POST", "/api/deviceProfile", wanted)
    read = await site.ok("maker", "GET", f"/api/deviceProfile/{made['id']['id']}")
    return read["profileData"]["transportConfiguration"]


async def test_a_configuration_comes_back_complete(site: Administration) -> None:
    """Thingsboard §2.1: what clients do not write is there as the reference server has it."""
    assert await kept(site, {"name": "a"}) == {"type": "DEFAULT"}
    mqtt = await kept(site, {"name": "b", "transportType": "MQTT"})
    assert mqtt == {
        "type": "MQTT",
        "deviceTelemetryTopic": "v1/devices/me/telemetry",
        "deviceAttributesTopic": "v1/devices/me/attributes",
        "deviceAttributesSubscribeTopic": "v1/devices/me/attributes",
        "transportPayloadTypeConfiguration": {"transportPayloadType": "JSON"},
        "sendAckOnValidationException": False,
        "sparkplug": False,
        "sparkplugAttributesMetricNames": None,
    }
    coap = await kept(site, {"name": "c", "transportType": "COAP"})
    json = {"transportPayloadType": "JSON"}
    devices = {"coapDeviceType": "DEFAULT", "transportPayloadTypeConfiguration": json}
    assert coap == {"type": "COAP", "coapDeviceTypeConfiguration": devices, "clientSettings": None}


async def test_schemas_are_kept_and_those_of_commands_have_defaults(site: Administration) -> None:
    wanted = {**PROTOBUF, "deviceRpcResponseProtoSchema": ATTRIBUTES}
    mqtt = await kept(site, profile("MQTT", transportPayloadTypeConfiguration=wanted))
    found = mqtt["transportPayloadTypeConfiguration"]
    assert {name: found[name] for name in PROTOBUF} == PROTOBUF
    assert found["deviceRpcResponseProtoSchema"] == ATTRIBUTES
    assert "RpcRequestMsg" in found["deviceRpcRequestProtoSchema"]
    assert found["enableCompatibilityWithJsonPayloadFormat"] is False
    assert found["useJsonPayloadFormatForDefaultDownlinkTopics"] is False


async def test_a_refusal_names_the_schema_and_the_line(site: Administration) -> None:
    wrong = {**PROTOBUF, "deviceTelemetryProtoSchema": TELEMETRY.replace("double", "number")}
    wanted = profile("MQTT", transportPayloadTypeConfiguration=wrong)
    error = await site.refused(400, "maker", "POST", "/api/deviceProfile", wanted)
    assert error["message"].startswith("deviceTelemetryProtoSchema, line 3: There is no type “number”")
    error = await site.refused(
        400, "maker", "POST", "/api/deviceProfile", wanted | {"transportType": "LWM2M"}
    )
    assert "DEFAULT, MQTT or COAP" in error["message"]
