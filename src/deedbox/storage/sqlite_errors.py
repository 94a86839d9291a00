"""What SQLite's errors mean to whoever asked."""

import sqlite3

from deedbox.core.errors import InvalidValue, StorageUnavailable
from deedbox.storage.statements import UniqueViolation

_UNAVAILABLE = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CORRUPT,
}
_NOT_UNIQUE = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}


def as_refusal(error: sqlite3.DatabaseError) -> Exception:
    """Return StorageUnavailable for what the disk or the file did, InvalidValue for what took too long,
    UniqueViolation, or the error itself.
    """
    code = getattr(error, "sqlite_errorcode", 0)
    if code in _NOT_UNIQUE:
        return UniqueViolation(str(error).rpartition(": ")[2])
    if code == sqlite3.SQLITE_INTERRUPT:
        return InvalidValue("The answer takes too long to work out. Ask for a shorter time or fewer keys.")
    return StorageUnavailable() if code & 0xFF in _UNAVAILABLE else error
