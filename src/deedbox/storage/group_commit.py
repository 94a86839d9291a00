"""Group commit: a writer thread takes all waiting work into one transaction and answers after the commit.

There is no timer: the next transaction begins when the last one has ended, so a lone writer waits for nobody
and a crowd shares one trip to the disk.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from deedbox.core.errors import StorageUnavailable
from deedbox.storage.stores import Stores

_MOST_JOBS = 1024


class Batch:
    """A kind of work that takes many items at once. Jobs of one kind in one commit run as one call."""

    __slots__ = ("work",)

    def __init__(self, work: Callable[[Stores, Sequence[Any]], Coroutine[Any, Any, Sequence[Any]]]) -> None:
        self.work = work


class Job:
    """Work that waits for its commit: a function of the transaction, or an item for a batch."""

    __slots__ = ("answer", "error", "future", "item", "loop", "work")

    def __init__(self, work: Any, item: Any = None) -> None:
        self.work = work
        self.item = item
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.answer: Any = None
        self.error: BaseException | None = None


class GroupCommit:
    """The writer thread. `begin` starts a transaction, `end` runs what ends it or its savepoints."""

    def __init__(self, begin: Callable[[], Stores], end: Callable[[str], None]) -> None:
        self._begin = begin
        self._end = end
        #: Hears of every transaction: how many jobs shared it, how many wait by now, seconds it took.
        self.observe: Callable[[int, int, float], None] = _ignore
        self._waiting: deque[Job] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many jobs wait for the next transaction."""
        return len(self._waiting)

    def submit(self, job: Job) -> "asyncio.Future[Any]":
        """Queue the job; its future has its answer after the commit, or what its work raised.

        Raises StorageUnavailable after `close()`.
        """
        with self._wake:
            if self._closing:
                raise StorageUnavailable("The server is stopping. Nothing was changed; try again later.")
            self._waiting.append(job)
            self._wake.notify()
        # A caller that goes away cancels its future only, not its work: that may be in a commit already.
        return job.future

    async def close(self) -> None:
        """Commit what waits, then end the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closing:
                    self._wake.wait()
                jobs = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_JOBS))]
            if not jobs:
                return
            began = time.perf_counter()
            self._commit(jobs)
            duration_s = time.perf_counter() - began
            _answer(jobs)
            with suppress(Exception):  # whoever counts must not end the thread that writes
                self.observe(len(jobs), len(self._waiting), duration_s)

    def _commit(self, jobs: Sequence[Job]) -> None:
        try:
            stores = self._begin()
            for work, group in _by_kind(jobs):
                self._apply(stores, work, group)
            self._end("commit")
        except BaseException as error:
            # Nothing was stored: not one of these jobs may look as if it had been.
            for job in jobs:
                job.error = job.error or error
            # Where even this fails, `begin` tries again; the thread must live to answer.
            with suppress(Exception):
                self._end("rollback")

    def _apply(self, stores: Stores, work: Any, group: Sequence[Job]) -> None:
        try:
            self._in_savepoint(stores, work, group)
        except StorageUnavailable:
            raise  # a full disk may have ended the whole transaction: nobody's work is safe in it
        except Exception as error:
            if len(group) == 1:
                group[0].error = error
                return
            # One bad item must not spoil the others that happened to wait beside it.
            for job in group:
                self._apply(stores, work, [job])

    def _in_savepoint(self, stores: Stores, work: Any, group: Sequence[Job]) -> None:
        self._end("savepoint job")
        try:
            answers = _answers(stores, work, group)
        except BaseException:
            self._end("rollback to job")
            self._end("release job")
            raise
        self._end("release job")
        for job, answer in zip(group, answers, strict=True):
            job.answer = answer


def _ignore(_jobs: int, _waiting: int, _duration_s: float) -> None:
    pass


def _by_kind(jobs: Sequence[Job]) -> list[tuple[Any, list[Job]]]:
    groups: dict[Any, list[Job]] = {}
    for job in jobs:
        key = job.work if isinstance(job.work, Batch) else job
        groups.setdefault(key, []).append(job)
    return [(group[0].work, group) for group in groups.values()]


def _answers(stores: Stores, work: Any, group: Sequence[Job]) -> Sequence[Any]:
    if isinstance(work, Batch):
        answers: Sequence[Any] = run_to_end(work.work(stores, [job.item for job in group]))
        if len(answers) != len(group):
            raise RuntimeError(f"{len(group)} items got {len(answers)} answers")
        return answers
    return [run_to_end(work(stores))]


def run_to_end(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that waits for nothing outside its transaction. Raises RuntimeError if it does."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    work.close()
    raise RuntimeError("work in a transaction may only wait for its transaction")


def _answer(jobs: Sequence[Job]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, group in by_loop.items():
        with suppress(RuntimeError):  # the loop has been closed: nobody waits there any more
            loop.call_soon_threadsafe(_resolve, group)


def _resolve(jobs: Sequence[Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if job.error is None:
            job.future.set_result(job.answer)
        else:
            job.future.set_exception(job.error)
