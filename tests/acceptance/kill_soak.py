"""kill -9 of random nodes while claims, windows, values, attributes and commands go on; then look for all."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple

from tests.acceptance.cluster_site import Cluster, Member
from tests.acceptance.commander import Commander
from tests.acceptance.crowd import Crowd, Gadget, done, new_crowd
from tests.acceptance.device_life import Life
from tests.acceptance.living_nodes import LivingNodes
from tests.acceptance.numbered_publishing import DIGITS, FIRST_MOMENT_MS, SERIES, Verdict, judge
from tests.acceptance.ownership_records import unexplained
from tests.acceptance.roaming_device import RoamingDevice
from tests.acceptance.wire import Wire

#: What all nodes are told: no budget is spent by accident, and stored commands are tried again soon.
ENVIRONMENT = {
    "DEEDBOX_CLAIM_ATTEMPTS_PER_USER": "1000000",
    "DEEDBOX_CLAIM_ATTEMPTS_PER_DEVICE": "1000000",
    "DEEDBOX_COMMANDS_ACKNOWLEDGEMENT_S": "2",
}
PEOPLE, LIVES, ROAMING, COMMANDED = 3, 12, 6, 2
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 1.5
_LAST_MOMENTS_S = 1.0
_MOST_POINTS = 5_000


class Survived(NamedTuple):
    """How much was acknowledged, by kind, and what is wrong; nothing when all is well."""

    kills: int
    steps: Counter[str]
    telemetry: Verdict
    commands: Counter[str]
    wrong: list[str]


class KillSoak:
    """Everybody who keeps the nodes busy, and who kills them."""

    def __init__(self, cluster: Cluster, crowd: Crowd, gadgets: Sequence[Gadget], seed: int) -> None:
        self._cluster = cluster
        self._crowd = crowd
        self._dice = random.Random(seed)
        self._nodes = LivingNodes(cluster, self._dice)
        self._steps: Counter[str] = Counter()
        self._gadgets = gadgets[LIVES:]
        self._lives = [
            Life(crowd, it, seed + number, self._heard, self._nodes.wire)
            for number, it in enumerate(gadgets[:LIVES])
        ]
        self._roaming = [RoamingDevice(it.token, self._nodes.mqtt_port) for it in self._gadgets]
        self._commanders = [
            Commander(crowd, *it, self._nodes.wire)
            for it in list(zip(self._gadgets, self._roaming, strict=True))[:COMMANDED]
        ]
        self._is_over = False

    async def run(self, kills: int, killed: Callable[[], object]) -> Survived:
        """Kill that often, calling `killed` each time, let all come back, and look.

        Raises what anybody did not expect.
        """
        lives = [self._live(it) for it in self._lives]
        roaming = [asyncio.create_task(it.roam()) for it in self._roaming]
        commanding = [asyncio.create_task(it.command()) for it in self._commanders]
        busy = [*(asyncio.create_task(it) for it in lives), *roaming, *commanding]
        try:
            await _beside(busy, self._kill(kills, killed))
            await _beside(busy, asyncio.sleep(_LAST_MOMENTS_S))
            self._is_over = True
            for life in self._lives:
                life.rest()
            await _ended(commanding)
            await asyncio.gather(*busy[: len(lives)])
            async with self._nodes.wire() as wire:
                for commander in self._commanders:
                    await _beside(roaming, commander.follow(wire))
        finally:
            await _ended(busy)
        return await self._survived(kills)

    def _heard(self, step: str) -> None:
        self._steps[step] += 1

    async def _live(self, life: Life) -> None:
        """Live on one pair of nodes after the other; look closely whenever an answer is missing."""
        while True:
            await life.live()
            await self._nodes.settled()
            with self._nodes.spared() as port:
                async with Wire(port) as wire:
                    await life.check(wire)
            self._steps["closer looks"] += 1
            if self._is_over:
                return

    async def _kill(self, kills: int, killed: Callable[[], object]) -> None:
        reviving: set[asyncio.Task[None]] = set()
        for _ in range(kills):
            await asyncio.sleep(self._dice.uniform(_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S))
            victim = await self._victim()
            reviving.add(asyncio.create_task(self._nodes.revive(victim)))
            done_with = {it for it in reviving if it.done()}
            reviving -= done_with
            await asyncio.gather(*done_with)
            killed()
        await asyncio.gather(*reviving)

    async def _victim(self) -> Member:
        while True:
            if victim := self._nodes.kill_one():
                return victim
            await asyncio.sleep(0.01)

    async def _survived(self, kills: int) -> Survived:
        wrong = [it for commander in self._commanders for it in commander.wrong]
        async with self._nodes.wire() as wire:
            pairs = zip(self._gadgets, self._roaming, strict=True)
            stored = {
                device.token: await stored_numbers(wire, self._crowd, it, device.sent) for it, device in pairs
            }
        telemetry = judge(self._roaming, stored)
        if (telemetry.lost, telemetry.twice, telemetry.invented) != (0, 0, 0):
            wrong.append(str(telemetry))
        wrong += await unexplained(self._cluster.url)
        commands = sum((it.answers for it in self._commanders), Counter[str]())
        self._steps["connections over MQTT"] = sum(it.connections for it in self._roaming)
        return Survived(kills, self._steps, telemetry, commands, wrong)


async def stored_numbers(wire: Wire, crowd: Crowd, gadget: Gadget, sent: int) -> list[int]:
    """Return the numbers of the device's messages that are stored, a piece of time after the other."""
    numbers: list[int] = []
    path = f"/api/plugins/telemetry/DEVICE/{gadget.id}/values/timeseries?keys={SERIES}"
    for start in range(FIRST_MOMENT_MS, FIRST_MOMENT_MS + sent, _MOST_POINTS):
        span = f"startTs={start}&endTs={start + _MOST_POINTS}&limit={_MOST_POINTS}"
        found = await done(wire, "GET", f"{path}&{span}", crowd.maker.token)
        points = found.get(SERIES, [])
        assert all(int(it["value"][:DIGITS]) == it["ts"] - FIRST_MOMENT_MS for it in points)
        numbers += [it["ts"] - FIRST_MOMENT_MS for it in points]
    return numbers


async def survive(cluster: Cluster, kills: int, seed: int, killed: Callable[[], object]) -> Survived:
    """Make people and devices, and run the soak."""
    crowd = await new_crowd(cluster.members[0].server, PEOPLE)
    gadgets = await crowd.gadgets(LIVES + ROAMING)
    return await KillSoak(cluster, crowd, gadgets, seed).run(kills, killed)


async def _beside(busy: Sequence["asyncio.Task[None]"], work: Coroutine[Any, Any, None]) -> None:
    """Await `work`; raise at once what any of the busy raises meanwhile."""
    working = asyncio.create_task(work)
    try:
        while not working.done():
            await asyncio.wait(
                [working, *(it for it in busy if not it.done())], return_when="FIRST_COMPLETED"
            )
            for it in busy:
                if it.done() and not it.cancelled():
                    it.result()
        await working
    finally:
        working.cancel()


async def _ended(tasks: Sequence["asyncio.Task[None]"]) -> None:
    for it in tasks:
        it.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
