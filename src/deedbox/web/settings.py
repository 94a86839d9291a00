"""Settings of the owner's pages."""

from typing import Annotated

from msgspec import Meta, Struct


class PagesSettings(Struct, frozen=True):
    """Section `pages`."""

    streams: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000,
            description="Pages kept current by the server at a time; others ask it again and again.",
        ),
    ] = 5_000
    streams_per_user: Annotated[
        int, Meta(ge=0, le=10_000, description="Pages of one user that are told of changes at a time.")
    ] = 20
