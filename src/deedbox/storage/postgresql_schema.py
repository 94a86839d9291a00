"""The schema of a PostgreSQL database: which one it has, and bringing it to this release's."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from deedbox.core.errors import StorageUnavailable
from deedbox.storage.migrating import Schema
from deedbox.storage.pool_options import ServerFacts
from deedbox.storage.postgresql_pool import check_server, connect, connected

T = TypeVar("T")

# "schema" in ASCII: of several nodes that start at once the first migrates, the others find it done.
_LOCK = f"select pg_advisory_xact_lock({0x736368656D61})"
_SCHEMA = """
select version_num, obj_description('alembic_version'::regclass), to_regclass('copy_progress') is not null
from alembic_version
"""
_FACTS = """
select current_setting('server_version'), (extract(epoch from clock_timestamp()) * 1000)::bigint,
       lower('Ä') = 'ä', current_setting('fsync') = 'on', current_setting('synchronous_commit'),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - coalesce(current_setting('reserved_connections', true)::int, 0),
       (select system_identifier from pg_control_system()) || ' ' || current_database(), pg_is_in_recovery()
"""


def schema_of(url: str) -> Schema:
    """Return the database's schema. Raises StorageUnavailable."""
    return run_beside(lambda: _schema(url))


def server_facts(url: str) -> ServerFacts:
    """Return what is to be known about the server and the database. Raises StorageUnavailable."""
    return run_beside(lambda: _server_facts(url))


def with_locked_schema(url: str, upgrade: Callable[[Any], T]) -> T:
    """Run `upgrade(SQLAlchemy connection)` in one transaction that no other node migrates beside.

    Raises StorageUnavailable, with nothing changed, when the database refuses or the connection is lost.
    """
    return run_beside(lambda: _with_locked_schema(url, upgrade))


def run_beside(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `work` to its end in a thread of its own, whether an event loop runs in this one or not."""
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(lambda: asyncio.run(work())).result()


async def _schema(url: str) -> Schema:
    async with connected(url) as connection:
        if await connection.fetchval("select to_regclass('alembic_version')") is None:
            return Schema(None)
        found = await connection.fetchrow(_SCHEMA)
        return Schema(*found) if found else Schema(None)


async def _server_facts(url: str) -> ServerFacts:
    async with connected(url) as connection:
        await check_server(connection)
        row = await connection.fetchrow(_FACTS)
        is_made = await connection.fetchval("select to_regclass('user_account') is not null")
        users = is_made and await connection.fetchval("select exists (select 1 from user_account)")
        return ServerFacts(row[0], row[1], row[2], users, row[3], row[4], row[5], row[6], row[7])


async def _with_locked_schema(url: str, upgrade: Callable[[Any], T]) -> T:
    from sqlalchemy import text  # noqa: PLC0415 - takes longer to import than all the rest
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: connect(url), poolclass=NullPool
    )
    try:
        async with engine.connect() as connection:
            await connection.execute(text(_LOCK))
            answer = await connection.run_sync(upgrade)
            await connection.commit()
    except DBAPIError as error:
        raise StorageUnavailable(
            f"PostgreSQL did not let the schema be migrated: {error.orig}. It is as it was; try again."
        ) from error
    finally:
        await engine.dispose()
    return answer
