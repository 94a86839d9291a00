"""Whole files or none: what is written under another name first, and put in place at once.

An interrupted command leaves the old file, or none. Only SIGKILL and a power cut can leave a draft behind;
its name begins with a dot and ends with `.part`.
"""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from deedbox.storage.backup_seals import SQLITE

_BESIDE = ("-wal", "-shm", "-journal")


@contextmanager
def draft_of(target: Path) -> Iterator[Path]:
    """Make an empty file beside `target` that only its owner reads; at the end it is gone or in place.

    Raises OSError.
    """
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        yield draft
    finally:
        for ending in ("", *_BESIDE):
            draft.with_name(draft.name + ending).unlink(missing_ok=True)


def put_in_place(draft: Path, target: Path) -> None:
    """Give a finished draft its name, on the disk; what had the name is replaced. Raises OSError."""
    with draft.open("rb") as stream:
        os.fsync(stream.fileno())
    draft.replace(target)
    sync_folder(target.parent)


def set_aside(database: Path, folder: Path) -> None:
    """Give a database that nobody uses a second name, in a new folder; the first one is to be replaced.

    Commits in its log are moved into it first, if they can be, so that it is whole under both names.
    Raises OSError.
    """
    if not database.exists():
        return
    _empty_log(database)
    folder.mkdir(mode=0o700)
    for ending in _BESIDE:
        beside = database.with_name(database.name + ending)
        if beside.exists():
            beside.replace(folder / beside.name)
    try:
        (folder / database.name).hardlink_to(database)
    except OSError:  # not every file system has links
        database.replace(folder / database.name)
    sync_folder(folder)


def _empty_log(database: Path) -> None:
    with database.open("rb") as stream:
        if stream.read(len(SQLITE)) != SQLITE:
            return  # SQLite would throw away the log of what it does not know
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(database)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)").fetchone()


def sync_folder(folder: Path) -> None:
    """Have the names in a folder reach the disk. Raises OSError."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
