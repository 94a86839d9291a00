"""Limits of what devices do, whatever transport they come over: telemetry taken in, wrong credentials."""

from typing import Annotated

from msgspec import Meta, Struct


class JournalSettings(Struct, frozen=True):
    """Section `journal`."""

    most_waiting: Annotated[
        int,
        Meta(
            ge=100,
            description="Messages that may wait for their commit; then connections are read no further.",
        ),
    ] = 20_000
    most_messages: Annotated[
        int,
        Meta(
            ge=1_000,
            description="Messages that the journal may hold; then devices wait until it is worked off.",
        ),
    ] = 2_000_000
    most_bytes: Annotated[
        int,
        Meta(ge=2**20, description="Bytes of messages that the journal may hold; then devices wait as well."),
    ] = 2**30
    delay_ms: Annotated[
        int,
        Meta(ge=0, le=600_000, description="How long messages rest in the journal, to be moved together."),
    ] = 1_000


class DeviceLoginSettings(Struct, frozen=True):
    """Section `device_logins`."""

    attempts_per_address: Annotated[
        int,
        Meta(
            ge=0,
            le=10_000,
            description="Different wrong credentials per IPv4 address or IPv6 /64; 0: any number.",
        ),
    ] = 1_000
    attempts_window_s: Annotated[
        int, Meta(ge=1, le=86_400, description="The sliding window in which they are counted.")
    ] = 300
