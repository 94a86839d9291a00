"""How the devices of a profile speak: topics of their own, Protobuf payloads.

Clients of the reference server write it in `profileData.transportConfiguration`.
"""

from functools import lru_cache
from typing import Any, Literal

import msgspec

from deedbox.core.errors import InvalidValue
from deedbox.core.payload_schemas.purposes import (
    RPC_REQUEST_SCHEMA,
    RPC_RESPONSE_SCHEMA,
    PayloadMessages,
    payload_messages,
)

TELEMETRY_TOPIC = "v1/devices/me/telemetry"
ATTRIBUTES_TOPIC = "v1/devices/me/attributes"
LONGEST_TOPIC = 255
_RESERVED = ("v1/gateway", "$")
_FIELD = "profileData.transportConfiguration"
#: Profiles whose schemas are kept compiled; tenants that share one share it here, too.
_MOST_COMPILED = 256

TransportType = Literal["DEFAULT", "MQTT", "COAP"]


class _Wire(msgspec.Struct, rename="camel", kw_only=True, frozen=True):
    """As it is written, with what it has when nothing is written."""


class JsonPayloads(_Wire, tag_field="transportPayloadType", tag="JSON", frozen=True):
    """Devices send and get JSON."""


class ProtobufPayloads(_Wire, tag_field="transportPayloadType", tag="PROTOBUF", frozen=True):
    """Devices send and get Protobuf. The schemas of RPC have defaults where they are empty."""

    device_telemetry_proto_schema: str = ""
    device_attributes_proto_schema: str = ""
    device_rpc_request_proto_schema: str | None = None
    device_rpc_response_proto_schema: str | None = None
    enable_compatibility_with_json_payload_format: bool = False
    use_json_payload_format_for_default_downlink_topics: bool = False

    def messages(self) -> PayloadMessages:
        """Return what the schemas are compiled to. Raises InvalidValue, which names the line."""
        return _compiled(
            self.device_telemetry_proto_schema,
            self.device_attributes_proto_schema,
            self.device_rpc_request_proto_schema or "",
            self.device_rpc_response_proto_schema or "",
        )


Payloads = JsonPayloads | ProtobufPayloads


class DefaultTransport(_Wire, tag_field="type", tag="DEFAULT", frozen=True):
    """Devices speak as the reference of the device API says."""


class MqttTransport(_Wire, tag_field="type", tag="MQTT", frozen=True):
    """How devices speak over MQTT. Topics may be filters with `+` and `#`."""

    device_telemetry_topic: str | None = TELEMETRY_TOPIC
    device_attributes_topic: str | None = ATTRIBUTES_TOPIC
    device_attributes_subscribe_topic: str | None = ATTRIBUTES_TOPIC
    transport_payload_type_configuration: Payloads | None = None
    send_ack_on_validation_exception: bool = False
    sparkplug: bool = False
    sparkplug_attributes_metric_names: list[str] | None = None


class CoapDevices(_Wire, tag_field="coapDeviceType", tag="DEFAULT", frozen=True):
    """Devices that speak as the reference of the device API says, over CoAP."""

    transport_payload_type_configuration: Payloads | None = None


class CoapTransport(_Wire, tag_field="type", tag="COAP", frozen=True):
    """How devices speak over CoAP. `client_settings` is kept as it came."""

    coap_device_type_configuration: CoapDevices | None = None
    client_settings: dict[str, Any] | None = None


TransportConfiguration = DefaultTransport | MqttTransport | CoapTransport
_BY_TYPE: dict[str, type[TransportConfiguration]] = {
    "DEFAULT": DefaultTransport,
    "MQTT": MqttTransport,
    "COAP": CoapTransport,
}


class _ProfileData(msgspec.Struct, rename="camel"):
    transport_configuration: TransportConfiguration | None = None


class _Settings(msgspec.Struct, rename="camel"):
    profile_data: _ProfileData | None = None


def checked_transport(transport_type: str, written: object) -> TransportConfiguration:
    """Return the configuration that a profile is to have, complete and found to be good.

    `written` None stands for the defaults of the type. Raises InvalidValue, saying what was expected where.
    """
    kind = _BY_TYPE.get(transport_type)
    if kind is None:
        raise InvalidValue(
            f"transportType {transport_type} is not served here: it is DEFAULT, MQTT or COAP.",
            "/transportType",
        )
    try:
        found = kind() if written is None else msgspec.convert(written, TransportConfiguration)
    except msgspec.ValidationError as error:
        raise InvalidValue(
            f"{_FIELD} is not as expected: {error}", "/profileData/transportConfiguration"
        ) from None
    if not isinstance(found, kind):
        raise InvalidValue(
            f"{_FIELD}.type must be {transport_type}, as transportType is.",
            "/profileData/transportConfiguration/type",
        )
    return _checked(found)


def stored_transport(settings: str) -> TransportConfiguration:
    """Return the configuration in the settings of a stored profile; the default one where there is none."""
    try:
        found = msgspec.json.decode(settings, type=_Settings).profile_data
    except msgspec.ValidationError:  # of before configurations were checked
        return DefaultTransport()
    return (found and found.transport_configuration) or DefaultTransport()


def payloads_of(configuration: TransportConfiguration) -> Payloads:
    """Return how devices write what they send over the transport that the configuration is about."""
    if isinstance(configuration, CoapTransport):
        devices = configuration.coap_device_type_configuration
        return (devices and devices.transport_payload_type_configuration) or JsonPayloads()
    if isinstance(configuration, MqttTransport):
        return configuration.transport_payload_type_configuration or JsonPayloads()
    return JsonPayloads()


def _checked(found: TransportConfiguration) -> TransportConfiguration:
    payloads = payloads_of(found)
    if isinstance(payloads, ProtobufPayloads):
        payloads.messages()
        payloads = msgspec.structs.replace(
            payloads,
            device_rpc_request_proto_schema=payloads.device_rpc_request_proto_schema or RPC_REQUEST_SCHEMA,
            device_rpc_response_proto_schema=payloads.device_rpc_response_proto_schema or RPC_RESPONSE_SCHEMA,
        )
    if isinstance(found, CoapTransport):
        devices = CoapDevices(transport_payload_type_configuration=payloads)
        return msgspec.structs.replace(found, coap_device_type_configuration=devices)
    if isinstance(found, MqttTransport):
        return _with_topics(msgspec.structs.replace(found, transport_payload_type_configuration=payloads))
    return found


def _with_topics(found: MqttTransport) -> MqttTransport:
    if found.sparkplug:
        raise InvalidValue(f"{_FIELD}.sparkplug must be false: Sparkplug is not served here.")
    topics = {
        "device_telemetry_topic": _topic("deviceTelemetryTopic", found.device_telemetry_topic)
        or TELEMETRY_TOPIC,
        "device_attributes_topic": _topic("deviceAttributesTopic", found.device_attributes_topic)
        or ATTRIBUTES_TOPIC,
        "device_attributes_subscribe_topic": _topic(
            "deviceAttributesSubscribeTopic", found.device_attributes_subscribe_topic
        )
        or ATTRIBUTES_TOPIC,
    }
    if topics["device_telemetry_topic"] == topics["device_attributes_topic"]:
        raise InvalidValue("deviceTelemetryTopic and deviceAttributesTopic must not be the same.")
    return msgspec.structs.replace(found, **topics)


def _topic(field: str, topic: str | None) -> str:
    """Return a topic filter. Raises InvalidValue for one that nobody can publish to or subscribe to."""
    text = (topic or "").strip()
    levels = text.split("/")
    is_well_formed = (
        len(text.encode()) <= LONGEST_TOPIC
        and "\0" not in text
        and all("+" not in it or it == "+" for it in levels)
        and all("#" not in it for it in levels[:-1])
        and ("#" not in levels[-1] or levels[-1] == "#")
    )
    if not is_well_formed or text.startswith(_RESERVED):
        raise InvalidValue(
            f"{field} must be a topic of at most {LONGEST_TOPIC} bytes; + and # may stand for whole levels, "
            "# at the end; it does not begin with v1/gateway or $.",
            f"/profileData/transportConfiguration/{field}",
        )
    return text


@lru_cache(maxsize=_MOST_COMPILED)
def _compiled(telemetry: str, attributes: str, rpc_request: str, rpc_response: str) -> PayloadMessages:
    return payload_messages(telemetry, attributes, rpc_request, rpc_response)
