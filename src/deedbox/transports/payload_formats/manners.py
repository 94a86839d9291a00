"""How devices of one profile speak over each transport, made from the profile's transport configuration."""

from typing import NamedTuple

from deedbox.core.transport_configuration import (
    ATTRIBUTES_TOPIC,
    TELEMETRY_TOPIC,
    CoapTransport,
    DefaultTransport,
    MqttTransport,
    Payloads,
    ProtobufPayloads,
    TransportConfiguration,
    payloads_of,
)
from deedbox.transports.payload_formats.either_format import EitherGatewayReader, EitherReader
from deedbox.transports.payload_formats.formats import (
    GatewayReader,
    GatewayWriter,
    PayloadReader,
    PayloadWriter,
)
from deedbox.transports.payload_formats.json_format import (
    JsonCoapWriter,
    JsonGatewayReader,
    JsonGatewayWriter,
    JsonReader,
    JsonWriter,
)
from deedbox.transports.payload_formats.protobuf_format import ProtobufReader, ProtobufWriter
from deedbox.transports.payload_formats.protobuf_gateways import ProtobufGatewayReader, ProtobufGatewayWriter
from deedbox.transports.payload_formats.topic_filters import TopicFilter, filter_of

_JSON_READER, _JSON_WRITER, _JSON_COAP_WRITER = JsonReader(), JsonWriter(), JsonCoapWriter()
_JSON_GATEWAY = JsonGatewayReader(), JsonGatewayWriter()


class MqttManners(NamedTuple):
    """How devices of a profile speak over MQTT.

    The topic filters are None where only the topics of the device API are there. `acknowledges_bad_payloads`:
    before MQTT 5, what can't be understood is acknowledged, too, and does not end the connection.
    """

    reader: PayloadReader = _JSON_READER
    writer: PayloadWriter = _JSON_WRITER
    gateway_reader: GatewayReader = _JSON_GATEWAY[0]
    gateway_writer: GatewayWriter = _JSON_GATEWAY[1]
    telemetry_topics: TopicFilter | None = None
    attributes_topics: TopicFilter | None = None
    attributes_subscriptions: TopicFilter | None = None
    acknowledges_bad_payloads: bool = False

    def means_telemetry(self, topic: str) -> bool:
        """Tell whether telemetry comes there, beside the topic of the device API."""
        return self.telemetry_topics is not None and self.telemetry_topics.matches(topic)

    def means_attributes(self, topic: str) -> bool:
        """Tell whether a device's attributes come there, beside the topic of the device API."""
        return self.attributes_topics is not None and self.attributes_topics.matches(topic)

    def offers_attributes(self, topic_filter: str) -> bool:
        """Tell whether that subscription is one to attributes, beside the topic of the device API."""
        offered = self.attributes_subscriptions
        return offered is not None and offered.matches(topic_filter)


class CoapManners(NamedTuple):
    """How devices of a profile speak over CoAP."""

    reader: PayloadReader = _JSON_READER
    writer: PayloadWriter = _JSON_COAP_WRITER
    is_json: bool = True


class Manners:
    """How devices of a profile speak; the parts are replaced, never changed, when the profile is another."""

    __slots__ = ("__weakref__", "coap", "mqtt", "version")

    def __init__(self, version: int = 0, configuration: TransportConfiguration | None = None) -> None:
        self.renew(version, configuration or DefaultTransport())

    def renew(self, version: int, configuration: TransportConfiguration) -> None:
        """Speak as this version of the profile says. Raises InvalidValue for a schema that can't be used."""
        is_mqtt, is_coap = isinstance(configuration, MqttTransport), isinstance(configuration, CoapTransport)
        self.mqtt = mqtt_manners(configuration) if is_mqtt else MqttManners()
        self.coap = coap_manners(payloads_of(configuration)) if is_coap else CoapManners()
        self.version = version


#: Of devices whose profile says nothing of it.
DEFAULT = Manners()


def mqtt_manners(configuration: TransportConfiguration) -> MqttManners:
    """Return how devices of such a profile speak over MQTT. Raises InvalidValue."""
    if not isinstance(configuration, MqttTransport):
        return MqttManners()
    manners = _with_payloads(MqttManners(), payloads_of(configuration))
    return manners._replace(
        telemetry_topics=filter_of(configuration.device_telemetry_topic, TELEMETRY_TOPIC),
        attributes_topics=filter_of(configuration.device_attributes_topic, ATTRIBUTES_TOPIC),
        attributes_subscriptions=filter_of(configuration.device_attributes_subscribe_topic, ATTRIBUTES_TOPIC),
        acknowledges_bad_payloads=configuration.send_ack_on_validation_exception,
    )


def coap_manners(payloads: Payloads) -> CoapManners:
    """Return how devices with such payloads speak over CoAP. Raises InvalidValue."""
    if not isinstance(payloads, ProtobufPayloads):
        return CoapManners()
    messages = payloads.messages()
    return CoapManners(ProtobufReader(messages), ProtobufWriter(messages), is_json=False)


def _with_payloads(manners: MqttManners, payloads: Payloads) -> MqttManners:
    if not isinstance(payloads, ProtobufPayloads):
        return manners
    messages = payloads.messages()
    reader, gateway_reader = ProtobufReader(messages), ProtobufGatewayReader()
    manners = manners._replace(
        reader=reader,
        writer=ProtobufWriter(messages),
        gateway_reader=gateway_reader,
        gateway_writer=ProtobufGatewayWriter(),
    )
    if not payloads.enable_compatibility_with_json_payload_format:
        return manners
    writes_json = payloads.use_json_payload_format_for_default_downlink_topics
    return manners._replace(
        reader=EitherReader(reader, _JSON_READER),
        writer=_JSON_WRITER if writes_json else manners.writer,
        gateway_reader=EitherGatewayReader(gateway_reader, _JSON_GATEWAY[0]),
    )
