"""Named statements inside one transaction of PostgreSQL."""

import os
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec

from deedbox.core.ids import IdSequence
from deedbox.storage.postgresql_errors import TROUBLE, as_refusal
from deedbox.storage.postgresql_statements import compiled
from deedbox.storage.statements import Row

_LOCK = "select pg_advisory_xact_lock(name) from unnest($1::bigint[]) as name"
_ids = IdSequence(os.urandom)


class PostgreSQLTransaction:
    """A `Transaction` on one connection, at one moment of the database's clock."""

    __slots__ = ("_connection", "now_ms")
    nests_writes = True

    def __init__(self, connection: Any, now_ms: int) -> None:
        self._connection = connection
        self.now_ms = now_ms

    def new_id(self) -> UUID:
        """Return an identifier for a new row."""
        return _ids.new_id(self.now_ms)

    def random_bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""
        return os.urandom(count)

    async def lock(self, names: Sequence[bytes]) -> None:
        """Keep other transactions from these names until this one ends."""
        numbers = {int.from_bytes(blake2b(it, digest_size=8).digest(), signed=True) for it in names}
        await self._fetch(_LOCK, [sorted(numbers)])

    async def rows(self, statement: str, /, **values: Any) -> list[Row]:
        """Run the statement and return its rows."""
        return [tuple(it) for it in await self._run(statement, values)]

    async def structs(self, statement: str, shape: type[Any], /, **values: Any) -> list[Any]:
        """Run the statement and return its rows as structs, columns matched to fields by name."""
        found = [dict(it) for it in await self._run(statement, values)]
        return [msgspec.convert(it, shape, strict=False, builtin_types=(bytes,)) for it in found]

    async def run(self, statement: str, /, **values: Any) -> int:
        """Run the statement and return how many rows it changed."""
        sql, names, _ = compiled(statement)
        try:
            status = await self._connection.execute(sql, *[values[name] for name in names])
        except TROUBLE as error:
            raise as_refusal(error) from error
        return int(status.rpartition(" ")[2])

    async def batch(self, statement: str, batch: Sequence[Row], /, **values: Any) -> list[Row]:
        """Run a statement that holds a `/*rows*/` mark for all rows at once and return its rows."""
        if not batch:
            return []
        return [tuple(it) for it in await self._run(statement, values, batch)]

    async def _run(self, statement: str, values: dict[str, Any], batch: Sequence[Row] = ()) -> list[Any]:
        sql, names, width = compiled(statement)
        columns = zip(*batch, strict=True) if batch else [()] * width
        return await self._fetch(sql, [*(values[name] for name in names), *columns])

    async def _fetch(self, sql: str, values: Sequence[Any]) -> list[Any]:
        try:
            found: list[Any] = await self._connection.fetch(sql, *values)
        except TROUBLE as error:
            raise as_refusal(error) from error
        return found
