"""Group commit: an answer means stored, one bad job spoils no other, the writer outlives every failure."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from deedbox.core.errors import NotFound, StorageUnavailable
from deedbox.storage.group_commit import Batch, GroupCommit, Job


class Log:
    """A database of one list: keeps what was committed, and every command; `gate` holds commits back."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.kept: list[Any] = []
        self.gate = threading.Event()
        self.gate.set()
        self.committing = threading.Event()
        self.failing: dict[str, BaseException] = {}
        self._pending: list[Any] = []
        self._savepoint = 0

    def begin(self) -> Any:
        self._do("begin")
        self._pending = []
        return self._pending

    def end(self, command: str) -> None:
        if command == "commit":
            self.committing.set()
            self.gate.wait(10)
        self._do(command)
        match command:
            case "savepoint job":
                self._savepoint = len(self._pending)
            case "rollback to job":
                del self._pending[self._savepoint :]
            case "commit":
                self.kept += self._pending

    def _do(self, command: str) -> None:
        self.commands.append(command)
        if command in self.failing:
            raise self.failing.pop(command)


def note(value: Any) -> Any:
    """Return work that stores a value and answers it."""

    async def work(pending: list[Any]) -> Any:
        pending.append(value)
        return value

    return work


async def note_all(pending: Any, values: Sequence[Any]) -> Sequence[Any]:
    """A batch that stores its values, and refuses all of them when one is "bad"."""
    pending.extend(values)
    if "bad" in values:
        raise NotFound
    return values


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def commits(log: Log) -> GroupCommit:
    return GroupCommit(log.begin, log.end)


async def held_back(log: Log, commits: GroupCommit) -> asyncio.Future[Any]:
    """Start a job whose commit waits for the gate, so that what follows has to wait together."""
    log.gate.clear()
    first = commits.submit(Job(note("first")))
    await asyncio.to_thread(log.committing.wait, 10)
    return first


async def test_an_answer_comes_after_the_commit(log: Log, commits: GroupCommit) -> None:
    """Behaviour §2.6."""
    first = await held_back(log, commits)
    assert not first.done()
    log.gate.set()
    assert await first == "first"
    assert log.kept == ["first"]


async def test_what_waits_together_shares_a_commit(log: Log, commits: GroupCommit) -> None:
    first = await held_back(log, commits)
    kind = Batch(note_all)
    waiting = [asyncio.ensure_future(commits.submit(Job(kind, value))) for value in range(5)]
    waiting.append(asyncio.ensure_future(commits.submit(Job(note("alone")))))
    await asyncio.sleep(0)
    log.gate.set()
    assert await asyncio.gather(first, *waiting) == ["first", 0, 1, 2, 3, 4, "alone"]
    assert log.commands.count("commit") == 2
    assert log.commands.count("savepoint job") == 3


async def test_one_bad_item_spoils_no_other(log: Log, commits: GroupCommit) -> None:
    first = await held_back(log, commits)
    kind = Batch(note_all)
    waiting = [asyncio.ensure_future(commits.submit(Job(kind, value))) for value in (1, "bad", 2)]
    await asyncio.sleep(0)
    log.gate.set()
    one, bad, two = await asyncio.gather(*waiting, return_exceptions=True)
    assert (one, two, type(bad)) == (1, 2, NotFound)
    assert await first
    assert log.kept == ["first", 1, 2]


async def test_a_batch_that_answers_too_few_stores_nothing(log: Log, commits: GroupCommit) -> None:
    async def forgetful(pending: Any, values: Sequence[Any]) -> Sequence[Any]:
        pending.extend(values)
        return []

    with pytest.raises(RuntimeError, match="1 items got 0 answers"):
        await commits.submit(Job(Batch(forgetful), 1))
    assert log.kept == []


async def test_work_must_not_wait_for_the_world(log: Log, commits: GroupCommit) -> None:
    async def waits(pending: list[Any]) -> None:
        pending.append("never")
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="may only wait for its transaction"):
        await commits.submit(Job(waits))
    assert log.kept == []


@pytest.mark.parametrize("failing", [["begin"], ["commit"], ["commit", "rollback"], ["savepoint job"]])
async def test_the_writer_outlives_a_database_that_fails(
    log: Log, commits: GroupCommit, failing: list[str]
) -> None:
    """Nothing is stored and everybody hears of it; the next job works."""
    log.failing = {command: StorageUnavailable() for command in failing}
    with pytest.raises(StorageUnavailable):
        await commits.submit(Job(note("lost")))
    assert await commits.submit(Job(note("kept"))) == "kept"
    assert log.kept == ["kept"]


async def test_a_failed_commit_is_told_to_all_who_shared_it(log: Log, commits: GroupCommit) -> None:
    first = await held_back(log, commits)
    waiting = [asyncio.ensure_future(commits.submit(Job(note(value)))) for value in range(3)]
    await asyncio.sleep(0)
    log.gate.set()
    await first
    log.failing = {}
    assert await asyncio.gather(*waiting) == [0, 1, 2]
    log.failing = {"commit": StorageUnavailable()}
    told = await asyncio.gather(*(commits.submit(Job(note(9))) for _ in range(3)), return_exceptions=True)
    assert any(isinstance(it, StorageUnavailable) for it in told)
    assert log.kept.count(9) == sum(it == 9 for it in told)


async def test_a_caller_that_goes_away_leaves_its_work_and_the_others_alone(
    log: Log, commits: GroupCommit
) -> None:
    first = await held_back(log, commits)
    gone = asyncio.ensure_future(commits.submit(Job(note("gone"))))
    stays = asyncio.ensure_future(commits.submit(Job(note("stays"))))
    await asyncio.sleep(0)
    gone.cancel()
    log.gate.set()
    assert [await first, await stays] == ["first", "stays"]
    assert gone.cancelled()
    assert log.kept == ["first", "gone", "stays"]


async def test_the_writer_outlives_a_loop_that_was_closed(log: Log, commits: GroupCommit) -> None:
    log.gate.clear()
    loop = asyncio.new_event_loop()

    async def submit_and_leave() -> asyncio.Future[Any]:
        return commits.submit(Job(note("nobody waits")))

    def live_and_die() -> None:
        answer = loop.run_until_complete(submit_and_leave())
        answer.cancel()
        loop.run_until_complete(asyncio.gather(answer, return_exceptions=True))
        loop.close()

    await asyncio.to_thread(live_and_die)
    log.gate.set()
    assert await commits.submit(Job(note("next"))) == "next"
    assert log.kept == ["nobody waits", "next"]


async def test_an_observer_that_fails_does_not_end_the_writer(log: Log, commits: GroupCommit) -> None:
    def fails(jobs: int, waiting: int, seconds: float) -> None:
        raise ZeroDivisionError

    commits.observe = fails
    assert [await commits.submit(Job(note(value))) for value in (1, 2)] == [1, 2]


async def test_closing_finishes_what_waits_and_takes_nothing_more(log: Log, commits: GroupCommit) -> None:
    first = await held_back(log, commits)
    waiting = [asyncio.ensure_future(commits.submit(Job(note(value)))) for value in range(3)]
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(commits.close())
    await asyncio.sleep(0)
    with pytest.raises(StorageUnavailable):
        await commits.submit(Job(note("too late")))
    log.gate.set()
    await closing
    assert [await it for it in [first, *waiting]] == ["first", 0, 1, 2]
    assert log.kept == ["first", 0, 1, 2]
    await commits.close()
