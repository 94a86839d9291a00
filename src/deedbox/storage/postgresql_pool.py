"""Connections to PostgreSQL: a pool of few, none of which keeps anything in its session.

So PgBouncer may stand between in transaction mode: no settings, locks, temporary tables or notices outlive a
transaction. Prepared statements do; PgBouncer follows them since 1.21, and they can be switched off.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from deedbox.core.errors import StorageUnavailable
from deedbox.storage.pool_options import PoolOptions
from deedbox.storage.postgresql_errors import TROUBLE, UNPREPARED, as_refusal

_OLDEST = 14
_CONNECT_S = 5.0
#: No statement of ours takes longer; a network that swallows everything must not hold a caller for ever.
_STATEMENT_S = 60.0
_STATEMENTS_PER_CONNECTION = 1024
#: Also how long a clock that was put back goes unnoticed.
_HEARING_COUNTS_MS = 10_000
_CLOCK = "select (extract(epoch from clock_timestamp()) * 1000)::bigint"


if TYPE_CHECKING:  # only there do asyncpg's classes take parameters
    Pool = asyncpg.Pool[asyncpg.Record]
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Pool, Connection = asyncpg.Pool, asyncpg.Connection


class _Connection(Connection):
    """Leaves nothing behind in a session, so nothing needs to be reset after each use."""

    def get_reset_query(self) -> str:
        """Return no query: it would cost each transaction another trip to the database."""
        return ""


async def open_pool(url: str, options: PoolOptions, clock: "DatabaseClock") -> Pool:
    """Connect, and set the clock. Raises StorageUnavailable, saying why, when the database can't be used."""
    with _understandable():
        pool = await asyncpg.create_pool(
            url,
            min_size=0,  # asyncpg would fill up by itself, with a traceback in the log for each failure
            max_size=options.connections,
            connection_class=_Connection,
            init=prepare_connection,
            timeout=_CONNECT_S,
            command_timeout=_STATEMENT_S,
            statement_cache_size=_STATEMENTS_PER_CONNECTION if options.prepared_statements else 0,
            max_cached_statement_lifetime=0,
            server_settings={"application_name": "deedbox"},
        )
        try:
            async with pool.acquire() as connection, connection.transaction(readonly=True):
                await check_server(connection)
                await clock.ask(connection)
        except BaseException:
            pool.terminate()
            raise
        return pool


async def connect(url: str) -> Any:
    """Return a connection outside of any pool. Raises StorageUnavailable, saying why."""
    with _understandable():
        return await asyncpg.connect(url, timeout=_CONNECT_S, statement_cache_size=0)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    """Yield a connection outside of any pool. Raises StorageUnavailable, saying why."""
    connection = await connect(url)
    try:
        # Behind PgBouncer each statement alone could meet another connection.
        with _understandable():
            async with connection.transaction(readonly=True):
                yield connection
    finally:
        await connection.close()


async def check_server(connection: Any) -> None:
    """Raise StorageUnavailable for a server that is too old, or a database that can't hold all letters."""
    version = connection.get_server_version()
    if version.major < _OLDEST:
        raise StorageUnavailable(f"This is PostgreSQL {version.major}; Deedbox needs {_OLDEST} or newer.")
    encoding = await connection.fetchval("select current_setting('server_encoding')")
    if encoding != "UTF8":
        raise StorageUnavailable(
            f"The database stores text as {encoding}; Deedbox needs UTF8. Make it again: "
            "createdb --template=template0 --encoding=UTF8"
        )


@contextmanager
def _understandable() -> Iterator[None]:
    try:
        yield
    except asyncpg.ClientConfigurationError as error:
        raise StorageUnavailable(f"The database URL can't be understood: {error}") from error
    except ValueError:
        # What it says repeats a part of the URL, of the password where that holds letters with a meaning.
        raise StorageUnavailable(
            "The database URL can't be understood. In a password, write / as %2F, ? as %3F, # as %23."
        ) from None
    except UNPREPARED as error:
        raise as_refusal(error) from error
    except TROUBLE as error:
        why = str(error) or type(error).__name__
        raise StorageUnavailable(f"PostgreSQL can't be used: {why}") from error


async def prepare_connection(connection: Any) -> None:
    """Have identifiers arrive as 16 bytes, as SQLite's do: stores make of them what they need."""
    async with connection.transaction(readonly=True):
        await connection.set_type_codec(
            "uuid", schema="pg_catalog", format="binary", encoder=_uuid_bytes, decoder=bytes
        )


def _uuid_bytes(identifier: UUID | bytes) -> bytes:
    return identifier.bytes if isinstance(identifier, UUID) else identifier


class DatabaseClock:
    """The database's clock as it was heard, carried on by this machine's: what all nodes agree on.

    What is heard has been on its way, so it is late, never early: what was heard soonest counts for a while.
    """

    def __init__(self, monotonic_ms: Callable[[], int] | None = None) -> None:
        self._monotonic_ms = monotonic_ms or _monotonic_ms
        self._offset_ms = 0
        self._counts_until_ms = 0

    async def ask(self, connection: Any) -> None:
        """Hear the database's clock."""
        self.heard(await connection.fetchval(_CLOCK))

    def heard(self, now_ms: int) -> None:
        """Remember what the database's clock says now, in epoch milliseconds."""
        monotonic_ms = self._monotonic_ms()
        offset_ms = now_ms - monotonic_ms
        if offset_ms >= self._offset_ms or monotonic_ms >= self._counts_until_ms:
            self._offset_ms, self._counts_until_ms = offset_ms, monotonic_ms + _HEARING_COUNTS_MS

    def now_ms(self) -> int:
        """Return the database's time in epoch milliseconds, a few milliseconds off at most."""
        return self._monotonic_ms() + self._offset_ms


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000
