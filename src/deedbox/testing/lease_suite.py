"""The exam that every lease store takes, and a fake that passes it.

Subclass `LeaseSuite` in a test module with a pytest fixture named `bench` (a `LeaseBench`).
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from deedbox.core.leases import LeaseStore

T = TypeVar("T")
Work = Callable[[LeaseStore], Coroutine[Any, Any, T]]

LASTS_MS = 10_000
_HOUR_MS = 3_600_000


class LeaseBench(Protocol):
    """A store to examine: work runs in transactions, at the moment that the examiner sets."""

    now_ms: int

    async def lease(self, work: Work[T]) -> T:
        """Run `work` in a transaction of its own; several may run at the same time."""
        ...


class LeaseSuite:
    """The whole exam."""

    async def test_a_free_lease_is_had_by_who_asks_first(self, bench: LeaseBench) -> None:
        assert await take(bench, "one")
        assert not await take(bench, "another")

    async def test_of_many_who_ask_at_once_one_has_it(self, bench: LeaseBench) -> None:
        for _ in range(5):
            asked = [take(bench, f"node {number}") for number in range(20)]
            assert sum(await asyncio.gather(*asked)) == 1
            bench.now_ms += LASTS_MS

    async def test_its_holder_renews_it(self, bench: LeaseBench) -> None:
        for _ in range(3):
            assert await take(bench, "one")
            bench.now_ms += LASTS_MS - 1
            assert not await take(bench, "another")

    async def test_it_runs_out_at_its_end(self, bench: LeaseBench) -> None:
        assert await take(bench, "one")
        bench.now_ms += LASTS_MS
        assert await take(bench, "another")
        assert not await take(bench, "one")

    async def test_what_is_given_back_is_free_at_once(self, bench: LeaseBench) -> None:
        assert await take(bench, "one")
        await give_back(bench, "one")
        assert await take(bench, "another")

    async def test_nobody_gives_back_what_another_holds(self, bench: LeaseBench) -> None:
        assert await take(bench, "one")
        await give_back(bench, "another")
        assert not await take(bench, "another")

    async def test_leases_of_other_names_are_other_leases(self, bench: LeaseBench) -> None:
        assert await take(bench, "one", "sweeping")
        assert await take(bench, "another", "counting")
        await give_back(bench, "another", "sweeping")
        assert not await take(bench, "another", "sweeping")

    async def test_an_end_that_a_wrong_clock_wrote_keeps_nobody_away(self, bench: LeaseBench) -> None:
        assert await take(bench, "one")
        bench.now_ms -= _HOUR_MS
        assert await take(bench, "another")

    async def test_a_clock_that_lags_a_little_frees_nothing(self, bench: LeaseBench) -> None:
        assert await take(bench, "one")
        bench.now_ms -= LASTS_MS
        assert not await take(bench, "another")


async def take(bench: LeaseBench, holder: str, name: str = "sweeping") -> bool:
    """Take the lease at the bench's moment."""
    return await bench.lease(lambda store: store.take_lease(name, holder, LASTS_MS))


async def give_back(bench: LeaseBench, holder: str, name: str = "sweeping") -> None:
    """Give the lease back."""
    await bench.lease(lambda store: store.give_back_lease(name, holder))


class FakeLeaseBench:
    """Leases in memory, with a clock that can be set."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self.now_ms = now_ms
        self._leases: dict[str, tuple[str, int]] = {}

    async def lease(self, work: Work[T]) -> T:
        """Run `work` on the leases."""
        return await work(self)

    async def take_lease(self, name: str, holder: str, lasts_ms: int) -> bool:
        """Give the lease to the holder if it is free, has run out or is its own; tell whether it has it."""
        held_by, expires_at = self._leases.get(name, (holder, 0))
        is_running = self.now_ms < expires_at <= self.now_ms + 10 * lasts_ms
        if held_by != holder and is_running:
            return False
        self._leases[name] = (holder, self.now_ms + lasts_ms)
        return True

    async def give_back_lease(self, name: str, holder: str) -> None:
        """Free the lease if it is the holder's."""
        if self._leases.get(name, ("", 0))[0] == holder:
            del self._leases[name]
