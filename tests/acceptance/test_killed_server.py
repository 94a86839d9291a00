"""kill -9 at many moments under load: what was acknowledged is there after the next start.

DEEDBOX_KILLS sets how often the server is killed (12).
"""

import asyncio
import os
import random
from pathlib import Path

from tests.acceptance.crowd import new_crowd
from tests.acceptance.device_life import Life
from tests.acceptance.explained import DATABASE, as_it_was_left, unexplained
from tests.acceptance.wire import Wire
from tests.server_process import RunningServer, running_server

KILLS = int(os.environ.get("DEEDBOX_KILLS", "12"))
DEVICES = 12
LONGEST_WAIT_S = 60


class Killer:
    """Kills the server at a moment, or in the very step of the event loop that hears of an answer."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._awaited = ""
        self._left = 0
        self.done = asyncio.Event()

    def heard(self, what: str) -> None:
        """Count an answer; kill if it is the awaited one."""
        if what == self._awaited and not self.done.is_set():
            self._left -= 1
            if self._left <= 0:
                self._kill()

    async def strike(self, awaited: str, count: int, delay_s: float) -> None:
        """Kill after `count` answers of the awaited kind; after `delay_s` when none is awaited."""
        self._awaited, self._left = awaited, count
        if not awaited:
            await asyncio.sleep(delay_s)
            self._kill()
        async with asyncio.timeout(LONGEST_WAIT_S):
            await self.done.wait()
        self.done.clear()

    def _kill(self) -> None:
        self._server.kill()
        self._awaited = ""
        self.done.set()


async def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """Behaviour §2.2, §2.6, §4: windows, deeds, values; killed after announcements and after claims."""
    dice = random.Random(20_261_123)
    budgets = {f"DEEDBOX_CLAIM_ATTEMPTS_PER_{it}": "100000" for it in ("USER", "DEVICE")}
    with running_server(tmp_path / "data", environment=budgets) as server:
        crowd, killer = await new_crowd(server, 3), Killer(server)
        gadgets = await crowd.gadgets(DEVICES)
        lives = [Life(crowd, it, seed, killer.heard) for seed, it in enumerate(gadgets)]
        for number in range(KILLS):
            awaited = ("announced", "claimed", "", "claimed", "reclaimed", "")[number % 6]
            living = asyncio.gather(*(life.live() for life in lives))
            await killer.strike(awaited, dice.randrange(1, 40), dice.uniform(0.0, 0.5))
            await living
            left = as_it_was_left(server.data_folder, tmp_path / f"left-{number}")
            assert unexplained(left) == []
            server.restart()
            async with Wire(server.port) as wire:
                for life in lives:
                    await life.check(wire)
        assert unexplained(server.data_folder / DATABASE) == []
        assert sum(len(life.measured) for life in lives) > KILLS
