"""What PostgreSQL and the way to it can do wrong, as the refusals and errors that callers know."""

import re

import asyncpg

from deedbox.core.errors import InvalidValue, StorageUnavailable
from deedbox.storage.statements import UniqueViolation, unstorable_text

#: The columns in "Key (tenant_id, name)=(…) already exists."
_KEY = re.compile(r"\(([^)]*)\)=")

#: Two transactions were in each other's way, or a newer release changed the schema: the same again will do.
IN_THE_WAY = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
)
#: The connection is gone, or was refused. asyncpg says InterfaceError when it saw the end coming, and
#: InternalClientError while it has read the server's farewell and not yet the end of the connection.
_DISCONNECTED = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,  # restarted, failed over
    asyncpg.IdleInTransactionSessionTimeoutError,
    OSError,
)
#: There, and not able: disk full, too many connections, a standby, locks that are held for too long.
_UNABLE = (
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.InternalServerError,
    asyncpg.QueryCanceledError,
    TimeoutError,
)

#: How asyncpg begins to say that it sent nothing.
_UNSENT = "cannot switch to state"

#: Statements were prepared in one connection and used in another.
UNPREPARED = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)

#: All that asyncpg raises.
TROUBLE = (*IN_THE_WAY, *_DISCONNECTED, *_UNABLE, asyncpg.PostgresError)


class TryAgain(Exception):
    """Nothing was stored, and the same work may well come through now. `refusal` is what to say else."""

    def __init__(self, refusal: StorageUnavailable) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def as_refusal(error: Exception) -> Exception:
    """Return what callers know for an error before the commit: nothing is stored then.

    TryAgain where another try may come through, UniqueViolation, InvalidValue, StorageUnavailable, or the
    error itself.
    """
    if isinstance(error, asyncpg.UniqueViolationError):
        return UniqueViolation(_columns(error))
    if isinstance(error, (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError)):
        return unstorable_text()
    if isinstance(error, UNPREPARED):
        return StorageUnavailable(
            "Prepared statements get lost on the way to PostgreSQL. Behind PgBouncer older than 1.21 in "
            "transaction mode, set database.prepared_statements = false."
        )
    if isinstance(error, _UNABLE):
        return StorageUnavailable()
    if isinstance(error, (*IN_THE_WAY, *_DISCONNECTED)) or _was_attached_meanwhile(error):
        return TryAgain(StorageUnavailable())
    return error


def _was_attached_meanwhile(error: Exception) -> bool:
    """Tell whether a row was on its way to a table that has lost its place to a new partition."""
    return isinstance(error, asyncpg.CheckViolationError) and getattr(error, "constraint_name", None) is None


def of_commit(error: Exception) -> Exception:
    """Return what callers know for an error of the commit: nobody can tell whether it was stored.

    TryAgain where the commit was not even sent.
    """
    if isinstance(error, asyncpg.InternalClientError) and _UNSENT in str(error):
        return TryAgain(StorageUnavailable())
    if isinstance(error, (*_DISCONNECTED, *_UNABLE)):
        return StorageUnavailable(
            "The database did not answer. What you asked for is stored or not: look before you try again."
        )
    return error


def too_slow() -> InvalidValue:
    """Return the refusal of what would take too long to read."""
    return InvalidValue("The answer takes too long to work out. Ask for a shorter time or fewer keys.")


def _columns(error: asyncpg.UniqueViolationError) -> str:
    """Return the columns as SQLite writes them: `device.tenant_id, device.name`."""
    found = _KEY.search(getattr(error, "detail", None) or "")
    table = getattr(error, "table_name", "") or ""
    names = found[1].split(", ") if found else []
    return ", ".join(f"{table}.{name}" for name in names) or str(getattr(error, "constraint_name", ""))
