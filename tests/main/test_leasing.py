"""Work under a lease, with several processes' parts in it over one real database."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deedbox.core.leases import LeaseTerms
from deedbox.core.storage import Storage
from deedbox.main.leasing import Leasing
from deedbox.storage.sqlite import SQLiteStorage
from deedbox.testing.bus_suite import until
from tests.storage.postgresql_bench import (
    address_of,
    database_name,
    drop_postgresql,
    new_postgresql,
    opened_postgresql,
    run_plainly,
)
from tests.storage.sqlite_bench import new_database
from tests.storage.values_bench import DATABASES

QUICK = LeaseTerms(lasts_ms=2_000, renewed_every_ms=50, margin_ms=1_000)
NAME = "sweeping"


class Node:
    """A part in the lease: what it is doing, and what it was told."""

    def __init__(self, storage: Storage, working: list["Node"], terms: LeaseTerms = QUICK) -> None:
        self._working = working
        self.is_told = False
        self.turns = 0
        leasing = Leasing(storage, NAME, self._hear, terms)
        self.task = asyncio.create_task(leasing.while_held(self._work))

    def _hear(self, is_held: bool) -> None:
        self.is_told = is_held

    async def _work(self) -> None:
        assert self.is_told
        self.turns += 1
        self._working.append(self)
        assert self._working == [self], "two work at the same time"
        try:
            await asyncio.Event().wait()
        finally:
            self._working.remove(self)

    async def stop(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


@pytest.fixture(params=DATABASES)
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    if request.param == "sqlite":
        on_sqlite = SQLiteStorage(new_database(tmp_path))
        yield on_sqlite
        await on_sqlite.close()
        return
    url = new_postgresql()
    async with opened_postgresql(url, None) as opened:
        yield opened
    drop_postgresql(url)


async def test_one_works_at_a_time_and_who_stops_hands_over_at_once(storage: Storage) -> None:
    working: list[Node] = []
    nodes = [Node(storage, working) for _ in range(3)]
    for _ in range(3):
        await until(lambda: len(working) == 1)
        (first,) = working
        assert [it for it in nodes if it.is_told] == [first]
        nodes.remove(first)
        await first.stop()
        assert not first.is_told
    assert not working


@pytest.fixture
def url() -> Iterator[str]:
    url = new_postgresql()
    yield url
    drop_postgresql(url)


async def test_who_has_lost_its_lease_stops(url: str) -> None:
    working: list[Node] = []
    async with opened_postgresql(url, None) as storage:
        node = Node(storage, working)
        await until(lambda: bool(working))
        run_plainly(url, "update lease set holder = 'another'", ())
        await until(lambda: not working)
        assert not node.is_told
        run_plainly(url, "delete from lease", ())
        await until(lambda: node.turns == 2)
        await node.stop()
        assert run_plainly(url, "select * from lease", ()) == []


async def test_who_cannot_renew_stops_before_its_lease_has_run_out(url: str) -> None:
    """The holder is cut off from the database, and comes back."""
    working: list[Node] = []
    name = database_name(url)
    admin = address_of()("postgres")
    async with opened_postgresql(url, None) as storage:
        node = Node(storage, working, LeaseTerms(lasts_ms=60_000, renewed_every_ms=50, margin_ms=58_000))
        await until(lambda: bool(working))
        run_plainly(admin, f"alter database {name} allow_connections false", ())
        run_plainly(
            admin, "select pg_terminate_backend(pid) from pg_stat_activity where datname = ?", (name,)
        )
        await until(lambda: not working)
        assert not node.is_told
        run_plainly(admin, f"alter database {name} allow_connections true", ())
        lasts = "select expires_at > (extract(epoch from clock_timestamp()) * 1000)::bigint from lease"
        assert run_plainly(url, lasts, ()) == [(True,)]
        await until(lambda: node.turns == 2)
        await node.stop()


async def test_a_node_whose_clock_is_wrong_disturbs_nobody(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database's clock decides: the machine's goes a minute ahead and back while the lease is held."""
    working: list[Node] = []
    right_ns = time.time_ns
    async with opened_postgresql(url, None) as one, opened_postgresql(url, None) as other:
        nodes = [Node(it, working) for it in (one, other)]
        await until(lambda: len(working) == 1)
        (first,) = working
        for skew_s in (60, -60):
            monkeypatch.setattr(time, "time_ns", lambda skew_s=skew_s: right_ns() + skew_s * 10**9)
            monkeypatch.setattr(time, "time", lambda: time.time_ns() / 10**9)
            await renewed(url, 3)
        assert working == [first]
        assert [it.turns for it in nodes if it is not first] == [0]
        for node in nodes:
            await node.stop()


async def renewed(url: str, times: int) -> None:
    """Return when the lease was renewed so often."""
    ends = [run_plainly(url, "select expires_at from lease", ())]

    def is_renewed() -> bool:
        now = run_plainly(url, "select expires_at from lease", ())
        if now != ends[-1]:
            ends.append(now)
        return len(ends) > times

    await until(is_renewed)
