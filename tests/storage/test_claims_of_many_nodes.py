"""Claims of several nodes on one PostgreSQL: one owner each, one budget for all, no rule broken."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import pytest

from deedbox.core import claiming, user_changes
from deedbox.core.claim_requests import Answer, ClaimOutcome, ClaimRequest
from deedbox.core.ownership import ClaimPolicy
from deedbox.storage.postgresql import PostgreSQLStorage
from deedbox.storage.stores import Stores
from deedbox.testing.claim_scene import ACME, ALICE, ANNE, BERT, BOB, GLOBEX, ClaimScene, made_device
from tests.storage.postgresql_bench import PostgreSQLBench, opened_postgresql

Claim = Callable[[ClaimRequest], Awaitable[ClaimOutcome]]
_NODES = 3
_KEY = "the right key"


@pytest.fixture
async def nodes(postgresql_bench: PostgreSQLBench) -> AsyncIterator[list[PostgreSQLStorage]]:
    bench = postgresql_bench
    async with AsyncExitStack() as closing:
        opening = (opened_postgresql(bench.url, lambda: bench.now_ms) for _ in range(_NODES))
        yield [await closing.enter_async_context(it) for it in opening]


def claim_of(node: PostgreSQLStorage, scene: ClaimScene) -> Claim:
    """Return the claim as that node's edges have it: those that wait together share a decision."""

    async def decide(stores: Stores, requests: Sequence[ClaimRequest]) -> Sequence[ClaimOutcome]:
        return await claiming.claim(requests, stores.claims, scene.keys, scene.policy)

    return node.batched(decide)


async def test_one_owner_each_whichever_node_was_asked(
    postgresql_bench: PostgreSQLBench, nodes: list[PostgreSQLStorage]
) -> None:
    """Issue 4, behaviour §4: raced claims; SUCCESS exactly once, the losers CLAIMED, no error."""
    scene = ClaimScene(postgresql_bench, ClaimPolicy(attempts_per_user=10_000))
    await scene.prepare(60)
    devices = [made_device(number) for number in range(1, 61)]
    for it in devices:
        await scene.set_key(it, _KEY)
    claims = [claim_of(node, scene) for node in nodes]
    asked = [
        (it.name, claims[(number + turn) % _NODES](scene.wish(person, it.name, _KEY)))
        for turn, person in enumerate((ALICE, BOB, ANNE, BERT, ALICE, BOB))
        for number, it in enumerate(devices[:: -1 if turn % 2 else 1])
    ]
    outcomes = await asyncio.gather(*(claim for _, claim in asked))
    answers: dict[str, Counter[Answer]] = {it.name: Counter() for it in devices}
    for (name, _), outcome in zip(asked, outcomes, strict=True):
        answers[name][outcome.answer] += 1
    assert {it[Answer.SUCCESS] for it in answers.values()} == {1}
    assert {it[Answer.CLAIMED] for it in answers.values()} == {5}
    for it in devices:
        assert len(await postgresql_bench.deeds(it.id)) == 1
    owned = [await postgresql_bench.owned_count(it) for it in (ACME, GLOBEX)]
    assert sum(owned) == len(devices)


async def test_attempts_are_counted_over_all_nodes(
    postgresql_bench: PostgreSQLBench, nodes: list[PostgreSQLStorage]
) -> None:
    """Behaviour §6.1: whoever guesses on three nodes at once has no more attempts than on one."""
    scene = ClaimScene(postgresql_bench, ClaimPolicy(attempts_per_user=7, attempts_per_device=100))
    device = await scene.prepare()
    await scene.set_key(device, _KEY)
    claims = [claim_of(node, scene) for node in nodes]
    guesses = (
        claims[number % _NODES](scene.wish(ALICE, device.name, f"no {number}")) for number in range(60)
    )
    told = Counter(it.answer for it in await asyncio.gather(*guesses))
    assert told == {Answer.FAILURE: 7, Answer.TOO_MANY_ATTEMPTS: 53}


async def test_of_nodes_that_start_together_one_makes_the_first_administrator(
    postgresql_bench: PostgreSQLBench, nodes: list[PostgreSQLStorage]
) -> None:
    """Issue 4: nothing that was looked at changes before the act that rests on it."""

    async def ensure(stores: Stores) -> bool:
        made = await user_changes.ensure_first_administrator(stores.users, "root@deedbox.test", "hash")
        return made is not None

    made = await asyncio.gather(*(it.write(ensure) for it in nodes * 5))
    assert Counter(made) == {True: 1, False: 14}
