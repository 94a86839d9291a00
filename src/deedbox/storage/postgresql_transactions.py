"""Named statements inside one transaction of PostgreSQL."""

import os
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec

from deedbox.core.ids import IdSequence
from deedbox.storage.postgresql_errors import TROUBLE, as_refusal
from deedbox.storage.postgresql_statements import Appended, Compiled, appended, compiled, compiled_together
from deedbox.storage.statements import Row

_LOCK = "select pg_advisory_xact_lock(name) from unnest($1::bigint[]) as name"
#: COPY takes a third of a statement's time for each row, and one trip to the database more.
_WORTH_A_COPY = 200
_ids = IdSequence(os.urandom)


class PostgreSQLTransaction:
    """A `Transaction` on one connection, at one moment of the database's clock; `finish()` ends it."""

    __slots__ = ("_connection", "_put_off", "now_ms")
    nests_writes = True

    def __init__(self, connection: Any, now_ms: int) -> None:
        self._connection = connection
        self.now_ms = now_ms
        # Statements that can wait, with their values: they share a trip to the database.
        self._put_off: dict[str, list[Any]] = {}

    def new_id(self) -> UUID:
        """Return an identifier for a new row."""
        return _ids.new_id(self.now_ms)

    def random_bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""
        return os.urandom(count)

    async def lock(self, names: Sequence[bytes]) -> None:
        """Keep other transactions from these names until this one ends."""
        numbers = {int.from_bytes(blake2b(it, digest_size=8).digest(), signed=True) for it in names}
        await self.finish()
        await self._fetch(_LOCK, [sorted(numbers)])

    async def rows(self, statement: str, /, **values: Any) -> list[Row]:
        """Run the statement and return its rows; a value `among` is rows for a `/*rows*/` mark in it."""
        return [tuple(it) for it in await self._run(statement, values, values.pop("among", ()))]

    async def structs(self, statement: str, shape: type[Any], /, **values: Any) -> list[Any]:
        """Run the statement and return its rows as structs, columns matched to fields by name."""
        found = [dict(it) for it in await self._run(statement, values, values.pop("among", ()))]
        return [msgspec.convert(it, shape, strict=False, builtin_types=(bytes,)) for it in found]

    async def run(self, statement: str, /, **values: Any) -> int:
        """Run the statement and return how many rows it changed."""
        sql, names, _ = compiled(statement)
        await self.finish()
        try:
            status = await self._connection.execute(sql, *[values[name] for name in names])
        except TROUBLE as error:
            raise as_refusal(error) from error
        return int(status.rpartition(" ")[2])

    async def batch(self, statement: str, batch: Sequence[Row], /, **values: Any) -> list[Row]:
        """Run a statement that holds a `/*rows*/` mark for all rows at once and return its rows."""
        if not batch:
            return []
        if to := _copied(statement, batch):
            await self._copy(to, batch)
            return []
        return [tuple(it) for it in await self._run(statement, values, batch)]

    async def later(self, statement: str, batch: Sequence[Row], /, **values: Any) -> None:
        """Run a batch whose answer nobody needs, by the next statement or by `finish()` at the latest."""
        if not batch:
            return
        if to := _copied(statement, batch):
            await self._copy(to, batch)
            return
        if statement in self._put_off:
            await self.finish()
        self._put_off[statement] = _bound(compiled(statement), values, batch)

    async def finish(self) -> None:
        """Run what was put off."""
        if self._put_off:
            put_off, self._put_off = self._put_off, {}
            values = [value for it in put_off.values() for value in it]
            await self._fetch(compiled_together(tuple(put_off)), values)

    async def _run(self, statement: str, values: dict[str, Any], batch: Sequence[Row] = ()) -> list[Any]:
        it = compiled(statement)
        await self.finish()
        return await self._fetch(it.sql, _bound(it, values, batch))

    async def _copy(self, to: Appended, batch: Sequence[Row]) -> None:
        await self.finish()
        try:
            await self._connection.copy_records_to_table(to.table, records=batch, columns=to.columns)
        except TROUBLE as error:
            raise as_refusal(error) from error

    async def _fetch(self, sql: str, values: Sequence[Any]) -> list[Any]:
        try:
            found: list[Any] = await self._connection.fetch(sql, *values)
        except TROUBLE as error:
            raise as_refusal(error) from error
        return found


def _copied(statement: str, batch: Sequence[Row]) -> Appended | None:
    return appended(statement) if len(batch) >= _WORTH_A_COPY else None


def _bound(it: Compiled, values: dict[str, Any], batch: Sequence[Row]) -> list[Any]:
    columns = zip(*batch, strict=True) if batch else [()] * it.width
    return [*(values[name] for name in it.names), *columns]
