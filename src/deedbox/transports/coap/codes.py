"""Types and codes of CoAP messages (RFC 7252 §12.1), and the one table from refusal to response code."""

from collections.abc import Mapping
from enum import IntEnum

from deedbox.core import errors


class MessageType(IntEnum):
    """How a message is to be acknowledged."""

    CONFIRMABLE = 0
    NON_CONFIRMABLE = 1
    ACKNOWLEDGEMENT = 2
    RESET = 3


class Code(IntEnum):
    """Methods and response codes: the class in the upper three bits, the detail in the lower five."""

    EMPTY = 0x00
    GET = 0x01
    POST = 0x02
    PUT = 0x03
    DELETE = 0x04
    FETCH = 0x05
    PATCH = 0x06
    IPATCH = 0x07
    CREATED = 0x41
    DELETED = 0x42
    VALID = 0x43
    CHANGED = 0x44
    CONTENT = 0x45
    CONTINUE = 0x5F
    BAD_REQUEST = 0x80
    UNAUTHORIZED = 0x81
    BAD_OPTION = 0x82
    FORBIDDEN = 0x83
    NOT_FOUND = 0x84
    METHOD_NOT_ALLOWED = 0x85
    NOT_ACCEPTABLE = 0x86
    REQUEST_ENTITY_INCOMPLETE = 0x88
    CONFLICT = 0x89
    REQUEST_ENTITY_TOO_LARGE = 0x8D
    TOO_MANY_REQUESTS = 0x9D
    INTERNAL_SERVER_ERROR = 0xA0
    SERVICE_UNAVAILABLE = 0xA3
    GATEWAY_TIMEOUT = 0xA4
    PROXYING_NOT_SUPPORTED = 0xA5


#: Refusal -> response code. A test fails when a refusal has no row.
TABLE: Mapping[type[errors.Refusal], Code] = {
    errors.NotSignedIn: Code.UNAUTHORIZED,
    errors.WrongPassword: Code.UNAUTHORIZED,
    errors.AccountNotActive: Code.UNAUTHORIZED,
    errors.TokenExpired: Code.UNAUTHORIZED,
    errors.NotFound: Code.UNAUTHORIZED,  # of the device side, only the device itself can be gone
    errors.NotPermitted: Code.FORBIDDEN,
    errors.InvalidValue: Code.BAD_REQUEST,
    errors.InvalidValues: Code.BAD_REQUEST,
    errors.NameTaken: Code.BAD_REQUEST,
    errors.TooManyAttempts: Code.TOO_MANY_REQUESTS,
    errors.TooManyMessages: Code.TOO_MANY_REQUESTS,
    errors.VersionConflict: Code.CONFLICT,
    errors.LimitReached: Code.SERVICE_UNAVAILABLE,
    errors.TooBusy: Code.SERVICE_UNAVAILABLE,
    errors.PayloadTooLarge: Code.REQUEST_ENTITY_TOO_LARGE,
    errors.DeviceOffline: Code.GATEWAY_TIMEOUT,
    errors.StorageUnavailable: Code.SERVICE_UNAVAILABLE,
}

#: When to come back, in seconds, where nobody knows better.
_TRY_AFTER_S = 5


def wait_s(refusal: errors.Refusal) -> int | None:
    """Return after how many seconds it is worth to try again; None where waiting does not help."""
    if isinstance(refusal, errors.TooManyMessages | errors.TooManyAttempts):
        return -(-refusal.retry_after_ms // 1000)
    return _TRY_AFTER_S if TABLE[type(refusal)] is Code.SERVICE_UNAVAILABLE else None


def dotted(code: int) -> str:
    """Return a code as people write it: `4.04`."""
    return f"{code >> 5}.{code & 0x1F:02}"
