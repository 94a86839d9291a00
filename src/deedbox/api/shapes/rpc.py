"""A command to a device as JSON."""

from typing import Any

import msgspec

from deedbox.api.shapes.entities import Wire


class CommandShape(Wire):
    """`timeout` in milliseconds (at least 5000, by default 10000); `expirationTime` in epoch milliseconds."""

    method: Any = None
    params: Any = None
    timeout: int | float | None = None
    expiration_time: int | float | None = None
    persistent: bool | None = None
    retries: int | None = None
    additional_info: Any = msgspec.UNSET
