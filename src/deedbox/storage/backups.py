"""Copies a SQLite database while a server writes to it, and looks into the copy.

The copy is of one moment: a snapshot is held while it is made, in small steps. Nobody waits for it; only the
log can't start anew until it is done.
"""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from deedbox.storage.backup_seals import Tell
from deedbox.storage.sqlite import connect, system_clock_ms
from deedbox.storage.statements import statements

_PAGES_PER_STEP = 256
#: What is written goes to the disk in pieces, so that no commit waits for all of it at once.
_STEPS_BETWEEN_SYNCS = 16
_STEPS_BETWEEN_LOOKS = 1_000_000

_DISK_ERRORS = {sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_IOERR: errno.EIO}
_COUNTED = {
    "tenants": "tenant",
    "customers": "customer",
    "users": "user_account",
    "devices": "device",
    "owned_devices": "deed where closed_at is null",
}


class DamagedDatabase(Exception):
    """A database is not what SQLite would have written; says what was found first."""


def copy_database(source: Path, copy: Path, tell: Tell) -> int:
    """Copy a database, of which others may write, into an empty file; return its moment in epoch ms.

    `tell(done, total)` hears of pages. Raises OSError for what a disk did, sqlite3.DatabaseError.
    """
    with (
        _disk_errors(),
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as reading,
        closing(sqlite3.connect(copy, isolation_level=None)) as writing,
        copy.open("rb") as written,
    ):
        reading.isolation_level = None
        reading.execute("pragma busy_timeout = 5000")
        writing.execute("pragma synchronous = off")
        made_at = system_clock_ms()
        # Without it, SQLite would begin again after each commit of the server, and might never end.
        reading.execute("begin")
        reading.execute("select count(*) from sqlite_master").fetchone()
        reading.backup(writing, pages=_PAGES_PER_STEP, progress=_Progress(written.fileno(), tell))
        reading.execute("rollback")
    _make_one_file(copy)
    return made_at


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Raise OSError where SQLite says that a disk is full or failing."""
    try:
        yield
    except sqlite3.OperationalError as error:
        kind = error.sqlite_errorcode & 0xFF
        if kind not in _DISK_ERRORS:
            raise
        raise OSError(_DISK_ERRORS[kind], f"{error} while the database was copied") from error


class _Progress:
    """Hears of each step; lets what was written reach the disk now and then."""

    def __init__(self, file: int, tell: Tell) -> None:
        self._file = file
        self._tell = tell
        self._steps = 0

    def __call__(self, _status: int, remaining: int, total: int) -> None:
        self._steps += 1
        if self._steps % _STEPS_BETWEEN_SYNCS == 0:
            os.fsync(self._file)
        self._tell(total - remaining, total)


def _make_one_file(copy: Path) -> None:
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute("pragma journal_mode = delete")


def check_integrity(copy: Path) -> None:
    """Let SQLite read and compare all tables and indexes. Raises DamagedDatabase."""
    with closing(connect(copy, read_only=True)) as connection:
        # Called now and then, it lets a signal through while SQLite is at work.
        connection.set_progress_handler(lambda: 0, _STEPS_BETWEEN_LOOKS)
        try:
            (found,) = connection.execute("pragma integrity_check(1)").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                raise KeyboardInterrupt from error
            raise
    if found != "ok":
        raise DamagedDatabase(f"SQLite found in it: {found}")


def counts(copy: Path) -> dict[str, int]:
    """Return how many there are of what people ask for first."""
    with closing(connect(copy, read_only=True)) as connection:
        return {
            name: connection.execute(f"select count(*) from {rows}").fetchone()[0]  # noqa: S608 - our own
            for name, rows in _COUNTED.items()
        }


def key_generations(copy: Path) -> list[int]:
    """Return the generations of keys that something in the copy still needs, oldest first."""
    with closing(connect(copy, read_only=True)) as connection:
        found = connection.execute(statements()["generations_in_use"], {"now_ms": system_clock_ms()})
        return sorted(bytes(row[0])[0] for row in found)
