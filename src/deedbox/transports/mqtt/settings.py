"""Limits of the device side over MQTT."""

from typing import Annotated

from msgspec import Meta, Struct

#: What a packet may have beside its payload: topic, properties.
PACKET_OVERHEAD_BYTES = 1_024


class MqttSessionSettings(Struct, frozen=True):
    """Section `mqtt_sessions`."""

    largest_packet_bytes: Annotated[
        int,
        Meta(
            ge=4_096, le=2**28, description="The largest packet that is read; longer ones end the connection."
        ),
    ] = 65_536 + PACKET_OVERHEAD_BYTES
    connect_timeout_s: Annotated[
        int, Meta(ge=1, le=600, description="How long a new connection may take to send its CONNECT.")
    ] = 10
    most_opening: Annotated[
        int,
        Meta(
            ge=1,
            description="Connections that may not have sent CONNECT yet; one more closes the oldest.",
        ),
    ] = 10_000
    provisioning_timeout_s: Annotated[
        int,
        Meta(ge=1, le=3_600, description="How long a client that wants to be provisioned may stay."),
    ] = 60
    most_provisioning: Annotated[
        int, Meta(ge=1, description="How many such clients may be there; one more closes the oldest.")
    ] = 1_000
    longest_keep_alive_s: Annotated[
        int,
        Meta(
            ge=10,
            le=65_535,
            description="Keep-alive for MQTT 5 devices that want a longer one or none.",
        ),
    ] = 3_600
    most_connections: Annotated[
        int, Meta(ge=1, description="Connections in all; further ones are closed at once.")
    ] = 100_000
    most_per_device: Annotated[
        int, Meta(ge=1, le=1_000, description="Sessions that one device may have, with different client ids.")
    ] = 10
    most_inflight: Annotated[
        int,
        Meta(
            ge=1,
            le=65_535,
            description="Messages of one device that may be unacknowledged; MQTT 5 devices are told.",
        ),
    ] = 100
    most_queued: Annotated[
        int, Meta(ge=1, le=65_535, description="Messages to one device that may wait for it to take them.")
    ] = 100
    longest_expiry_s: Annotated[
        int, Meta(ge=0, description="How long the session of a device that has gone is kept at most.")
    ] = 86_400
    most_kept: Annotated[
        int, Meta(ge=0, description="Sessions of devices that have gone; beyond it the oldest are forgotten.")
    ] = 100_000
    most_topic_aliases: Annotated[
        int, Meta(ge=0, le=65_535, description="Topic aliases that an MQTT 5 device may use.")
    ] = 16
    most_gateway_devices: Annotated[
        int, Meta(ge=1, le=100_000, description="Devices that a gateway may speak for on one connection.")
    ] = 10_000
    most_gateway_entries: Annotated[
        int, Meta(ge=1, le=100_000, description="Devices that one message of a gateway may name.")
    ] = 2_000
