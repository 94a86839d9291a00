"""Scheduled works run side by side, whatever one of them does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deedbox.core.errors import StorageUnavailable
from deedbox.core.storage import Storage
from deedbox.main import housekeeping
from deedbox.main.housekeeping import ScheduledWork, keep_house
from deedbox.storage.sqlite import SQLiteStorage
from deedbox.testing.bus_suite import until
from tests.storage.postgresql_bench import drop_postgresql, new_postgresql, opened_postgresql, run_plainly
from tests.storage.sqlite_bench import new_database


class Chore:
    """Work that fails as often as it is told to, then counts what it did."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)
        self.done = 0

    async def bite(self) -> float:
        if self._failures:
            raise self._failures.pop()
        self.done += 1
        return 0.01


@contextlib.asynccontextmanager
async def housekept(storage: Storage, *chores: Chore) -> AsyncIterator[list[bool]]:
    """Yield what was told about the lease."""
    told: list[bool] = []
    works = [ScheduledWork(f"chore {number}", it.bite) for number, it in enumerate(chores)]
    keeping = asyncio.create_task(keep_house(storage, works, told.append))
    yield told
    keeping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await keeping


async def test_work_that_fails_is_done_later_and_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_AFTER_TROUBLE_S", 0.05)
    monkeypatch.setattr(housekeeping, "_AFTER_MISTAKES_S", 0.05)
    storage = SQLiteStorage(new_database(tmp_path))
    good, bad = Chore(), Chore(RuntimeError("a mistake"), StorageUnavailable("The disk is full."))
    async with housekept(storage, good, bad):
        await until(lambda: good.done > 3 and bad.done > 3)
    await storage.close()


async def test_on_sqlite_nothing_is_written_for_a_lease(tmp_path: Path) -> None:
    commits: list[int] = []
    storage = SQLiteStorage(new_database(tmp_path))
    storage.observe_commits(lambda jobs, _waiting, _duration_s: commits.append(jobs))
    chore = Chore()
    async with housekept(storage, chore) as told:
        await until(lambda: chore.done > 3)
    assert (told, commits) == ([True], [])
    await storage.close()


async def test_on_postgresql_the_lease_is_taken_and_given_back() -> None:
    url = new_postgresql()
    chore = Chore()
    async with opened_postgresql(url, None) as storage:
        async with housekept(storage, chore) as told:
            await until(lambda: chore.done > 3)
            assert run_plainly(url, "select name from lease", ()) == [("scheduled_work",)]
        assert told == [False, True, False]
    assert run_plainly(url, "select name from lease", ()) == []
    drop_postgresql(url)
