"""SQL by name: every statement lives in `queries/<noun>.sql` and runs on every database.

A file holds blocks that begin with `-- name: statement_name`. Values are written `:name`. A batch of rows is
written `/*rows: type, type*/` (types as PostgreSQL calls them) and becomes whatever the database takes best.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Protocol
from uuid import UUID

from deedbox.core.errors import InvalidValue
from deedbox.storage.paged_statements import sort_columns, variants

Row = tuple[Any, ...]

_BLOCK = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
#: Finds `:name`, but neither `::type` nor what stands in quotes.
PLACEHOLDER = re.compile(r"(?<![:\w]):([a-z_]+)|'[^']*'")
ROWS = re.compile(r"/\*rows: ([^*]+)\*/")


class UniqueViolation(Exception):
    """A row with these unique values is there already; `constraint` says which ones."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


def unstorable_text() -> InvalidValue:
    """Return the refusal of a text that PostgreSQL can't keep, and SQLite should not."""
    return InvalidValue("A text holds the character NUL, which can't be stored or looked for. Leave it out.")


def check_texts(values: Iterable[object]) -> None:
    """Raise InvalidValue where a text holds NUL. Quick: each value that is stored passes here."""
    if "\0" in "".join([it for it in values if it.__class__ is str]):
        raise unstorable_text()


class Transaction(Protocol):
    """One transaction of a database: runs named statements, knows its moment, makes identifiers."""

    @property
    def now_ms(self) -> int:
        """The transaction's moment in epoch milliseconds."""
        ...

    @property
    def nests_writes(self) -> bool:
        """Whether the database takes statements that write to two tables at once."""
        ...

    def new_id(self) -> UUID:
        """Return an identifier for a new row."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""
        ...

    async def lock(self, names: Sequence[bytes]) -> None:
        """Keep other transactions from these names until this one ends."""
        ...

    async def rows(self, statement: str, /, **values: Any) -> list[Row]:
        """Run the statement and return its rows; a value `among` is rows for a `/*rows*/` mark in it."""
        ...

    async def structs(self, statement: str, shape: type[Any], /, **values: Any) -> list[Any]:
        """Run the statement and return its rows as structs, columns matched to fields by name."""
        ...

    async def run(self, statement: str, /, **values: Any) -> int:
        """Run the statement and return how many rows it changed."""
        ...

    async def batch(self, statement: str, batch: Sequence[Row], /, **values: Any) -> list[Row]:
        """Run a statement that holds a `/*rows*/` mark for all rows at once and return its rows."""
        ...

    async def later(self, statement: str, batch: Sequence[Row], /, **values: Any) -> None:
        """Run a batch whose answer nobody needs, before the next statement or the end at the latest.

        What is put off together runs in any order, and none sees what others do: no two may touch one row.
        """
        ...


@cache
def statements() -> Mapping[str, str]:
    """Return every statement by name. Raises ValueError when a name stands twice."""
    found: dict[str, str] = {}
    for name, sql in _sources().items():
        found.update(variants(name, sql))
    return found


@cache
def sortable(statement: str) -> Mapping[str, str]:
    """Return what a list's statement can be sorted by: property -> output column."""
    return sort_columns(statement, _sources())


@cache
def _sources() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name, sql in _blocks():
        if name in found:
            raise ValueError(f"two statements are named {name}")
        found[name] = sql
    return found


def _blocks() -> Iterator[tuple[str, str]]:
    for file in files("deedbox.storage.queries").iterdir():
        if file.name.endswith(".sql"):
            pieces = _BLOCK.split(file.read_text(encoding="utf-8"))
            yield from zip(pieces[1::2], (sql.strip() for sql in pieces[2::2]), strict=True)
