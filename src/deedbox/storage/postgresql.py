"""PostgreSQL: writers exclude each other where they decide by what they read, all else runs side by side.

SQLite has one writer, and much of the core rests on that: it reads, decides, writes. Here `write` takes one
lock of the whole database, so that it means the same, on any number of nodes. What is hot does without:
batches of claims, announcements and reports hold the lock together, shared, and lock rows and budgets
themselves; `write_beside` takes no lock at all.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar
from uuid import UUID

from deedbox.core.errors import StorageUnavailable
from deedbox.storage.coalescing import Coalescer
from deedbox.storage.load import Load
from deedbox.storage.pool_options import PoolOptions
from deedbox.storage.postgresql_attempts import begun, committed, rolled_back, told, too_slow_beyond, tried
from deedbox.storage.postgresql_errors import TROUBLE, as_refusal
from deedbox.storage.postgresql_growth import Growth
from deedbox.storage.postgresql_partitions import PostgreSQLPartitions
from deedbox.storage.postgresql_pool import DatabaseClock, Pool, open_pool
from deedbox.storage.postgresql_replicas import IDENTITY, POSITION, Replicas
from deedbox.storage.postgresql_transactions import PostgreSQLTransaction
from deedbox.storage.stores import Stores

T = TypeVar("T")
Q = TypeVar("Q")
A = TypeVar("A")
Work = Callable[[Stores], Coroutine[Any, Any, T]]

_ACQUIRE_S = 10.0
# Session settings would not survive PgBouncer, so each transaction brings its own. A node that vanished from
# the network with the lock in its hand must not stop all others for longer than this.
# Tables that grow are read by indexes, as on SQLite, even if the planner still takes them for small.
_BEGIN = (
    "begin; set local lock_timeout = '10s'; set local idle_in_transaction_session_timeout = '15s'; "
    "set local enable_seqscan = off; set local jit = off"
)
_BEGIN_READING = "begin isolation level repeatable read read only"
_NOW = "(extract(epoch from clock_timestamp()) * 1000)::bigint"
# "deedbox" in ASCII. The clock is read behind the lock: whoever comes second sees a later moment.
_LOCK = 0x64656564626F78
_ALONE = f"select {_NOW} from pg_advisory_xact_lock({_LOCK})"  # noqa: S608 - made of our own constants
_TOGETHER = f"select {_NOW} from pg_advisory_xact_lock_shared({_LOCK})"  # noqa: S608 - as above
_BESIDE = f"select {_NOW}"
# Committed, but not waited for: all that is committed later reaches the disk no sooner.
_LOOSELY = f"select {_NOW} from set_config('synchronous_commit', 'off', true)"  # noqa: S608 - as above


class PostgreSQLStorage:
    """A database that is open. Make it with `open_storage`; `close()` ends it after the last commit."""

    #: Other processes may write to this database at the same time.
    is_shared = True

    def __init__(
        self, pool: Pool, options: PoolOptions, clock: DatabaseClock, clock_ms: Callable[[], int] | None
    ) -> None:
        self._pool = pool
        self._is_prepared = options.prepared_statements
        self._clock = clock
        self._clock_ms = clock_ms
        self._observe: Callable[[int, int, float], None] = _ignore
        self._settle: Callable[[Collection[UUID]], Awaitable[None]] = _nothing_to_settle
        # Whoever waits for the lock in the database holds a connection: one of each process is enough.
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._coalescers: list[Coalescer] = []
        self._under_way: set[asyncio.Task[Any]] = set()
        self._is_closing = False
        self._growth = Growth(self._connection, is_prepared=options.prepared_statements)
        #: Time series by time.
        self.partitions = PostgreSQLPartitions(self._connection)
        #: Servers that follow, where the past may be read.
        self.replicas = Replicas(options, lambda: self._ask(IDENTITY))
        # For `load`: who waits for a connection; how many got one so far, and how long they waited for it.
        self._acquiring = self._uses = 0
        self._wait_s = 0.0

    @classmethod
    async def open(
        cls, url: str, options: PoolOptions, clock_ms: Callable[[], int] | None = None
    ) -> "PostgreSQLStorage":
        """Connect. With `clock_ms`, that clock counts instead of the database's: for tests.

        Raises StorageUnavailable when the database can't be reached.
        """
        clock = DatabaseClock()
        storage = cls(await open_pool(url, options, clock), options, clock, clock_ms)
        storage.replicas.open()
        return storage

    def now_ms(self) -> int:
        """Return the database's time in epoch milliseconds, as it was last heard, carried on."""
        return self._clock.now_ms() if self._clock_ms is None else self._clock_ms()

    def observe_commits(self, observe: Callable[[int, int, float], None]) -> None:
        """Have `observe(jobs, waiting jobs, seconds)` called after every write transaction."""
        self._observe = observe

    @property
    def load(self) -> Load:
        """How busy it is."""
        waiting = self._waiting + sum(it.waiting for it in self._coalescers)
        size, most = self._pool.get_size(), self._pool.get_max_size()
        in_use = size - self._pool.get_idle_size()
        return Load(waiting, self._acquiring, in_use, most, self._uses, self._wait_s)

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction that no other `write` and no batch runs beside."""
        return await self._kept(self._write_alone(work))

    async def write_beside(self, work: Work[T], *, must_last: bool = True) -> T:
        """Run `work` in a transaction beside all others; without `must_last` nobody waits for the disk."""
        return await self._kept(self._transact(_BESIDE if must_last else _LOOSELY, work))

    async def write_at_once(self, work: Work[T]) -> T:
        """Run `work`, which is a single statement, without a transaction around it."""
        if not self._is_prepared:  # then a statement is two trips, which have to meet the same connection
            return await self.write_beside(work)
        return await self._kept(self._counted(lambda: self._try_at_once(work)))

    def batched(
        self, work: Callable[[Stores, Sequence[Q]], Coroutine[Any, Any, Sequence[A]]]
    ) -> Callable[[Q], Awaitable[A]]:
        """Return a function that takes one item; items that wait at the same time go to `work` together."""

        async def store(items: Sequence[Q], waiting: int) -> Sequence[A]:
            return await self._transact(_TOGETHER, lambda it: work(it, items), len(items), waiting)

        coalescer = Coalescer(store)
        self._coalescers.append(coalescer)
        return coalescer.submit

    async def read(self, work: Work[T], within_s: int | None = None) -> T:
        """Run `work` on a snapshot. Raises InvalidValue when it takes longer than `within_s` seconds."""
        with too_slow_beyond(within_s):
            async with asyncio.timeout(within_s):
                return await self._look(work, _begin_reading(within_s))

    async def read_history(self, work: Work[T], within_s: int | None = None) -> T:
        """Run `work` as `read` does, on a replica where one has all that was stored before."""

        async def run(connection: Any) -> T:
            with too_slow_beyond(within_s):
                return await self._look_on(connection, work, _begin_reading(within_s))

        if self.replicas.are_there:
            for answer in await self.replicas.read(lambda: self._ask(POSITION), run, within_s):
                return answer
        return await self.read(work, within_s)

    async def look(self, work: Work[T]) -> T:
        """Run `work` at once: for look-ups of a few rows by key."""
        # Without names of their own, statements of one connection belong together only inside a transaction.
        return await self._look(work, None if self._is_prepared else _BEGIN_READING)

    def settle_by(self, settle: Callable[[Collection[UUID]], Awaitable[None]]) -> None:
        """Have `settle` called by `settle()`: whoever fills the journal knows what is in it."""
        self._settle = settle

    async def settle(self, device_ids: Collection[UUID]) -> None:
        """Bring all that these devices have sent so far to where reads of time series look."""
        await self._settle(device_ids)

    async def close(self) -> None:
        """Finish what was submitted, then disconnect."""
        self._is_closing = True
        for coalescer in self._coalescers:
            await coalescer.close()
        while self._under_way:
            await asyncio.wait(self._under_way)
        await self._growth.close()
        await self.replicas.close()
        try:
            async with asyncio.timeout(_ACQUIRE_S):
                await self._pool.close()
        except (TimeoutError, *TROUBLE):
            self._pool.terminate()

    async def _kept(self, work: Coroutine[Any, Any, T]) -> T:
        """Let `work` go on to its end even when the caller goes away: it may be in its commit."""
        if self._is_closing:
            work.close()
            raise StorageUnavailable("The server is stopping. Nothing was changed; try again later.")
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _write_alone(self, work: Work[T]) -> T:
        self._waiting += 1
        async with self._turn:
            self._waiting -= 1
            return await self._transact(_ALONE, work, 1, self._waiting)

    async def _transact(self, opening: str, work: Work[T], jobs: int = 1, waiting: int = 0) -> T:
        return await self._counted(lambda: self._try(opening, work), jobs, waiting)

    async def _counted(self, attempt: Callable[[], Awaitable[T]], jobs: int = 1, waiting: int = 0) -> T:
        began_s = time.perf_counter()
        answer = await tried(attempt)
        with suppress(Exception):  # whoever counts must not spoil what was stored
            self._observe(jobs, waiting, time.perf_counter() - began_s)
        self._growth.written()
        return answer

    async def _try(self, opening: str, work: Work[T]) -> T:
        async with self._connection() as connection:
            async with begun(connection, _BEGIN):
                now_ms = await _first(connection, opening)
                self._clock.heard(now_ms)
                moment_ms = now_ms if self._clock_ms is None else self._clock_ms()
                transaction = PostgreSQLTransaction(connection, moment_ms)
                answer = await work(Stores(transaction))
                await transaction.finish()
            await committed(connection)
            return answer

    async def _try_at_once(self, work: Work[T]) -> T:
        async with self._connection() as connection:
            return await work(Stores(PostgreSQLTransaction(connection, self.now_ms())))

    async def _look(self, work: Work[T], begin: str | None) -> T:
        async def once() -> T:
            async with self._connection() as connection:
                return await self._look_on(connection, work, begin)

        return await tried(once)

    async def _look_on(self, connection: Any, work: Work[T], begin: str | None) -> T:
        stores = Stores(PostgreSQLTransaction(connection, self.now_ms()))
        if begin is None:
            return await work(stores)
        async with begun(connection, begin):
            answer = await work(stores)
        await rolled_back(connection)
        return answer

    async def _ask(self, sql: str) -> str:
        async def once() -> str:
            async with self._connection() as connection:
                try:
                    return str(await told(connection, sql, is_prepared=self._is_prepared))
                except TROUBLE as error:
                    raise as_refusal(error) from error

        return await tried(once)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        began_s = time.perf_counter()
        self._acquiring += 1
        try:
            connection = await self._pool.acquire(timeout=_ACQUIRE_S)
        except TROUBLE as error:
            raise as_refusal(error) from error
        finally:
            self._acquiring -= 1
            self._uses += 1
            self._wait_s += time.perf_counter() - began_s
        try:
            yield connection
        finally:
            with suppress(*TROUBLE):
                await self._pool.release(connection)


def _begin_reading(within_s: int | None) -> str:
    if within_s is None:
        return _BEGIN_READING
    return f"{_BEGIN_READING}; set local statement_timeout = {within_s * 1000}"


async def _first(connection: Any, sql: str) -> int:
    return int(await connection.fetchval(sql))


async def _nothing_to_settle(_: Collection[UUID]) -> None:
    pass


def _ignore(_jobs: int, _waiting: int, _duration_s: float) -> None:
    pass
