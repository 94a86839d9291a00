"""Limits on commands that are stored."""

from typing import Annotated

from msgspec import Meta, Struct

_DAY_S = 86_400


class CommandLimits(Struct, frozen=True):
    """Section `commands`."""

    most_pending: Annotated[
        int, Meta(ge=1, description="How many persistent commands may wait per device; more are refused.")
    ] = 100
    longest_wait_s: Annotated[
        int, Meta(ge=1, description="How long a persistent command may wait; later expiry times are cut.")
    ] = 30 * _DAY_S
    most_retries: Annotated[
        int,
        Meta(
            ge=0, le=100, description="How often a persistent command is tried again at most, and by default."
        ),
    ] = 5
    acknowledgement_s: Annotated[
        int, Meta(ge=1, description="How long a device may take to acknowledge a persistent command.")
    ] = 30
