"""In a new SQLite database, without statistics, batches of any size find their rows by indexes."""

import sqlite3
from collections.abc import Iterator

import pytest

from deedbox.storage.sqlite import _BATCH_SIZES, _compile
from deedbox.storage.statements import ROWS, statements
from tests.storage.sqlite_bench import migrated_file

#: What is looked up by devices, profiles and names that come together in any number.
BATCHES = sorted(name for name, sql in statements().items() if ROWS.search(sql) and "." not in name)
#: These join with what a statement has found before, or read a journal that is short.
_READ_WHOLE = ("asked", "seen", "counted", "j")


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(migrated_file())
    connection.create_function("lower", 1, str, deterministic=True)
    yield connection
    connection.close()


@pytest.mark.parametrize("size", [_BATCH_SIZES[0], 64, 1])
def test_no_batch_reads_a_whole_table(database: sqlite3.Connection, size: int) -> None:
    reading = {name: scans for name in BATCHES if (scans := _scans(database, name, size))}
    assert reading == {}


def _scans(database: sqlite3.Connection, name: str, size: int) -> list[str]:
    source = statements()[name]
    found = ROWS.search(source)
    assert found is not None
    sql, names = _compile(source, size)
    values = [None] * (len(names) + size * (found[1].count(",") + 1))
    if "on conflict" in sql and not sql.startswith("insert"):
        return []  # of several statements in one, for PostgreSQL only
    plan = [row[3] for row in database.execute("explain query plan " + sql, values)]
    return [it for it in plan if it.startswith("SCAN ") and not _is_short(it)]


def _is_short(step: str) -> bool:
    what = step.split()[1]
    return what.isdigit() or what == "CONSTANT" or what in _READ_WHOLE
