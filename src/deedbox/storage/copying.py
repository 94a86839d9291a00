"""Copies a SQLite database to PostgreSQL, table by table in the order of their keys, and compares both.

Which tables there are is asked of the source, so none that comes later can be forgotten.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from struct import error as unpackable

import asyncpg
import msgspec

from deedbox.storage.copy_checks import TableSum, check_row
from deedbox.storage.copy_source import CopyRefused, CopySource, SourceTable
from deedbox.storage.copy_target import CopyTarget, Place, TargetColumn, opened_target
from deedbox.storage.migrating import check_fits, migrate, newest_revision
from deedbox.storage.postgresql_schema import schema_of

#: What a copy that was cut off has to do again at most.
_ROWS_PER_TRANSACTION = 50_000
_ROWS_PER_STEP = 2_000
_UNFIT = (
    KeyError, TypeError, ValueError, OverflowError, unpackable,
    asyncpg.DataError, asyncpg.NotNullViolationError, asyncpg.ProtocolViolationError,
)  # fmt: skip

#: Hears of progress: what is being done, how much of it is done, of how much.
Tell = Callable[[str, int, int], object]
Columns = Mapping[str, Mapping[str, TargetColumn]]


class CopiedTable(msgspec.Struct, frozen=True):
    """A table that is equal in both databases."""

    name: str
    rows: int
    checksum: str


def make_ready(url: str, source: CopySource, *, restart: bool) -> None:
    """Bring the target to this release's schema. Raises CopyRefused when it is neither empty nor begun."""
    is_begun = asyncio.run(_cleared(url, [it.name for it in source.tables()], restart))
    schema = schema_of(url)
    if schema.revision == newest_revision():
        return
    if is_begun:
        raise CopyRefused(
            f"The target has schema {schema.revision} of another release. Throw away what was copied, and "
            "begin anew: --restart"
        )
    check_fits(schema._replace(is_copying=False))
    migrate(url)


async def copy_all(
    url: str, source: CopySource, tell: Tell, *, verify_only: bool
) -> tuple[int, list[CopiedTable]]:
    """Copy what is missing and compare; return how many rows were there before, and the tables.

    With `verify_only`, compare and change nothing. Raises CopyRefused, StorageUnavailable.
    """
    async with opened_target(url) as target:
        copy = Copy(source, target, await target.columns(), tell)
        if verify_only:
            return 0, await copy.compare()
        rows_before = await copy.begin()
        await copy.copy()
        tables = await copy.compare()
        await copy.finish()
        return rows_before, tables


async def _cleared(url: str, names: Sequence[str], restart: bool) -> bool:
    """Tell whether the target holds an unfinished copy; with `restart` it is thrown away."""
    async with opened_target(url) as target:
        if not await target.places():
            await target.check_empty(names)
            return False
        if restart:
            await target.forget()
        return not restart


class Copy:
    """A copy of all tables of a source into a target whose schema is the same."""

    def __init__(self, source: CopySource, target: CopyTarget, columns: Columns, tell: Tell) -> None:
        self._source = source
        self._target = target
        self._columns = columns
        self._tell = tell
        self._tables = source.tables()
        _check_columns(self._tables, columns)

    async def begin(self) -> int:
        """Begin, or find where an earlier one was cut off; return how many rows are there already.

        Raises CopyRefused for a target that is not empty, or a source that was changed since.
        """
        self._places = await self._target.places()
        if not self._places:
            self._places = await self._target.begin([it.name for it in self._tables], self._source.mark)
        if {it.source for it in self._places.values()} != {self._source.mark}:
            raise CopyRefused(
                "The target holds an unfinished copy of another database, or this one was changed since that "
                "copy was begun. Throw away what was copied, and begin anew: --restart"
            )
        return sum(it.copied for it in self._places.values())

    async def copy(self) -> None:
        """Copy what is missing. Raises CopyRefused, naming the row, for what PostgreSQL can't keep."""
        total = sum(self._source.count(it) for it in self._tables)
        before = 0
        for table in self._tables:
            place = self._places[table.name]
            while not place.is_done:
                place = await self._put(table, place)
                self._tell(f"Copying {table.name}", before + place.copied, total)
            before += place.copied

    async def compare(self) -> list[CopiedTable]:
        """Return what is equal on both sides. Raises CopyRefused with all tables that are not."""
        total, done = 2 * sum(self._source.count(it) for it in self._tables), 0
        equal, different = [], []
        for table in self._tables:
            there = self._sum_of_source(table, done, total)
            here = await self._sum_of_target(table, done + there.rows, total)
            done += there.rows + here.rows
            if there == here:
                equal.append(CopiedTable(table.name, here.rows, here.checksum))
            else:
                different.append(_difference(table.name, there, here))
        if different:
            raise CopyRefused(
                f"The databases are not equal. {' '.join(different)} Nothing was deleted. If somebody wrote "
                "to one of them meanwhile, throw away what was copied and begin anew: --restart"
            )
        return equal

    async def finish(self) -> None:
        """Let servers start on the target."""
        await self._target.number_on(self._columns_of_tables())
        await self._target.end()

    async def _put(self, table: SourceTable, place: Place) -> Place:
        try:
            rows = self._source.rows(table, place.last_key, _ROWS_PER_TRANSACTION)
            return await self._target.put(table, rows, place)
        except _UNFIT:
            kinds = {name: (it.kind, it.is_required) for name, it in self._columns[table.name].items()}
            for row in self._source.rows(table, place.last_key, _ROWS_PER_TRANSACTION):
                check_row(table, row, kinds)
            raise

    def _sum_of_source(self, table: SourceTable, done: int, total: int) -> TableSum:
        found, key, is_last = TableSum(), None, False
        while not is_last:
            rows = self._source.rows(table, key, _ROWS_PER_TRANSACTION)
            found = found.plus(rows)
            key, is_last = rows.last_key, rows.was_last
            self._tell(f"Comparing {table.name}", done + found.rows, total)
        return found

    async def _sum_of_target(self, table: SourceTable, done: int, total: int) -> TableSum:
        found = TableSum()
        async for rows in self._target.read(table, _ROWS_PER_STEP):
            found = found.plus(rows)
            self._tell(f"Comparing {table.name}", done + found.rows, total)
        return found

    def _columns_of_tables(self) -> Columns:
        return {it.name: self._columns[it.name] for it in self._tables}


def _check_columns(tables: Sequence[SourceTable], columns: Columns) -> None:
    for table in tables:
        missing = set(table.columns) - set(columns.get(table.name, ()))
        if missing:
            raise CopyRefused(
                f"The target's table {table.name} has no column {min(missing)}. Both need the schema of this "
                "release: deedbox migrate"
            )


def _difference(name: str, there: TableSum, here: TableSum) -> str:
    if there.rows == here.rows:
        return f"Table {name}: {there.rows:,} rows each, with other contents."
    return f"Table {name}: {there.rows:,} rows in the source, {here.rows:,} in the target."
