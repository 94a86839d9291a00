"""Limits of the device side over HTTP."""

from typing import Annotated

from msgspec import Meta, Struct


class DeviceApiSettings(Struct, frozen=True):
    """Section `device_api`."""

    largest_body_bytes: Annotated[
        int, Meta(ge=1024, description="The largest message that a device may send; longer ones get 413.")
    ] = 1_048_576
    largest_rpc_body_bytes: Annotated[
        int, Meta(ge=1024, description="The largest reply to a command, and the largest request of a device.")
    ] = 65_536
    body_timeout_s: Annotated[
        int, Meta(ge=1, le=3600, description="How long a device may take to send one message.")
    ] = 30
    poll_default_ms: Annotated[
        int, Meta(ge=1, description="How long a long poll waits that names no `timeout`.")
    ] = 60_000
    poll_longest_ms: Annotated[
        int, Meta(ge=1, description="How long a long poll may wait; longer wishes are cut to this.")
    ] = 600_000
    polls_per_device: Annotated[
        int,
        Meta(
            ge=1,
            description="How many long polls of a kind may wait per device; a newer one ends the oldest.",
        ),
    ] = 4
    polls: Annotated[
        int, Meta(ge=1, description="How many long polls may wait in all; further ones get 503.")
    ] = 10_000
    commands_per_device: Annotated[
        int, Meta(ge=1, description="How many commands may wait for one device; further ones are refused.")
    ] = 20
