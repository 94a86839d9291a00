"""Refusals: every way in which Deedbox says no. The docstring of a class is its message for people.

Each class has one row in every edge's table (REST status and code, device protocols' codes);
a test fails when a row is missing.
"""


class Refusal(Exception):
    """The request was refused."""

    #: Stable name for machines; clients may branch on it.
    code = "refused"

    def __init__(self, message: str | None = None, **details: object) -> None:
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])
        self.details = details

    @property
    def message(self) -> str:
        """What people read: one or two sentences, never a secret."""
        return str(self.args[0])


class NotFound(Refusal):
    """Requested item wasn't found!"""

    code = "not_found"


class NotPermitted(Refusal):
    """You don't have permission to perform this operation!"""

    code = "not_permitted"


class NotSignedIn(Refusal):
    """Authentication failed"""

    code = "not_signed_in"


class TokenExpired(Refusal):
    """Token has expired"""

    code = "token_expired"


class WrongPassword(Refusal):
    """Invalid username or password"""

    code = "wrong_password"


class AccountNotActive(Refusal):
    """User account is not active"""

    code = "account_not_active"


class InvalidValue(Refusal):
    """The request has a value that can't be accepted."""

    code = "invalid_value"

    def __init__(self, message: str, pointer: str | None = None) -> None:
        super().__init__(message)
        #: JSON pointer (RFC 6901) to the field, or None when the whole body is meant.
        self.pointer = pointer


class InvalidValues(Refusal):
    """Several fields can't be accepted."""

    code = "invalid_values"

    def __init__(self, problems: list[InvalidValue]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


class NameTaken(InvalidValue):
    """Another item has this name already."""

    code = "name_taken"


class VersionConflict(Refusal):
    """The item was changed by someone else; read it again and repeat the change."""

    code = "version_conflict"


class TooManyAttempts(Refusal):
    """Too many attempts. Wait, then try again."""

    code = "too_many_attempts"

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__(retry_after_ms=retry_after_ms)
        self.retry_after_ms = retry_after_ms


class TooManyMessages(Refusal):
    """Too many messages. Wait, then send again."""

    code = "too_many_messages"

    def __init__(self, message: str, retry_after_ms: int) -> None:
        super().__init__(message, retry_after_ms=retry_after_ms)
        self.retry_after_ms = retry_after_ms


class TooBusy(Refusal):
    """Too many people sign in at this moment. Try again in a few seconds."""

    code = "too_busy"


class LimitReached(Refusal):
    """A limit of this tenant is reached."""

    code = "limit_reached"


class PayloadTooLarge(Refusal):
    """The body is larger than this server accepts."""

    code = "payload_too_large"


class DeviceOffline(Refusal):
    """The device did not answer in time."""

    code = "device_did_not_answer"


class StorageUnavailable(Refusal):
    """The database can't store this now. Nothing was changed; try again later."""

    code = "storage_unavailable"
