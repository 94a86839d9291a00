"""The fake, SQLite and PostgreSQL take the exam of leases."""

import asyncio
from typing import TypeVar

import pytest

from deedbox.core.storage import Stores
from deedbox.testing.lease_suite import LASTS_MS, FakeLeaseBench, LeaseBench, LeaseSuite, Work
from tests.storage.postgresql_bench import PostgreSQLBench
from tests.storage.sqlite_bench import StorageBench

T = TypeVar("T")


class StoredLeases:
    """A `LeaseBench` over a storage, written as scheduled work does."""

    def __init__(self, bench: StorageBench) -> None:
        self._bench = bench

    @property
    def now_ms(self) -> int:
        return self._bench.now_ms

    @now_ms.setter
    def now_ms(self, now_ms: int) -> None:
        self._bench.now_ms = now_ms

    async def lease(self, work: Work[T]) -> T:
        return await self._bench.storage.write_beside(lambda stores: work(stores.leases))


class TestFake(LeaseSuite):
    @pytest.fixture
    def bench(self) -> LeaseBench:
        return FakeLeaseBench()


class TestStorages(LeaseSuite):
    @pytest.fixture
    def bench(self, either_bench: StorageBench) -> LeaseBench:
        return StoredLeases(either_bench)


async def test_a_lease_waits_for_no_writer(postgresql_bench: PostgreSQLBench) -> None:
    """A change by somebody that takes long must not cost the holder its lease."""
    storage, begun, may_end = postgresql_bench.storage, asyncio.Event(), asyncio.Event()

    async def long_change(_: Stores) -> None:
        begun.set()
        await may_end.wait()

    async def take(stores: Stores) -> bool:
        return await stores.leases.take_lease("sweeping", "one", LASTS_MS)

    changing = asyncio.create_task(storage.write(long_change))
    await begun.wait()
    assert await storage.write_beside(take)
    assert not changing.done()
    may_end.set()
    await changing
