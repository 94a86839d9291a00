"""A SQLite database with rows in every table, and what is stored in both databases, for tests of copies."""

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from deedbox.storage.copy_source import SourceTable, opened_source
from deedbox.storage.copying import CopiedTable, Tell, copy_all, make_ready
from deedbox.storage.migrating import migrate
from deedbox.storage.statements import Row
from tests.storage.postgresql_bench import run_plainly

ROWS = 12
_FRACTIONS = (0.1, -0.0, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf"))
_NUMBERS = (0, 1, -1, 2**53 + 1, 2**63 - 1, -(2**63))
_TEXTS = (
    "",
    "plain",
    "Ärzte €5 😀",
    'back\\slash \\N \\. "quoted"',
    "line\nand\ttab\r",
    "'; drop table device; --",
)


def filled_database(folder: Path, rows: int = ROWS) -> Path:
    """A database of this release with as many rows in every table, extremes among them."""
    path = folder / "deedbox.sqlite"
    migrate(f"sqlite:///{path}")
    with opened_source(path) as source:
        tables = source.tables()
    with closing(sqlite3.connect(path)) as connection:
        for table in tables:
            declared = connection.execute(f'pragma table_info("{table.name}")').fetchall()
            marks = ", ".join("?" * len(declared))
            values = (tuple(_values(declared, number)) for number in range(rows))
            connection.executemany(f'insert into "{table.name}" values ({marks})', values)
        connection.commit()
    return path


def _values(declared: list[Any], number: int) -> Iterator[object]:
    dice = random.Random(f"{declared} {number}")
    for _, _, kind, is_required, _, key_position in declared:
        if not (is_required or key_position) and number % 3 == 0:
            yield None
        elif kind == "BLOB":
            yield dice.randbytes(16)
        elif kind == "BOOLEAN":
            yield number % 2
        elif kind == "DOUBLE":
            yield _FRACTIONS[number % len(_FRACTIONS)]
        elif kind in ("BIGINT", "INTEGER"):
            yield number if key_position else _NUMBERS[number % len(_NUMBERS)]
        else:
            yield f"{_TEXTS[number % len(_TEXTS)]} {number}"


def silent(_what: str, _done: int, _total: int) -> None:
    """Hear of progress, and say nothing."""


def copied(
    path: Path, url: str, *, restart: bool = False, tell: Tell = silent
) -> tuple[int, list[CopiedTable]]:
    """Copy as the command does; return how many rows were there before, and the tables."""
    with opened_source(path) as source:
        make_ready(url, source, restart=restart)
        return asyncio.run(copy_all(url, source, tell, verify_only=False))


def compared(path: Path, url: str) -> list[CopiedTable]:
    """Compare as the command does."""
    with opened_source(path) as source:
        return asyncio.run(copy_all(url, source, silent, verify_only=True))[1]


def tables_of(path: Path) -> list[SourceTable]:
    """The tables that a copy would copy."""
    with opened_source(path) as source:
        return source.tables()


def rows_in_source(path: Path, table: SourceTable) -> Counter[Row]:
    """All rows of a table of the source."""
    with closing(sqlite3.connect(path)) as connection:
        return Counter(connection.execute(_select(table)).fetchall())


def rows_in_target(url: str, table: SourceTable) -> Counter[Row]:
    """All rows of a table of the target."""
    return Counter(run_plainly(url, _select(table), ()))


def run_in_source(path: Path, sql: str, *values: object) -> None:
    """Change the source."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql, values)
        connection.commit()


def _select(table: SourceTable) -> str:
    columns = ", ".join(f'"{it}"' for it in table.columns)
    return f'select {columns} from "{table.name}"'
