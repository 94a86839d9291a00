"""Opens the database that a URL names, alone on its data folder."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from deedbox.storage.migrating import (
    WrongSchema,
    check_not_newer,
    current_revision,
    newest_revision,
)
from deedbox.storage.sqlite import SQLiteStorage, system_clock_ms

DATABASE_NAME = "deedbox.sqlite"


class FolderInUse(Exception):
    """Another process works on this data folder."""


class FolderLock:
    """Held while a process works on a data folder; released by `release()` or when the process ends.

    Raises FolderInUse when another process holds it, OSError when the folder can't be written.
    """

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "deedbox.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 32, 0).decode() or "unknown"
            os.close(self._file)
            raise FolderInUse(
                f"Another Deedbox (process {holder}) uses {folder}. "
                "Stop it first, or give --data another folder."
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let the next process in."""
        os.close(self._file)


def database_path(url: str) -> Path:
    """Return the file of a `sqlite:PATH` URL. Raises ValueError for any other database."""
    scheme, _, rest = url.partition(":")
    if scheme != "sqlite" or not rest.strip("/"):
        raise ValueError(
            f"The database URL begins with {scheme!r}; "
            f"this release stores in SQLite: sqlite:FOLDER/{DATABASE_NAME}"
        )
    return Path(rest.removeprefix("///") if rest.startswith("///") and not rest.startswith("////") else rest)


def open_storage(url: str, clock_ms: Callable[[], int] = system_clock_ms) -> SQLiteStorage:
    """Open a database whose schema fits this release. Raises WrongSchema, saying what to run, otherwise."""
    path = database_path(url)
    revision = current_revision(path)
    check_not_newer(revision)
    if revision != newest_revision():
        raise WrongSchema(
            f"The database has schema {revision or 'none'}; this release needs {newest_revision()}. "
            "Run: deedbox migrate"
        )
    return SQLiteStorage(path, clock_ms)
