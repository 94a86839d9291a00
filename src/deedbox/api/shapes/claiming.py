"""A claim and its answer as JSON."""

from typing import Literal

from deedbox.api.shapes.devices import DeviceShape
from deedbox.api.shapes.entities import Wire


class ClaimShape(Wire):
    """The body of a claim; absent, null and "" are the same key."""

    secret_key: str | int | float | bool | None = None


class ClaimResultShape(Wire):
    """The answer to a claim that succeeded."""

    device: DeviceShape
    response: Literal["SUCCESS"] = "SUCCESS"
