"""Reads of the past on a real replica: never less than was acknowledged, and never a refusal for its sake."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any
from uuid import uuid4

import pytest

from deedbox.core.errors import InvalidValue, NotFound
from deedbox.core.holders import Extent
from deedbox.core.telemetry import LATEST_TS, Point, Recording, Span
from deedbox.storage import postgresql_replicas
from deedbox.storage.pool_options import PoolOptions
from deedbox.storage.postgresql import PostgreSQLStorage
from deedbox.storage.stores import Stores
from tests.storage.replicated import Replicated, replicated

ALL = Span(0, LATEST_TS + 1, 10_000, False)
_LONGEST_S = 60


@pytest.fixture(scope="module")
def servers() -> Iterator[Replicated]:
    with replicated() as both:
        yield both


class Reader:
    """A node that reads on the replica; `seen` tells where each read was answered."""

    def __init__(self, storage: PostgreSQLStorage) -> None:
        self.storage = storage
        self.entity_id = uuid4()
        self.seen: list[str] = []
        storage.replicas.observe = self.seen.append

    async def store(self, ts: int, *, must_last: bool = True) -> None:
        """Store a point."""
        told = [Recording(self.entity_id, [Point("t", ts, ts)], on_device=False)]
        await self.storage.write_beside(lambda it: it.time_series.write_points(told), must_last=must_last)

    async def history(self, within_s: int | None = 20) -> list[int]:
        """Return the moments of all points."""
        found = await self.storage.read_history(
            lambda it: it.time_series.points(self.entity_id, "t", Extent(0, 0), ALL), within_s
        )
        return [it.ts for it in found]

    async def until_on_replica(self) -> None:
        """Read until the replica answers."""
        async with asyncio.timeout(_LONGEST_S):
            while not self.seen or self.seen[-1] != "replica":
                await self.history()
                await asyncio.sleep(0.01)


@asynccontextmanager
async def opened(
    servers: Replicated, *urls: str, wait_ms: int = 10_000, is_prepared: bool = True
) -> AsyncIterator[Reader]:
    """A node over the primary that knows replicas; none is waited for."""
    options = PoolOptions(4, is_prepared, urls or (servers.replica.url,), wait_ms)
    storage = await PostgreSQLStorage.open(servers.primary.url, options)
    try:
        yield Reader(storage)
    finally:
        await storage.close()


@pytest.fixture
async def reader(servers: Replicated, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Reader]:
    monkeypatch.setattr(postgresql_replicas, "_CONNECT_AGAIN_S", 0.05)
    monkeypatch.setattr(postgresql_replicas, "_REST_S", 0.0)
    async with opened(servers) as reader:
        await reader.until_on_replica()
        reader.seen.clear()
        yield reader


async def test_a_reader_sees_all_that_was_acknowledged(reader: Reader) -> None:
    """Issue 4: read replicas for history queries. What was answered before is seen, wherever it is read."""
    for ts in range(30):
        await reader.store(ts, must_last=ts % 2 == 0)
        assert await reader.history() == list(range(ts + 1))
    assert set(reader.seen) == {"replica"}


async def test_a_replica_that_lags_is_not_read(servers: Replicated) -> None:
    async with opened(servers, wait_ms=50) as reader:
        await reader.until_on_replica()
        with servers.held_back():
            await reader.store(1)
            assert await reader.history() == [1]
            assert reader.seen[-1] == "primary"
            # Others don't wait for it in turn.
            assert await reader.history() == [1]
            assert reader.seen[-1] == "primary"
        await reader.until_on_replica()
        assert await reader.history() == [1]


async def test_a_lag_within_the_limit_is_waited_for(servers: Replicated, reader: Reader) -> None:
    with servers.held_back():
        await reader.store(1)
        reading = asyncio.ensure_future(reader.history())
        await asyncio.sleep(0.05)
        assert not reading.done()
    assert await reading == [1]
    assert reader.seen[-1] == "replica"


async def test_a_replica_that_is_gone_is_done_without_and_taken_back(
    servers: Replicated, reader: Reader
) -> None:
    await reader.store(1)
    servers.replica.stop(signal.SIGQUIT)
    for _ in range(3):
        assert await reader.history() == [1]
    assert reader.seen[-3:] == ["primary"] * 3
    servers.replica.start()
    await reader.until_on_replica()


async def test_a_start_needs_no_replica(servers: Replicated) -> None:
    nowhere = servers.replica.url.replace(str(servers.replica.port), "1")
    async with opened(servers, nowhere) as reader:
        await reader.store(1)
        assert await reader.history() == [1]
        assert reader.seen == ["primary"]


async def test_a_replica_that_hangs_is_left(servers: Replicated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_replicas, "_GRACE_S", 0.1)
    async with opened(servers, wait_ms=100) as reader:
        await reader.until_on_replica()
        with stopped(servers):
            assert await reader.history(within_s=1) == []
            assert await reader.history(within_s=1) == []
            assert reader.seen[-2:] == ["primary"] * 2
        await reader.until_on_replica()


async def test_a_replica_that_hangs_in_the_middle_is_left(
    servers: Replicated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_replicas, "_GRACE_S", 0.1)
    async with opened(servers, wait_ms=100) as reader:
        await reader.until_on_replica()
        with ExitStack() as until_the_end:
            tries = 0

            async def work(stores: Stores) -> Any:
                nonlocal tries
                tries += 1
                if tries == 1:
                    until_the_end.enter_context(stopped(servers))
                return await stores.transaction._fetch("select 1", [])  # type: ignore[attr-defined]

            assert await reader.storage.read_history(work, 1)
            assert (tries, reader.seen[-1]) == (2, "primary")
        await reader.until_on_replica()


async def test_another_database_is_no_replica(servers: Replicated) -> None:
    """Neither another database of the replica's server, nor the primary itself."""
    elsewhere = servers.replica.url.rpartition("/")[0] + "/postgres"
    for url in (elsewhere, servers.primary.url):
        async with opened(servers, url, wait_ms=10) as reader:
            for _ in range(20):
                assert await reader.history() == []
                await asyncio.sleep(0.01)
            assert set(reader.seen) == {"primary"}


async def test_work_that_replaying_cancels_is_done_on_the_primary(
    servers: Replicated, reader: Reader
) -> None:
    for ts in range(100):
        await reader.store(ts)
    count = "select count(*) from time_series"
    tries = 0

    async def work(stores: Stores) -> Any:
        nonlocal tries
        tries += 1
        fetch = stores.transaction._fetch  # type: ignore[attr-defined]
        await fetch(count, [])
        if tries == 1:
            servers.primary.ask("delete from time_series")
            servers.primary.ask("vacuum (freeze) time_series_before")
            await asyncio.sleep(0.5)
        return (await fetch(count, []))[0][0]

    async with asyncio.timeout(_LONGEST_S):
        assert await reader.storage.read_history(work, 20) == 0
    assert (tries, reader.seen[-1]) == (2, "primary")
    await reader.until_on_replica()


async def test_reads_that_take_too_long_are_refused_there_too(reader: Reader) -> None:
    async def slow(stores: Stores) -> Any:
        return await stores.transaction._fetch("select pg_sleep(30)", [])  # type: ignore[attr-defined]

    with pytest.raises(InvalidValue, match="takes too long"):
        await reader.storage.read_history(slow, 1)
    await reader.history()
    assert reader.seen[-1] == "replica"


async def test_refusals_are_those_of_the_work(reader: Reader) -> None:
    async def work(_: Stores) -> None:
        raise NotFound

    with pytest.raises(NotFound):
        await reader.storage.read_history(work)


async def test_unprepared_statements_will_do(servers: Replicated) -> None:
    """As behind an old PgBouncer."""
    async with opened(servers, is_prepared=False) as reader:
        await reader.until_on_replica()
        await reader.store(1)
        assert await reader.history() == [1]
        assert reader.seen[-1] == "replica"


async def test_replicas_take_turns(servers: Replicated) -> None:
    nowhere = servers.replica.url.replace(str(servers.replica.port), "1")
    async with opened(servers, nowhere, servers.replica.url, servers.replica.url) as reader:
        await reader.until_on_replica()
        reader.seen.clear()
        await asyncio.gather(*(reader.history() for _ in range(20)))
        assert set(reader.seen) == {"replica"}


@contextmanager
def stopped(servers: Replicated) -> Iterator[None]:
    """Have the replica's processes stand still, as behind a network that swallows everything."""
    process = servers.replica._process
    assert process is not None
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, check=True)
    processes = [process.pid, *(int(it) for it in found.stdout.split())]
    for it in processes:
        os.kill(it, signal.SIGSTOP)
    try:
        yield
    finally:
        for it in processes:
            os.kill(it, signal.SIGCONT)
