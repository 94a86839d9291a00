"""Limits of the device side over CoAP."""

from typing import Annotated

from msgspec import Meta, Struct


class CoapPeerSettings(Struct, frozen=True):
    """Section `coap_peers`."""

    most_peers: Annotated[
        int,
        Meta(
            ge=1,
            description="Peers (addresses with ports) that are remembered, and as many that observe; "
            "one more forgets the one that was silent for longest.",
        ),
    ] = 100_000
    requests_per_peer: Annotated[
        int,
        Meta(
            ge=1,
            le=1_024,
            description="Requests of one peer that may wait for their answers, and that are remembered to "
            "know repetitions.",
        ),
    ] = 16
    most_requests: Annotated[
        int,
        Meta(ge=1, description="Requests that may wait for their answers in all; further ones get 5.03."),
    ] = 20_000
    largest_body_bytes: Annotated[
        int,
        Meta(ge=1_024, description="The largest body, whole or in blocks; longer ones get 4.13."),
    ] = 65_536
    most_block_bytes: Annotated[
        int,
        Meta(
            ge=65_536,
            description="Bytes of bodies in blocks that may be under way in all; further ones get 5.03.",
        ),
    ] = 2**26
    observations_per_peer: Annotated[
        int, Meta(ge=1, le=10_000, description="What one peer may observe; further wishes get 5.03.")
    ] = 16
    most_queued: Annotated[
        int,
        Meta(ge=1, le=65_535, description="Messages to one peer that may wait for it to acknowledge others."),
    ] = 20


class DtlsSettings(Struct, frozen=True):
    """Section `dtls`."""

    most_sessions: Annotated[
        int,
        Meta(ge=1, description="DTLS sessions at a time; one more ends the one that was silent for longest."),
    ] = 20_000
    sessions_per_address: Annotated[
        int,
        Meta(
            ge=1,
            description="DTLS sessions of an IPv4 address or IPv6 /64; one more ends its longest silent one.",
        ),
    ] = 1_000
    most_handshakes: Annotated[
        int,
        Meta(ge=1, description="DTLS handshakes under way; one more ends the oldest."),
    ] = 1_000
    idle_s: Annotated[
        int,
        Meta(ge=300, description="How long a DTLS session without any message is kept."),
    ] = 86_400
