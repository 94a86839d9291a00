"""Has PostgreSQL look again at tables that grew fast: plans of when they were small would read them whole.

Autovacuum does that, too, once a minute. An import makes hundreds of thousands of rows in a minute.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from deedbox.core.errors import StorageUnavailable
from deedbox.storage.postgresql_attempts import told
from deedbox.storage.postgresql_errors import TROUBLE

_EVERY_S = 2.0
# Four times as many rows as when it was last analyzed; not what empties as fast as it fills, as the journal.
_GROWN = """
select string_agg(quote_ident(s.relname), ', ')
from pg_stat_user_tables s join pg_class c on c.oid = s.relid
where s.schemaname = current_schema() and c.relkind = 'r' and s.n_tup_del < s.n_live_tup
  and s.n_live_tup > 4 * greatest(c.reltuples, 250)
"""


class Growth:
    """Looks now and then, while somebody writes, which tables have grown, and has them analyzed."""

    def __init__(
        self, connect: Callable[[], AbstractAsyncContextManager[Any]], *, is_prepared: bool = True
    ) -> None:
        self._connect = connect
        self._is_prepared = is_prepared
        self._next_s = time.monotonic() + _EVERY_S
        self._looking: asyncio.Task[None] | None = None

    def written(self) -> None:
        """Something was written: look, beside all else, if it was not done lately."""
        if time.monotonic() >= self._next_s:
            self._next_s = float("inf")
            self._looking = asyncio.get_running_loop().create_task(self._look_at_times())

    async def look(self) -> None:
        """Have those tables analyzed that have grown. Nobody waits for what that locks."""
        async with self._connect() as connection:
            if tables := await told(connection, _GROWN, is_prepared=self._is_prepared):
                await connection.execute(f"analyze (skip_locked) {tables}")

    async def close(self) -> None:
        """Wait for a look that is under way; begin none."""
        self._next_s = float("inf")
        if self._looking is not None:
            await self._looking
        self._next_s = float("inf")

    async def _look_at_times(self) -> None:
        # It makes things faster, and nothing right: what goes wrong here must not be anybody's trouble.
        with suppress(StorageUnavailable, *TROUBLE):
            await self.look()
        self._next_s = time.monotonic() + _EVERY_S
