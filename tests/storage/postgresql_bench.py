"""PostgreSQL for tests: the schema as Alembic writes it, and named statements run as they stand."""

import importlib
import io
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from typing import Any

import asyncpg
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from deedbox.storage.migrating import SCHEMA_FOLDER
from deedbox.storage.statements import PLACEHOLDER, ROWS, Row, statements

VERSIONS = f"{SCHEMA_FOLDER}.versions"
_LOCKS = re.compile(r"/\*(for update[^*]*)\*/")


def schema_sql() -> str:
    """Return all migrations as SQL for PostgreSQL, made without a connection."""
    output = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": output}
    )
    names = sorted(it.name.removesuffix(".py") for it in files(VERSIONS).iterdir() if it.name[:4].isdigit())
    with Operations.context(context):
        for name in names:
            importlib.import_module(f"{VERSIONS}.{name}").upgrade()
    return output.getvalue()


@cache
def compiled(statement: str) -> tuple[str, list[str], int]:
    """Return a named statement for PostgreSQL, the names of its values, and the width of its batch."""
    source = _LOCKS.sub(r"\1", statements()[statement])
    names = list(dict.fromkeys(m[1] for m in PLACEHOLDER.finditer(source) if m[1]))
    sql = PLACEHOLDER.sub(lambda m: f"${names.index(m[1]) + 1}" if m[1] else m[0], source)
    mark = ROWS.search(sql)
    types = [it.strip() for it in mark[1].split(",")] if mark else []
    arrays = ", ".join(f"${len(names) + n}::{kind}[]" for n, kind in enumerate(types, start=1))
    return ROWS.sub(f"select * from unnest({arrays})", sql), names, len(types)


async def run(connection: Any, statement: str, batch: Sequence[Row] = (), **values: Any) -> list[Row]:
    """Run a named statement, with its whole batch as one array per column; return its rows."""
    sql, names, width = compiled(statement)
    columns = [[row[n] for row in batch] for n in range(width)]
    return [tuple(row) for row in await connection.fetch(sql, *(values[it] for it in names), *columns)]


@asynccontextmanager
async def connections(url: str, count: int) -> AsyncIterator[list[Any]]:
    """Yield that many connections of their own."""
    opened = [await asyncpg.connect(url) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            await connection.close()
