"""A command to a device as JSON."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from deedbox.api.shapes.entities import Wire
from deedbox.core.persistent_commands import Wish
from deedbox.core.rpc import checked_method, checked_params


class CommandShape(Wire):
    """`timeout` in milliseconds (at least 5000, by default 10000); `expirationTime` in epoch milliseconds.

    `retries` and `additionalInfo` mean something for persistent commands only.
    """

    method: Any = None
    params: Any = None
    timeout: int | float | None = None
    expiration_time: int | float | None = None
    persistent: bool | None = None
    retries: Annotated[int, Meta(ge=-(2**31), lt=2**31)] | None = None
    additional_info: Any = msgspec.UNSET

    @property
    def timeout_ms(self) -> int | None:
        """The timeout without fractions."""
        return None if self.timeout is None else int(self.timeout)

    @property
    def expires_at(self) -> int | None:
        """The moment of expiry without fractions."""
        return None if self.expiration_time is None else int(self.expiration_time)


def wish_of(shape: CommandShape, one_way: bool) -> Wish:
    """Return a persistent command as it is asked for. Raises InvalidValue."""
    info = shape.additional_info
    return Wish(
        method=checked_method(shape.method),
        params=checked_params(shape.params),
        one_way=one_way,
        timeout_ms=shape.timeout_ms,
        expires_at=shape.expires_at,
        retries=shape.retries,
        additional_info=None if info is msgspec.UNSET else checked_params(info, "additionalInfo"),
    )
