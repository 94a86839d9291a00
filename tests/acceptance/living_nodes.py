"""Which nodes of a cluster live: whoever sends a request picks one of those, as a load balancer would."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import asyncpg

from tests.acceptance.cluster_site import Cluster, Member
from tests.acceptance.wire import Wire

#: Transactions of servers that had begun at a moment and are under way still.
_OLDER = """
    select count(*) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
    and xact_start <= $1
"""


class LivingNodes:
    """Knows who was killed and who came back; takes care that somebody lives."""

    def __init__(self, cluster: Cluster, dice: random.Random) -> None:
        self._cluster = cluster
        self._dice = dice
        self._living = list(cluster.members)
        self._spared: list[Member] = []

    def wire(self) -> Wire:
        """Return a way to a node that lives at this moment."""
        return Wire(self._dice.choice(self._living).server.port)

    def mqtt_port(self) -> int:
        """Return where a node that lives at this moment takes MQTT."""
        return self._dice.choice(self._living).mqtt_port

    @contextmanager
    def spared(self) -> Iterator[int]:
        """Keep a node from being killed while somebody looks closely through it; return its port."""
        node = self._dice.choice(self._spared or self._living)
        self._spared.append(node)
        try:
            yield node.server.port
        finally:
            self._spared.remove(node)

    def kill_one(self) -> Member | None:
        """Kill a node with SIGKILL, any but the last; None where all are spared."""
        mortal: Sequence[Member] = [it for it in self._living if it not in self._spared]
        if not mortal or len(self._living) == 1:
            return None
        victim = self._dice.choice(mortal)
        self._living.remove(victim)
        victim.server.kill()
        return victim

    async def revive(self, node: Member) -> None:
        """Start a node again, as whoever watches over processes does."""
        await asyncio.to_thread(node.server.restart)
        self._living.append(node)

    async def settled(self) -> None:
        """Wait until all that servers had begun in the database so far has come to its end there."""
        connection = await asyncpg.connect(self._cluster.url)
        try:
            moment = await connection.fetchval("select clock_timestamp()")
            while True:
                if not await connection.fetchval(_OLDER, moment):
                    return
                await asyncio.sleep(0.01)
        finally:
            await connection.close()
