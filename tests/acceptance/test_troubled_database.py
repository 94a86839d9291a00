"""PostgreSQL goes away, drops connections and locks rows under load: nothing acknowledged is lost."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.acceptance.cluster_site import Cluster, running_cluster
from tests.acceptance.crowd import Crowd, Gadget, claim, done, new_crowd, outcome
from tests.acceptance.device_life import Life
from tests.acceptance.kill_soak import ENVIRONMENT, stored_numbers
from tests.acceptance.living_nodes import LivingNodes
from tests.acceptance.numbered_publishing import judge
from tests.acceptance.own_postgresql import FAST, IMMEDIATE, OwnPostgreSQL, own_postgresql
from tests.acceptance.ownership_records import asked, unexplained
from tests.acceptance.roaming_device import RoamingDevice
from tests.acceptance.wire import DoubtfulWire, Wire

LIVES, ROAMING, NODES = 8, 3, 2
LONGEST_WAIT_S = 60
KILLED_CONNECTIONS = 60
KEY = "the right key"
#: All writers hold it, alone or together; see `storage/postgresql.py`.
ALL_WRITERS = 0x64656564626F78
UNSURE = "The database did not answer. What you asked for is stored or not: look before you try again."


class Stage:
    """Nodes over a database of their own, devices with their people, and what refusals said."""

    def __init__(self, database: OwnPostgreSQL, cluster: Cluster, crowd: Crowd) -> None:
        self.database, self.cluster, self.crowd = database, cluster, crowd
        self.dice = random.Random(20_261_123)
        self.nodes = LivingNodes(cluster, self.dice)
        self.refusals: Counter[str] = Counter()
        self.steps: Counter[str] = Counter()
        self.lives: list[Life] = []
        self.roaming: list[RoamingDevice] = []
        self._gadgets: Sequence[Gadget] = ()

    async def fill(self) -> None:
        """Make the devices."""
        gadgets = await self.crowd.gadgets(LIVES + ROAMING)
        self._gadgets = gadgets[LIVES:]
        self.lives = [
            Life(self.crowd, it, number, lambda step: self.steps.update([step]), self.wire)
            for number, it in enumerate(gadgets[:LIVES])
        ]
        self.roaming = [RoamingDevice(it.token, self.nodes.mqtt_port) for it in self._gadgets]

    def wire(self) -> Wire:
        """Return a way to any node."""
        port = self.dice.choice(self.cluster.members).server.port
        return DoubtfulWire(port, lambda said: self.refusals.update([said]))

    async def until_ready(self, are_ready: bool) -> None:
        """Wait until all nodes tell load balancers to come, or to stay away."""
        async with asyncio.timeout(LONGEST_WAIT_S):
            while True:
                if {it.is_ready for it in self.cluster.members} == {are_ready}:
                    return
                await asyncio.sleep(0.05)

    async def look(self, life: Life) -> None:
        """Look closely at what a life was promised."""
        await self.nodes.settled()
        async with self.nodes.wire() as wire:
            await life.check(wire)

    async def assert_all_there(self) -> None:
        """Look at all that was promised; the database is well."""
        for life in self.lives:
            await self.look(life)
        async with self.nodes.wire() as wire:
            stored = {
                device.token: await stored_numbers(wire, self.crowd, gadget, device.sent)
                for gadget, device in zip(self._gadgets, self.roaming, strict=True)
            }
        verdict = judge(self.roaming, stored)
        assert verdict.acknowledged > 0
        assert (verdict.lost, verdict.twice, verdict.invented) == (0, 0, 0), verdict
        assert await unexplained(self.cluster.url) == []


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    with (
        own_postgresql(tmp_path / "db") as database,
        running_cluster(tmp_path, database.url, ENVIRONMENT, [{}] * NODES) as cluster,
    ):
        made = Stage(database, cluster, await new_crowd(cluster.members[0].server, 3))
        await made.fill()
        yield made


@asynccontextmanager
async def at_work(stage: Stage) -> AsyncIterator[None]:
    """Have devices publish meanwhile."""
    roaming = [asyncio.create_task(it.roam()) for it in stage.roaming]
    try:
        yield
        ended = [it for it in roaming if it.done()]
        await asyncio.gather(*ended)
        assert not ended
    finally:
        for it in roaming:
            it.cancel()
        await asyncio.gather(*roaming, return_exceptions=True)


async def test_a_database_that_is_restarted_is_waited_for(stage: Stage) -> None:
    """Issue 4: restarted under load, in order and as a crash; 503 meanwhile, and nothing else."""
    async with at_work(stage):
        for how in (FAST, IMMEDIATE, FAST, IMMEDIATE):
            living = asyncio.gather(*(it.live() for it in stage.lives))
            await asyncio.sleep(stage.dice.uniform(0.3, 1.5))
            await asyncio.to_thread(stage.database.stop, how)
            await stage.until_ready(False)
            for member in stage.cluster.members:
                async with httpx.AsyncClient(base_url=member.server.base_url, trust_env=False) as client:
                    assert (await client.get("/livez")).status_code == 200
                    answer = await client.get("/api/v1/token-of-LAMP-00000/attributes", timeout=60)
                    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
            await asyncio.to_thread(stage.database.start)
            await stage.until_ready(True)
            for life in stage.lives:
                life.rest()
            await living
            for life in stage.lives:
                await stage.look(life)
        await asyncio.sleep(0.5)
    await stage.assert_all_there()
    assert stage.refusals.total() >= LIVES


async def test_connections_that_are_killed_are_noticed_by_nobody_who_can_be_told(stage: Stage) -> None:
    """Issue 4: what had not begun its commit is tried again; only of a commit nobody can know."""
    quiet, is_over = asyncio.Lock(), asyncio.Event()

    async def live(life: Life) -> None:
        while not is_over.is_set():
            await life.live()
            async with quiet:
                await stage.look(life)

    async with at_work(stage):
        living = asyncio.gather(*(live(it) for it in stage.lives))
        killed = enough = 0
        connection = await asyncpg.connect(stage.cluster.url)
        while killed < KILLED_CONNECTIONS and not living.done():
            await asyncio.sleep(stage.dice.uniform(0.0, 0.06))
            # Somebody comes through between two: a slow machine would lose the same work again and again.
            if stage.steps.total() < enough:
                continue
            async with quiet:
                killed += await connection.fetchval(
                    "select count(pg_terminate_backend(pid)) from (select pid from pg_stat_activity "
                    "where application_name = 'deedbox' and state <> 'idle' order by random() limit 1) as it"
                )
            enough = stage.steps.total() + 2
        await connection.close()
        is_over.set()
        for life in stage.lives:
            life.rest()
        await living
    await stage.assert_all_there()
    assert set(stage.refusals) <= {UNSURE}
    assert {it.is_ready for it in stage.cluster.members} == {True}


async def test_rows_that_somebody_else_locks_cost_time_or_503_and_nothing_else(stage: Stage) -> None:
    """Issue 4: a deadlock is tried again; one that waits too long gets 503, and nothing is stored."""
    [one, other] = await stage.crowd.gadgets(2, "LOCKED")
    await stage.crowd.announce([one, other], KEY)
    outside = await asyncpg.connect(stage.cluster.url)
    locked = "select 1 from device_state where device_id = $1 for update"
    async with stage.nodes.wire() as wire:
        await outside.execute(
            "set deadlock_timeout = '1min'"
        )  # so the server is the one that has to give way
        async with outside.transaction():
            await outside.execute(f"set local lock_timeout = '{LONGEST_WAIT_S}s'")
            await outside.fetch(locked, one.id)
            claiming = asyncio.create_task(claim(wire, stage.crowd.people[0], one, KEY))
            await _until_somebody_waits(stage.cluster.url)
            await outside.fetch(f"select pg_advisory_xact_lock({ALL_WRITERS})")
        assert outcome(await claiming) == "SUCCESS"
        async with outside.transaction():
            await outside.fetch(locked, other.id)
            refused = await claim(wire, stage.crowd.people[0], other, KEY)
            assert (refused.status, refused.body["code"]) == (503, "storage_unavailable")
            device = await done(wire, "GET", f"/api/device/{other.id}", stage.crowd.maker.token)
            assert device["customerId"]["id"] not in {it.customer_id for it in stage.crowd.people}
        assert outcome(await claim(wire, stage.crowd.people[1], other, KEY)) == "SUCCESS"
    await outside.close()
    assert await unexplained(stage.cluster.url) == []


async def _until_somebody_waits(url: str) -> None:
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    async with asyncio.timeout(LONGEST_WAIT_S):
        while True:
            if await asked(url, waiting) != [(0,)]:
                return
            await asyncio.sleep(0.02)
