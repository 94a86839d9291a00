"""SQLite: one writer thread with group commit, readers beside it. An answer means: it is on the disk.

Work is an async function over a transaction that never waits for anything but the transaction, so the writer
thread runs it straight to its end. All work that waits while a commit is under way shares the next commit.
"""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast
from uuid import UUID

import msgspec

from deedbox.core.errors import StorageUnavailable
from deedbox.core.ids import IdSequence
from deedbox.storage.checkpoints import FALLBACK_PAGES, Checkpointer
from deedbox.storage.group_commit import Batch, GroupCommit, Job, run_to_end
from deedbox.storage.load import Load
from deedbox.storage.settling import Settle, Settling
from deedbox.storage.sqlite_errors import as_refusal
from deedbox.storage.statements import PLACEHOLDER, ROWS, Row, check_texts, statements
from deedbox.storage.stores import Stores

T = TypeVar("T")
Q = TypeVar("Q")
A = TypeVar("A")
Work = Callable[[Stores], Coroutine[Any, Any, T]]

_READERS = 4
#: Whose pages the writer reads without a call each. Readers would map them anew after each commit.
_MAPPED_BYTES = 2**31
#: Of SQLite's virtual machine, between two looks at the clock: some milliseconds at most.
_STEPS_BETWEEN_LOOKS = 10_000
_BATCH_SIZES: tuple[int, ...] = (128, 64, *range(32, 0, -1))  # of 256, SQLite would read tables as a whole
sqlite3.register_adapter(UUID, lambda identifier: identifier.bytes)
_ids = IdSequence(os.urandom)


def system_clock_ms() -> int:
    """Return the machine's clock in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the file in autocommit mode with the settings that durability rests on."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=1024)
    connection.execute("pragma busy_timeout = 5000")
    if read_only:
        connection.execute("pragma query_only = on")
    else:
        connection.execute(f"pragma mmap_size = {_MAPPED_BYTES}")
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute(f"pragma wal_autocheckpoint = {FALLBACK_PAGES}")
    # SQLite's own lower() leaves all but ASCII as it is: a search for "ärzte" would not find "Ärzte".
    connection.create_function("lower", 1, _lower, deterministic=True)
    connection.execute("pragma foreign_keys = off")
    connection.execute("pragma cache_size = -16384" if read_only else "pragma cache_size = -32768")
    return connection


def _lower(value: str | int | float | bytes | None) -> str | int | float | bytes | None:
    return value.lower() if isinstance(value, str) else value


class SQLiteTransaction:
    """Named statements on one connection, all at one moment."""

    __slots__ = ("_compiled", "_connection", "now_ms")
    nests_writes = False

    def __init__(self, connection: sqlite3.Connection, compiled: "_Compiled", now_ms: int) -> None:
        self._connection = connection
        self._compiled = compiled
        self.now_ms = now_ms

    def new_id(self) -> UUID:
        """Return an identifier for a new row."""
        return _ids.new_id(self.now_ms)

    def random_bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""
        return os.urandom(count)

    async def lock(self, names: Sequence[bytes]) -> None:
        """Do nothing: SQLite's write transactions exclude each other."""

    async def rows(self, statement: str, /, **values: Any) -> list[Row]:
        """Run the statement and return its rows; a value `among` is rows for a `/*rows*/` mark in it."""
        return self._execute(statement, values, values.pop("among", ()))[1]

    async def structs(self, statement: str, shape: type[Any], /, **values: Any) -> list[Any]:
        """Run the statement and return its rows as structs, columns matched to fields by name."""
        cursor, rows = self._execute(statement, values, values.pop("among", ()))
        names = [column[0] for column in cursor.description]
        found = [dict(zip(names, row, strict=True)) for row in rows]
        return [msgspec.convert(it, shape, strict=False, builtin_types=(bytes,)) for it in found]

    async def run(self, statement: str, /, **values: Any) -> int:
        """Run the statement and return how many rows it changed."""
        return self._execute(statement, values)[0].rowcount

    async def batch(self, statement: str, batch: Sequence[Row], /, **values: Any) -> list[Row]:
        """Run a statement that holds a `/*rows*/` mark for all rows at once and return its rows."""
        answer: list[Row] = []
        start = 0
        while start < len(batch):
            end = start + _batch_size(len(batch) - start)
            answer += self._execute(statement, values, batch[start:end])[1]
            start = end
        return answer

    async def later(self, statement: str, batch: Sequence[Row], /, **values: Any) -> None:
        """Run a batch whose answer nobody needs: at once, since nothing is far away here."""
        await self.batch(statement, batch, **values)

    def _execute(
        self, statement: str, values: dict[str, Any], batch: Sequence[Row] = ()
    ) -> tuple[sqlite3.Cursor, list[Row]]:
        sql, names = self._compiled.sql(statement, len(batch))
        bound = [values[name] for name in names]
        for row in batch:
            bound.extend(row)
        check_texts(bound)
        try:
            cursor = self._connection.execute(sql, bound)
            return cursor, cursor.fetchall()
        except sqlite3.DatabaseError as error:
            raise as_refusal(error) from error


def _batch_size(waiting: int) -> int:
    """Return how many rows go into one statement: few sizes, since each is compiled and kept."""
    return next(size for size in _BATCH_SIZES if size <= waiting)


class _Compiled:
    """Statements in SQLite's own terms, made once per statement and batch size."""

    def __init__(self) -> None:
        self._sql: dict[tuple[str, int], tuple[str, list[str]]] = {}

    def sql(self, statement: str, row_count: int) -> tuple[str, list[str]]:
        """Return SQL with numbered placeholders and the names of the values that come first."""
        key = statement, row_count
        if key not in self._sql:
            self._sql[key] = _compile(statements()[statement], row_count)
        return self._sql[key]


def _compile(source: str, row_count: int) -> tuple[str, list[str]]:
    names = list(dict.fromkeys(m[1] for m in PLACEHOLDER.finditer(source) if m[1]))
    numbers = {name: number for number, name in enumerate(names, start=1)}
    sql = PLACEHOLDER.sub(lambda m: f"?{numbers[m[1]]}" if m[1] else m[0], source)
    return ROWS.sub(lambda m: _values(m[1].count(",") + 1, row_count, len(names)), sql), names


def _values(width: int, row_count: int, taken: int) -> str:
    rows = (
        "(" + ",".join(f"?{taken + row * width + column + 1}" for column in range(width)) + ")"
        for row in range(row_count)
    )
    return "values " + ",".join(rows)


class SQLiteStorage:
    """A database file that is open. Make it with `open_storage`; `close()` ends it after the last commit."""

    #: No other process writes to this file.
    is_shared = False
    #: Time series are one table, and nothing follows the file.
    partitions = replicas = None

    def __init__(self, path: Path, clock_ms: Callable[[], int] = system_clock_ms) -> None:
        self.path = path
        #: Returns the time in epoch milliseconds.
        self.now_ms = clock_ms
        self._compiled = _Compiled()
        self._writer = connect(path)
        self._inline = connect(path, read_only=True)
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._pool = ThreadPoolExecutor(_READERS, thread_name_prefix="sqlite-reader")
        self._reading = 0
        self._settling = Settling()
        self._checkpointer = Checkpointer(path, lambda: connect(path))
        self._commits = GroupCommit(self._begin, self._end)

    def observe_commits(self, observe: Callable[[int, int, float], None]) -> None:
        """Have `observe(jobs, waiting jobs, seconds)` called after every write transaction, by its thread."""
        self._commits.observe = observe

    @property
    def load(self) -> Load:
        """How busy it is; of readers only."""
        reading = self._reading
        return Load(self._commits.waiting, max(0, reading - _READERS), min(reading, _READERS), _READERS)

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a write transaction and return its answer once it is on the disk."""
        return cast(T, await self._commits.submit(Job(work)))

    async def write_beside(self, work: Work[T], *, must_last: bool = True) -> T:
        """Run `work` as `write` does: there is one writer anyway, and others need the trip to the disk."""
        return await self.write(work)

    write_at_once = write

    def batched(
        self, work: Callable[[Stores, Sequence[Q]], Coroutine[Any, Any, Sequence[A]]]
    ) -> Callable[[Q], Awaitable[A]]:
        """Return a function that takes one item; items that wait at the same time go to `work` together."""
        kind = Batch(work)

        def submit(item: Q) -> Awaitable[A]:
            return self._commits.submit(Job(kind, item))

        return submit

    async def read(self, work: Work[T], within_s: int | None = None) -> T:
        """Run `work` on a snapshot in a reader thread. Raises InvalidValue when it takes longer."""
        if self._settling.is_incomplete:
            return await self._settling.read(work, self._commits.submit)
        self._reading += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, work, within_s)
        finally:
            self._reading -= 1

    #: There is one file.
    read_history = read

    async def look(self, work: Work[T]) -> T:
        """Run `work` at once, on the event loop: for look-ups by key, which take microseconds."""
        answer: T = run_to_end(work(self._stores(self._inline)))
        return answer

    def settle_by(self, settle: Settle) -> None:
        """Have `settle` called by `settle()`: whoever fills the journal knows what is in it."""
        self._settling.settle_by = settle

    async def settle(self, device_ids: Collection[UUID]) -> None:
        """Bring all that these devices have sent so far to where reads of time series look."""
        await self._settling.settle(device_ids)

    async def close(self) -> None:
        """Finish what was submitted, then close the file."""
        await self._commits.close()
        self._checkpointer.close()
        self._pool.shutdown()
        for connection in [*self._readers, self._inline, self._writer]:
            connection.close()
        self._checkpointer.release_file()

    def _read(self, work: Work[T], within_s: int | None) -> T:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect(self.path, read_only=True)
            self._readers.append(connection)
        connection.execute("begin")
        if within_s is not None:
            ends_at = time.monotonic() + within_s
            connection.set_progress_handler(lambda: time.monotonic() > ends_at, _STEPS_BETWEEN_LOOKS)
        try:
            answer: T = run_to_end(work(self._stores(connection)))
            return answer
        finally:
            connection.set_progress_handler(None, 0)
            connection.execute("rollback")

    def _begin(self) -> Stores:
        try:
            if self._writer.in_transaction:  # an earlier rollback failed, and must not take this one with it
                self._writer.execute("rollback")
            self._writer.execute("begin immediate")
        except sqlite3.DatabaseError as error:
            raise as_refusal(error) from error
        return self._stores(self._writer)

    def _stores(self, connection: sqlite3.Connection) -> Stores:
        return Stores(SQLiteTransaction(connection, self._compiled, self.now_ms()))

    def _end(self, command: str) -> None:
        if not self._writer.in_transaction:
            # SQLite rolls back by itself when the disk is full or fails.
            if command == "rollback":
                return
            raise StorageUnavailable
        try:
            self._writer.execute(command)
        except sqlite3.DatabaseError as error:
            raise as_refusal(error) from error
        if command == "commit":
            self._checkpointer.after_commit(self._writer)
