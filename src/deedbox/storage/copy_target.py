"""The PostgreSQL database that a copy goes into. How far it has come stands there, in `copy_progress`.

Rows and how far they reach are committed together, so a copy that was cut off goes on where it stopped.
As long as the table is there, no server starts on the database.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from functools import partial
from struct import Struct
from typing import Any

import asyncpg
import msgspec

from deedbox.core.errors import StorageUnavailable
from deedbox.storage.copy_source import CopyRefused, SourceRows, SourceTable
from deedbox.storage.postgresql_errors import TROUBLE
from deedbox.storage.postgresql_pool import check_server, connect
from deedbox.storage.statements import Row

# "copy" in ASCII: of two copies that begin at once, the second finds what the first has made.
_ALONE = f"select pg_advisory_xact_lock({0x636F7079})"
_MAKE = """
create table copy_progress (
    table_name text primary key, last_key bytea, copied bigint not null, is_done boolean not null,
    source text not null
)
"""
_COLUMNS = """
select c.relname, a.attname, t.typname, a.attnotnull, a.attidentity <> ''
from pg_catalog.pg_class c
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_catalog.pg_type t on t.oid = a.atttypid
where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
order by c.relname, a.attnum
"""
_PLACES = "select table_name, last_key, copied, is_done, source from copy_progress"
_BEGUN = "insert into copy_progress values ($1, null, 0, false, $2)"
_PASSED = """
update copy_progress set last_key = $2, copied = copied + $3, is_done = $4
where table_name = $1 and not is_done and last_key is not distinct from $5
"""
_FLAGS = {0: b"\0", 1: b"\1"}
#: Exact both ways: nothing is rounded, cut off or taken for something else. Flags are SQLite's 0 and 1.
_CODECS: Mapping[str, tuple[Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    "bool": (_FLAGS.__getitem__, {byte: it for it, byte in _FLAGS.items()}.__getitem__),
    "uuid": (bytes.__bytes__, bytes),
    "int8": (Struct("!q").pack, partial(int.from_bytes, signed=True)),
    "int4": (Struct("!i").pack, partial(int.from_bytes, signed=True)),
}


class TargetColumn(msgspec.Struct, frozen=True):
    """A column of the target: PostgreSQL's type, and whether the database numbers its rows itself."""

    kind: str
    is_required: bool
    is_numbered: bool


class Place(msgspec.Struct, frozen=True):
    """How far the copy of a table has come: behind which key, after how many rows."""

    last_key: Row | None
    copied: int
    is_done: bool
    source: str


class CopyTarget:
    """A connection to the target. Made by `opened_target`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def columns(self) -> dict[str, dict[str, TargetColumn]]:
        """Return the columns of all tables, by table."""
        found: dict[str, dict[str, TargetColumn]] = {}
        async with self._connection.transaction(readonly=True):
            rows = await self._connection.fetch(_COLUMNS)
        for table, name, kind, is_required, is_numbered in rows:
            found.setdefault(table, {})[name] = TargetColumn(kind, bool(is_required), bool(is_numbered))
        return found

    async def places(self) -> dict[str, Place]:
        """Return how far each table's copy has come; nothing where no copy was begun."""
        async with self._connection.transaction(readonly=True):
            if not await self._is_begun():
                return {}
            rows = await self._connection.fetch(_PLACES)
        return {
            row[0]: Place(row[1] and msgspec.msgpack.decode(row[1], type=Row), row[2], bool(row[3]), row[4])
            for row in rows
        }

    async def check_empty(self, tables: Collection[str]) -> None:
        """Raise CopyRefused when one of these tables is there and has rows."""
        async with self._connection.transaction(readonly=True):
            await self._check_empty(tables)

    async def begin(self, tables: Collection[str], mark: str) -> dict[str, Place]:
        """Note that a copy begins; return where. Raises CopyRefused when the tables are not empty."""
        async with self._connection.transaction():
            await self._connection.execute(_ALONE)
            await self._check_empty(tables)
            if await self._is_begun():
                raise CopyRefused("Another copy into the same database has begun just now. Stop one of them.")
            await self._connection.execute(_MAKE)
            await self._connection.executemany(_BEGUN, [(it, mark) for it in tables])
        return {it: Place(None, 0, False, mark) for it in tables}

    async def forget(self) -> None:
        """Delete what an unfinished copy has brought, and that there was one."""
        async with self._connection.transaction():
            begun = {row[0] for row in await self._connection.fetch("select table_name from copy_progress")}
            names = ", ".join(f'"{it}"' for it in sorted(begun & await self._tables()))
            await self._connection.execute(f"truncate {names}; drop table copy_progress")

    async def put(self, table: SourceTable, rows: SourceRows, place: Place) -> Place:
        """Store rows behind `place` and return how far they reach, together or not at all.

        Raises CopyRefused when another copy went on from there meanwhile, what a column can't hold as
        asyncpg raises it.
        """
        async with self._connection.transaction():
            await self._connection.copy_records_to_table(table.name, records=rows, columns=table.columns)
            key, is_done = rows.last_key, rows.was_last
            moved = await self._connection.execute(
                _PASSED, table.name, _packed(key), rows.count, is_done, _packed(place.last_key)
            )
            if moved != "UPDATE 1":
                raise CopyRefused("Another copy writes into the same database. Stop one of them.")
        return Place(key, place.copied + rows.count, is_done, place.source)

    async def number_on(self, columns: Mapping[str, Mapping[str, TargetColumn]]) -> None:
        """Have the database number new rows behind those that were copied; have it look at what is there."""
        for table, of_table in columns.items():
            for name in (it for it, column in of_table.items() if column.is_numbered):
                sequence = f"pg_get_serial_sequence('\"{table}\"', '{name}')"
                last = f'select setval({sequence}, max("{name}")) from "{table}" having max("{name}") > 0'  # noqa: S608
                await self._connection.execute(last)
            await self._connection.execute(f'analyze "{table}"')

    async def read(self, table: SourceTable, most: int) -> AsyncIterator[list[Row]]:
        """Yield all rows of a table, at most `most` at a time, in no order."""
        columns = ", ".join(f'"{it}"' for it in table.columns)
        async with self._connection.transaction(readonly=True):
            cursor = await self._connection.cursor(f'select {columns} from "{table.name}"')  # noqa: S608
            while found := await cursor.fetch(most):
                yield [tuple(it) for it in found]

    async def end(self) -> None:
        """Note that the copy is done: servers may start."""
        await self._connection.execute("drop table copy_progress")

    async def _check_empty(self, tables: Collection[str]) -> None:
        for name in sorted(await self._tables() & set(tables)):
            if await self._connection.fetchrow(f'select from "{name}" limit 1') is not None:
                raise CopyRefused(
                    f"The target is not empty: its table {name} has rows. Make a new database, and start no "
                    "server on it before the copy is done."
                )

    async def _is_begun(self) -> bool:
        return bool(await self._connection.fetchval("select to_regclass('copy_progress') is not null"))

    async def _tables(self) -> set[str]:
        return {row[0] for row in await self._connection.fetch(_COLUMNS)}


@asynccontextmanager
async def opened_target(url: str) -> AsyncIterator[CopyTarget]:
    """Connect to the target. Raises StorageUnavailable, also for what happens to the connection later."""
    connection = await connect(url)
    try:
        async with connection.transaction(readonly=True):
            await check_server(connection)
            for kind, (encoder, decoder) in _CODECS.items():
                await connection.set_type_codec(
                    kind, schema="pg_catalog", format="binary", encoder=encoder, decoder=decoder
                )
        yield CopyTarget(connection)
    except (asyncpg.InternalClientError, *TROUBLE) as error:
        why = str(error) or type(error).__name__
        raise StorageUnavailable(
            f"PostgreSQL: {why}. What was copied before stays; the same command again goes on from there."
        ) from error
    finally:
        await _left(connection)


async def _left(connection: Any) -> None:
    try:
        await connection.close(timeout=5)
    except (TimeoutError, asyncpg.InternalClientError, *TROUBLE):
        connection.terminate()


def _packed(key: Row | None) -> bytes | None:
    return None if key is None else msgspec.msgpack.encode(key)
