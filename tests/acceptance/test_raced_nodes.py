"""Crowds over REST against three real servers on one PostgreSQL: raced claims and parallel guesses."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.cluster_site import Cluster, running_cluster
from tests.acceptance.crowd import claim, new_crowd, outcome
from tests.acceptance.ownership_records import asked
from tests.acceptance.raced_claims import KEY, miscounts, race
from tests.acceptance.wire import Wire
from tests.storage.postgresql_bench import EMPTY, drop_postgresql, new_postgresql

PEOPLE, CUSTOMERS, DEVICES = 30, 15, 100


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    url = new_postgresql(EMPTY)
    try:
        with running_cluster(tmp_path, url) as running:
            yield running
    finally:
        drop_postgresql(url)


async def test_claims_that_race_through_three_nodes_have_one_owner_each(cluster: Cluster) -> None:
    """Issue 4, behaviour §4: one SUCCESS per device, all others CLAIMED, no error; all records agree.

    `python -m bench.soak_races` does the same a hundred thousand times.
    """
    first, *_ = cluster.members
    crowd = await new_crowd(first.server, PEOPLE, CUSTOMERS)
    gadgets = await crowd.gadgets(DEVICES)
    await crowd.announce(gadgets, KEY)
    heard: Counter[str] = Counter()
    ports = [it.server.port for it in cluster.members]
    raced = await race(crowd, gadgets, ports, lambda: heard.update(["claim"]))
    assert raced.wrong == []
    assert raced.answers == {"SUCCESS": DEVICES, "CLAIMED": DEVICES * (PEOPLE - 1)}
    assert heard["claim"] == DEVICES * PEOPLE
    assert await miscounts(cluster.url, DEVICES) == []


async def test_guesses_through_three_nodes_at_once_share_one_budget(cluster: Cluster) -> None:
    """Behaviour §6.1, attacks A01 and A02: five per device and twenty per user, whichever node is asked."""
    first, *_ = cluster.members
    crowd = await new_crowd(first.server, 3)
    guesser, sprayer, holder = crowd.people
    gadgets = await crowd.gadgets(30)
    await crowd.announce(gadgets, KEY)
    ports = [it.server.port for it in cluster.members]

    async def guess(number: int) -> tuple[str, str]:
        async with Wire(ports[number % 3]) as wire:
            if number % 2:
                return "one", outcome(await claim(wire, guesser, gadgets[0], f"guess {number}"))
            return "many", outcome(await claim(wire, sprayer, gadgets[number % 30], f"guess {number}"))

    said = Counter(await asyncio.gather(*(guess(number) for number in range(300))))
    assert said == {("one", "FAILURE"): 5, ("one", "429"): 145, ("many", "FAILURE"): 20, ("many", "429"): 130}
    compared = "select count(*) from audit_entry where action = 'CLAIM' or not success"
    assert await asked(cluster.url, compared) == [(25,)]
    async with Wire(ports[2]) as wire:
        assert outcome(await claim(wire, holder, gadgets[0], KEY)) == "SUCCESS"
    assert await miscounts(cluster.url, 1) == [
        "50 attempts were not given back"
    ]  # of a user and of a device each
