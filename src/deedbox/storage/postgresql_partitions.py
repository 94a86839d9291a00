"""Time series of PostgreSQL in a table per period; makes and drops them without being in the way for long.

Ingest and readers wait for whoever waits to lock the whole table. So nobody waits for it longer than a
fraction of a second; whoever did not get it lets the others go on, and comes again.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from enum import Enum, auto
from functools import partial
from typing import Any, NamedTuple, TypeVar

import asyncpg

from deedbox.core.errors import StorageUnavailable
from deedbox.core.partitions import Made, Period, missing_periods
from deedbox.storage.postgresql_attempts import begun, committed, tried

T = TypeVar("T")

# What must be locked is free within moments or held by a long read. The last try is longer than
# `deadlock_timeout`: then an automatic vacuum gives way.
_PATIENCE_MS = (200, 200, 200, 200, 200, 200, 200, 1500)
_PAUSE_S = 0.5
_BEGIN = (
    "begin; set local lock_timeout = '{}ms'; set local statement_timeout = '10s'; "
    "set local idle_in_transaction_session_timeout = '15s'"
)
#: Rows that are moved to a new table at once; while they are, nobody writes to where they were.
_MOST_MOVED = 100_000
# "periods" in ASCII.
_LOCK = f"select pg_try_advisory_xact_lock({0x706572696F6473})"
_TABLES = """
select quote_ident(c.relname), pg_get_expr(c.relpartbound, c.oid)
from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = to_regclass('time_series')
"""
_BOUNDS = re.compile(r"FROM \((?:MINVALUE|'(\d+)')\) TO \('(\d+)'\)")
_COUNT = "select count(*) from (select from time_series_rest where ts >= {} and ts < {} limit {}) it"
_MOVE = """
with moved as (delete from time_series_rest where ts >= {} and ts < {} returning *)
insert into {} select * from moved
"""
_DELETE = "delete from {0} where ctid = any(array(select ctid from {0} where ts < {1} limit {2}))"


class _Table(NamedTuple):
    """A partition: `from_ts` None where it has no beginning, `to_ts` None where it takes the rest."""

    name: str
    from_ts: int | None
    to_ts: int | None


class _Outcome(Enum):
    """What became of a table that was to be made."""

    MADE = auto()
    CROWDED = auto()
    OTHERS_DO = auto()


class PostgreSQLPartitions:
    """The partitions of `time_series`, over connections that `connect()` lends."""

    def __init__(self, connect: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        self._connect = connect

    async def make_ahead(self, now_ms: int, days: int) -> Made:
        """Make the tables that the next weeks need, where nobody else is making them."""
        ends = [it.to_ts for it in await self._changed(_tables) if it.to_ts is not None]
        made: list[Period] = []
        crowded: list[Period] = []
        for period in missing_periods(max(ends, default=None), now_ms, days):
            outcome = await self._changed(partial(_make, period))
            if outcome is _Outcome.OTHERS_DO:  # all of it, and in this order
                break
            (made if outcome is _Outcome.MADE else crowded).append(period)
        return Made(made, crowded)

    async def drop_before(self, before_ms: int) -> Sequence[str]:
        """Drop the tables whose periods ended before then; return their names."""
        tables = await self._changed(_tables)
        old = [it.name for it in tables if it.to_ts is not None and it.to_ts <= before_ms]
        for name in old:
            await self._changed(partial(_run, f"drop table if exists {name}"))
        return old

    async def delete_before(self, before_ms: int, most: int) -> int:
        """Delete old rows from the tables that have no beginning; return how many."""
        deleted = 0
        for table in await self._changed(_tables):
            if table.from_ts is None:
                delete = partial(_run, _DELETE.format(table.name, before_ms, most))
                deleted += int((await self._changed(delete)).rpartition(" ")[2])
        return deleted

    async def _changed(self, change: Callable[[Any], Awaitable[T]]) -> T:
        """Run `change` in a transaction; again while others hold what it has to lock."""
        for patience_ms in _PATIENCE_MS[:-1]:
            try:
                return await tried(partial(self._try, change, patience_ms))
            except StorageUnavailable as refusal:
                if not isinstance(refusal.__cause__, asyncpg.LockNotAvailableError):
                    raise
            await asyncio.sleep(_PAUSE_S)
        return await tried(partial(self._try, change, _PATIENCE_MS[-1]))

    async def _try(self, change: Callable[[Any], Awaitable[T]], patience_ms: int) -> T:
        async with self._connect() as connection:
            async with begun(connection, _BEGIN.format(patience_ms)):
                answer = await change(connection)
            await committed(connection)
            return answer


async def _run(sql: str, connection: Any) -> str:
    return str(await connection.execute(sql))


async def _tables(connection: Any) -> list[_Table]:
    return [_table(name, bound) for name, bound in await connection.fetch(_TABLES)]


def _table(name: str, bound: str) -> _Table:
    found = _BOUNDS.search(bound)
    if found is None:
        return _Table(name, None, None)
    return _Table(name, int(found[1]) if found[1] else None, int(found[2]))


async def _make(period: Period, connection: Any) -> _Outcome:
    if not await connection.fetchval(_LOCK):
        return _Outcome.OTHERS_DO
    if any(it.to_ts is not None and it.to_ts > period.from_ts for it in await _tables(connection)):
        return _Outcome.OTHERS_DO
    bounds, name = (period.from_ts, period.to_ts), _name(period)
    if await connection.fetchval(_COUNT.format(*bounds, _MOST_MOVED + 1)) > _MOST_MOVED:
        return _Outcome.CROWDED
    await connection.execute(f"create table {name} (like time_series including defaults)")
    await connection.execute("lock table time_series_rest in access exclusive mode")
    await connection.execute(_MOVE.format(*bounds, name))
    await connection.execute(
        f"alter table time_series attach partition {name} for values from ({bounds[0]}) to ({bounds[1]})"
    )
    return _Outcome.MADE


def _name(period: Period) -> str:
    return f"time_series_from_{datetime.fromtimestamp(period.from_ts / 1000, UTC):%Y%m%d}"
