"""Replicas of PostgreSQL: the past is read on one that has seen all that was stored before it was asked for.

Nothing depends on a replica. One that lags, refuses, hangs or is gone costs a read some time, and the primary
answers it.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from deedbox.core.errors import StorageUnavailable
from deedbox.storage.pool_options import PoolOptions
from deedbox.storage.postgresql_attempts import told
from deedbox.storage.postgresql_errors import IN_THE_WAY, TROUBLE, TryAgain
from deedbox.storage.postgresql_pool import DatabaseClock, Pool, open_pool

T = TypeVar("T")

_log = logging.getLogger(__name__)

#: Which cluster of databases a server belongs to, and which database of it this is.
IDENTITY = """
select system_identifier::text || ' ' || current_database() from pg_control_system()
"""
#: Where everything that was committed before ends. What was flushed would not do: some commits do not wait.
POSITION = "select pg_current_wal_insert_lsn()::text"
_HAS_REACHED = "select pg_is_in_recovery() and pg_last_wal_replay_lsn() >= $1::text::pg_lsn"
_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.002, 0.02
_CONNECT_AGAIN_S = 5.0
#: A replica that lagged too much for one read is not waited for by those that follow, for so long.
_REST_S = 1.0
#: What the network may take on top of what was asked for.
_GRACE_S = 1.0
#: How long a read may take that says nothing about it; as statements elsewhere.
_LONGEST_READ_S = 60.0


class Replicas:
    """Takes turns among replicas. `identity()` says which database they have to be copies of."""

    def __init__(self, options: PoolOptions, identity: Callable[[], Awaitable[str]]) -> None:
        wait_s = options.replica_wait_ms / 1000
        self._replicas = [
            _Replica(number, options, wait_s, identity) for number in range(len(options.replica_urls))
        ]
        self._turn = 0
        #: Called with `replica` or `primary` for each read that a replica could have answered.
        self.observe: Callable[[str], None] = _ignore

    @property
    def are_there(self) -> bool:
        """Whether any are named."""
        return bool(self._replicas)

    def open(self) -> None:
        """Begin to connect; nobody waits for it."""
        for it in self._replicas:
            it.connect()

    async def close(self) -> None:
        """Disconnect."""
        for it in self._replicas:
            await it.close()

    async def read(
        self, position: Callable[[], Awaitable[str]], run: Callable[[Any], Awaitable[T]], within_s: int | None
    ) -> list[T]:
        """Return the answer of `run(connection)` on a replica, or nothing where the primary has to answer.

        The replica has everything that was committed when `position()` was asked.
        """
        found = await self._read(position, run, within_s)
        self.observe("replica" if found else "primary")
        return found

    async def _read(
        self, position: Callable[[], Awaitable[str]], run: Callable[[Any], Awaitable[T]], within_s: int | None
    ) -> list[T]:
        ready = [it for it in self._replicas if it.is_ready]
        if not ready:
            return []
        self._turn += 1
        return await ready[self._turn % len(ready)].read(await position(), run, within_s)


class _Replica:
    """One replica: connects again by itself when it was lost."""

    def __init__(
        self, number: int, options: PoolOptions, wait_s: float, identity: Callable[[], Awaitable[str]]
    ) -> None:
        self._number = number
        self._options = options
        self._wait_s = wait_s
        self._identity = identity
        self._pool: Pool | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._rests_until_s = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether it is worth asking."""
        return self._pool is not None and time.monotonic() >= self._rests_until_s

    async def read(self, position: str, run: Callable[[Any], Awaitable[T]], within_s: int | None) -> list[T]:
        """Return the answer of `run(connection)`, or nothing."""
        pool = self._pool
        reading = asyncio.ensure_future(self._read(position, run))
        try:
            limit_s = self._wait_s + (within_s or _LONGEST_READ_S) + _GRACE_S
            done, _ = await asyncio.wait([reading], timeout=limit_s)
            return reading.result() if done else self._hangs(reading, pool)
        except asyncio.CancelledError:
            reading.cancel()
            raise
        except (*TROUBLE, TryAgain, StorageUnavailable) as error:
            # A conflict with what has to be replayed is no fault of the connection.
            if not isinstance(error.__cause__ or error, IN_THE_WAY):
                self._lost(pool, error)
            return []

    async def _read(self, position: str, run: Callable[[Any], Awaitable[T]]) -> list[T]:
        async with self._connection() as connection:
            if await self._catches_up(connection, position):
                return [await run(connection)]
        self._rests_until_s = time.monotonic() + _REST_S
        return []

    def _hangs(self, reading: asyncio.Future[list[T]], pool: Pool | None) -> list[T]:
        """Leave a read alone that nobody answers; to roll it back would be waiting again."""
        reading.add_done_callback(_forget)
        self._lost(pool, TimeoutError("it does not answer"))
        return []

    def connect(self) -> None:
        """Connect in the background, again and again until it works."""
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def close(self) -> None:
        """Disconnect."""
        if self._connecting:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        if self._pool:
            with contextlib.suppress(*TROUBLE):
                await asyncio.wait_for(self._pool.close(), _GRACE_S)
            self._pool.terminate()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        if self._pool is None:
            raise StorageUnavailable
        pool = self._pool
        connection = await pool.acquire(timeout=self._wait_s + _GRACE_S)
        try:
            yield connection
        finally:
            with contextlib.suppress(*TROUBLE):
                await pool.release(connection, timeout=_GRACE_S)

    async def _catches_up(self, connection: Any, position: str) -> bool:
        """Wait until the replica has replayed what comes before `position`; tell whether it has."""
        ends_at_s, pause_s = time.monotonic() + self._wait_s, _FIRST_LOOK_S
        while not await self._told(connection, _HAS_REACHED, position):
            if time.monotonic() + pause_s > ends_at_s:
                return False
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_LOOK_S)
        return True

    async def _told(self, connection: Any, sql: str, *values: str) -> Any:
        async with asyncio.timeout(self._wait_s + _GRACE_S):
            return await told(connection, sql, *values, is_prepared=self._options.prepared_statements)

    def _lost(self, pool: Pool | None, error: BaseException) -> None:
        """Connect anew, if nobody has begun to."""
        if pool is None or pool is not self._pool:
            return
        _log.warning(
            "replica %d of database.replica_urls is left out for now: %s",
            self._number + 1,
            _why(error.__cause__ or error),
        )
        self._pool = None
        pool.terminate()
        self.connect()

    async def _connect(self) -> None:
        is_told = False
        while self._pool is None:
            try:
                self._pool = await self._opened()
                _log.info("replica %d of database.replica_urls answers", self._number + 1)
            except (*TROUBLE, StorageUnavailable) as error:
                if not is_told:
                    _log.warning("replica %d of database.replica_urls: %s", self._number + 1, _why(error))
                is_told = True
                await asyncio.sleep(_CONNECT_AGAIN_S)

    async def _opened(self) -> Pool:
        # A clock of its own: that of the primary decides.
        pool = await open_pool(self._options.replica_urls[self._number], self._options, DatabaseClock())
        try:
            async with pool.acquire() as connection:
                identity = await self._told(connection, IDENTITY)
            if identity != await self._identity():
                raise StorageUnavailable("This is not a replica of the database that database.url names.")
        except BaseException:
            pool.terminate()
            raise
        return pool


def _forget(reading: asyncio.Future[Any]) -> None:
    reading.cancelled() or reading.exception()


def _why(error: BaseException) -> str:
    return error.message if isinstance(error, StorageUnavailable) else str(error) or type(error).__name__


def _ignore(_: str) -> None:
    pass
