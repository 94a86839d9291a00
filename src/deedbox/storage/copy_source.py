"""The SQLite database that a copy is made of: its tables, and their rows in the order of their keys."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from deedbox.storage.statements import Row

#: Says which schema the tables have; the target has its own.
NOT_COPIED = ("alembic_version",)
_TABLES = "select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'"

#: Somebody who looks at the database, as `deedbox doctor` does, is gone after a moment.
_PATIENCE_S = 1.0


class CopyRefused(Exception):
    """A copy can't be made, or did not come out equal; says why and what to do next."""


class SourceTable(msgspec.Struct, frozen=True):
    """A table of the source: its columns, and those of its primary key in the key's order."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    def key_of(self, row: Row) -> Row:
        """Return the primary key of a row."""
        return tuple(row[self.columns.index(it)] for it in self.key)


class CopySource:
    """The source, which nobody else has open. Made by `opened_source`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    @property
    def mark(self) -> str:
        """Name the state of the source: a server that runs on it would change its mark."""
        facts = self._path.stat()
        return f"{facts.st_size} bytes, {facts.st_mtime_ns}"

    def tables(self) -> list[SourceTable]:
        """Return every table that is to be copied. Raises CopyRefused for one without a primary key."""
        names = sorted(row[0] for row in self._connection.execute(_TABLES) if row[0] not in NOT_COPIED)
        return [self._table(name) for name in names]

    def count(self, table: SourceTable) -> int:
        """Return how many rows a table has."""
        found = self._connection.execute(f'select count(*) from "{table.name}"')  # noqa: S608 - its own name
        return int(found.fetchone()[0])

    def rows(self, table: SourceTable, after: Row | None, most: int) -> "SourceRows":
        """Return the rows behind a key, at most `most`, in the order of their keys."""
        return SourceRows(self._connection, table, after, most)

    def _table(self, name: str) -> SourceTable:
        described = self._connection.execute(f'pragma table_info("{name}")').fetchall()
        key = sorted((row[5], row[1]) for row in described if row[5])
        if not key:
            raise CopyRefused(f"The table {name} has no primary key, so it can't be copied.")
        return SourceTable(name, tuple(row[1] for row in described), tuple(it for _, it in key))


class SourceRows:
    """Some rows of a table, to be gone through once; then it tells how many there were and the last key."""

    def __init__(
        self, connection: sqlite3.Connection, table: SourceTable, after: Row | None, most: int
    ) -> None:
        self._connection = connection
        self._table = table
        self._after = after
        self._most = most
        self._last: Row | None = None
        self.count = 0

    @property
    def last_key(self) -> Row | None:
        """The key of the last row; where there was none, the key that they begin behind."""
        return self._after if self._last is None else self._table.key_of(self._last)

    @property
    def was_last(self) -> bool:
        """Whether there are no rows behind these."""
        return self.count < self._most

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows. Raises CopyRefused, naming the row before, for text that is no UTF-8."""
        cursor = self._connection.execute(
            _select(self._table, self._after), [*(self._after or ()), self._most]
        )
        try:
            for row in cursor:
                self._last = row
                self.count += 1
                yield row
        except sqlite3.OperationalError as error:
            where = f"the row after {shown(self._table, self.last_key)}" if self.last_key else "the first row"
            raise CopyRefused(f"Table {self._table.name}, {where}: {error}. Correct it first.") from error


@contextmanager
def opened_source(path: Path) -> Iterator[CopySource]:
    """Open a database alone, with all commits in its file. Raises CopyRefused while others have it open."""
    address = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(address, _PATIENCE_S, uri=True, isolation_level=None)
    try:
        try:
            # Keeps out servers whose data folder is another one, and finds those that are there.
            connection.execute("pragma locking_mode = exclusive")
            connection.execute("pragma wal_checkpoint(truncate)").fetchone()
            connection.execute("begin exclusive")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            raise CopyRefused(f"Another program has {path} open. Stop it first.") from error
        yield CopySource(path, connection)
    finally:
        connection.close()


def shown(table: SourceTable, key: Row) -> str:
    """Return a primary key for people, each of its parts shortened."""
    texts = [it.hex() if isinstance(it, bytes) else repr(it) for it in key]
    return ", ".join(f"{name} {text:.80}" for name, text in zip(table.key, texts, strict=True))


def _select(table: SourceTable, after: Row | None) -> str:
    columns, key = _quoted(table.columns), _quoted(table.key)
    places = ", ".join("?" * len(table.key))
    behind = "" if after is None else f"where ({key}) > ({places}) "
    return f'select {columns} from "{table.name}" {behind}order by {key} limit ?'  # noqa: S608 - its own names


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{it}"' for it in names)
