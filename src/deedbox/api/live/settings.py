"""Settings of live values over WebSockets: how much of the server one of them may take."""

from typing import Annotated

from msgspec import Meta, Struct


class LiveSettings(Struct, frozen=True):
    """Section `live`."""

    sockets: Annotated[
        int, Meta(ge=1, le=1_000_000, description="WebSockets at a time; further ones are turned away.")
    ] = 10_000
    sockets_signing_in: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="WebSockets at a time that have not signed in; the oldest make room for newer ones.",
        ),
    ] = 500
    sockets_per_user: Annotated[
        int, Meta(ge=1, le=100_000, description="WebSockets of one user at a time.")
    ] = 100
    subscriptions_per_socket: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="Subscriptions of one WebSocket; each device of a list counts as one.",
        ),
    ] = 2_000
    largest_message_bytes: Annotated[
        int, Meta(ge=1024, le=16_777_216, description="The longest message that a client may send.")
    ] = 65_536
    pending_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=1_073_741_824,
            description="Updates that may wait for a slow client; beyond, only newest values do.",
        ),
    ] = 1_048_576
    sign_in_timeout_s: Annotated[
        int, Meta(ge=1, le=600, description="How long a WebSocket may take to sign in.")
    ] = 10
