"""What makes a SQLite file a backup: a table that says what it is, and a digest over all of its bytes.

The digest lies in the file itself, so that no second file can get lost. It is made as if zeros stood in its
place.
"""

import hashlib
import mmap
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec

_DIGEST_CHARACTERS = 64
_BITE_BYTES = 16 * 1024 * 1024

#: What every SQLite file begins with.
SQLITE = b"SQLite format 3\0"
#: Hears of progress: how much is done, of how much.
Tell = Callable[[int, int], object]


class NoBackup(Exception):
    """A file is no backup, or a damaged one; says which."""


class BackupFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself; `made_at`: all that was acknowledged before (epoch ms) is in it."""

    made_at: int
    version: str
    schema: str
    counts: dict[str, int]
    key_fingerprints: dict[int, str]


def write_facts(copy: Path, facts: BackupFacts) -> None:
    """Write into a copy of a database what it is; `seal` comes next."""
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("drop table if exists backup_seal")
        # The digest comes first: there it stays in one piece, however long the facts are.
        connection.execute("create table backup_seal (sha256 text not null, facts text not null)")
        values = secrets.token_hex(_DIGEST_CHARACTERS // 2), msgspec.json.encode(facts).decode()
        connection.execute("insert into backup_seal (sha256, facts) values (?, ?)", values)


def seal(copy: Path, tell: Tell) -> str:
    """Put the digest in the place that was kept for it, and return it."""
    placeholder, _ = _row(copy)
    place, digest = _digest(copy, placeholder, tell)
    with copy.open("r+b") as stream:
        stream.seek(place)
        stream.write(digest.encode())
    return digest


def facts_of(backup: Path) -> BackupFacts:
    """Return what a backup says of itself; that it is whole, `check_seal` tells. Raises NoBackup."""
    _, facts = _row(backup)
    try:
        return msgspec.json.decode(facts, type=BackupFacts)
    except msgspec.DecodeError as error:
        raise _damaged(backup) from error


def check_seal(backup: Path, tell: Tell) -> str:
    """Return the digest of a backup in which each byte is as it was sealed. Raises NoBackup."""
    written, _ = _row(backup)
    if _digest(backup, written, tell)[1] != written:
        raise _damaged(backup)
    return written


def remove_seal(copy: Path) -> None:
    """Make a database of a copy of a backup."""
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("drop table backup_seal")


def _row(backup: Path) -> tuple[str, str]:
    """Return the digest as it is written, and the facts."""
    with backup.open("rb") as stream:
        if stream.read(len(SQLITE)) != SQLITE:
            raise _not_one(backup)
    try:
        # Immutable: it is read where nothing can be written, and whatever lies beside it is not looked at.
        with closing(sqlite3.connect(f"{backup.absolute().as_uri()}?immutable=1", uri=True)) as connection:
            if not connection.execute("select 1 from sqlite_master where name = 'backup_seal'").fetchone():
                raise _not_one(backup)
            row = connection.execute("select sha256, facts from backup_seal").fetchone()
    except sqlite3.DatabaseError as error:
        raise _damaged(backup) from error
    if row is None or not all(isinstance(it, str) for it in row) or len(row[0]) != _DIGEST_CHARACTERS:
        raise _damaged(backup)
    return row[0], row[1]


def _digest(path: Path, written: str, tell: Tell) -> tuple[int, str]:
    """Return where `written` stands in the file, and the digest with zeros in its place."""
    digest = hashlib.sha256()
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        place, end = content.find(written.encode()), len(content)
        if place < 0:
            raise _damaged(path)
        for first in range(0, end, _BITE_BYTES):
            bite = bytearray(content[first : first + _BITE_BYTES])
            for at in range(max(place, first), min(place + _DIGEST_CHARACTERS, first + len(bite))):
                bite[at - first] = 0
            digest.update(bite)
            tell(min(first + _BITE_BYTES, end), end)
    return place, digest.hexdigest()


def _not_one(path: Path) -> NoBackup:
    return NoBackup(f"{path} is no backup. Name a file that `deedbox backup` made.")


def _damaged(path: Path) -> NoBackup:
    return NoBackup(
        f"The backup {path} is damaged: it is not as it was when it was made. "
        "Use another copy of it, or an older one."
    )
