"""Settings of what connects several nodes."""

from typing import Annotated

from msgspec import Meta, Struct

from deedbox.cluster.nats_addresses import check_nats_addresses


class NatsSettings(Struct, frozen=True):
    """Section `nats`."""

    url: Annotated[
        str,
        Meta(
            extra={"secret": True, "check": check_nats_addresses},
            description="NATS that connects several nodes: `nats://USER:PASSWORD@HOST:4222`, or `tls://`; "
            "several servers with commas between; empty: this node is alone.",
        ),
    ] = ""
    trusted_certificates_file: Annotated[
        str,
        Meta(
            extra={"shown_default": "the system's"},
            description="PEM file with the certificates that NATS's has to be signed by.",
        ),
    ] = ""
