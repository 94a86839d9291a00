"""Parts C, D and E: a node is killed, and PostgreSQL is. When is there service again?"""

import asyncio
import re
import time
from collections.abc import Callable
from functools import partial
from typing import cast

import httpx

from bench.nodes_site import Site
from tests.acceptance.node_site import Node
from tests.acceptance.numbered_publishing import connect_packet, publish_packet
from tests.acceptance.own_postgresql import IMMEDIATE

_DEVICES = 100
_HELD = re.compile(r"^deedbox_scheduled_work_held (\S+)$", re.MULTILINE)
_CONNACK, _PUBACK = 2, 4
_LONGEST_S = 120
_PAUSE_S = 0.01


class _Returning(asyncio.Protocol):
    """A device that sends one message when it is let in, and goes elsewhere when its node is gone."""

    def __init__(self, token: str, ports: list[int]) -> None:
        self._token, self._ports, self._number = token, ports, 0
        self.acknowledged = asyncio.Event()
        self.acknowledged_at_s = 0.0

    async def come(self) -> None:
        """Connect to the first node that listens."""
        while True:
            for port in self._ports:
                try:
                    await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", port)
                except OSError:
                    continue
                return
            await asyncio.sleep(_PAUSE_S)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(connect_packet(self._token, self._token))

    def data_received(self, data: bytes) -> None:
        if data[0] >> 4 == _CONNACK:
            assert data[3] == 0, "a device was refused"
            self._number += 1
            self._transport.write(publish_packet(1, self._number))
        if data[-4] >> 4 == _PUBACK:
            self.acknowledged_at_s = time.perf_counter()
            self.acknowledged.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.coming = asyncio.get_running_loop().create_task(self.come())


def failover(site: Site, rounds: int) -> dict[str, list[float]]:
    """Part C: a node with a hundred devices is killed; they connect to the other one and send."""
    tokens = [site.made(f"returning-{number}")[1] for number in range(_DEVICES)]
    times: dict[str, list[float]] = {"node killed to first message acknowledged elsewhere": []}
    times["node killed to 100 devices acknowledged elsewhere"] = []
    for number in range(rounds):
        victim, heir = site.nodes if number % 2 else site.nodes[::-1]
        first, last = asyncio.run(_failover(victim, heir, tokens))
        victim.server.restart()
        for name, time_ms in zip(times, (first, last), strict=True):
            times[name].append(time_ms)
    return times


async def _failover(victim: Node, heir: Node, tokens: list[str]) -> tuple[float, float]:
    devices = [_Returning(token, [victim.mqtt_port, heir.mqtt_port]) for token in tokens]
    await asyncio.gather(*(it.come() for it in devices))
    await asyncio.gather(*(it.acknowledged.wait() for it in devices))
    for it in devices:
        it.acknowledged.clear()
    killed_at_s = time.perf_counter()
    victim.server.kill()
    async with asyncio.timeout(_LONGEST_S):
        await asyncio.gather(*(it.acknowledged.wait() for it in devices))
    moments_s = [it.acknowledged_at_s - killed_at_s for it in devices]
    return min(moments_s) * 1000, max(moments_s) * 1000


def lease_moves(site: Site, rounds: int) -> dict[str, list[float]]:
    """Part D: the node that does the scheduled work is killed; another does it."""
    times = []
    for _ in range(rounds):
        _until(lambda: any(map(_holds, site.nodes)))
        holder, heir = site.nodes if _holds(site.nodes[0]) else site.nodes[::-1]
        began_s = time.perf_counter()
        holder.server.kill()
        _until(partial(_holds, heir))
        times.append((time.perf_counter() - began_s) * 1000)
        holder.server.restart()
    return {"node killed to scheduled work elsewhere": times}


def _holds(node: Node) -> bool:
    page = httpx.get(f"{node.server.base_url}/metrics", trust_env=False).text
    found = _HELD.search(page)
    return found is not None and float(found[1]) == 1


def after_database_restart(site: Site, rounds: int) -> dict[str, list[float]]:
    """Part E: PostgreSQL crashes and recovers; claims go through again, without anything else restarted."""
    whole, after = list[float](), list[float]()
    for number in range(rounds):
        name = f"claimed-after-crash-{number}"
        site.offered(name)
        began_s = time.perf_counter()
        site.database.stop(IMMEDIATE)
        site.database.start()
        back_at_s = time.perf_counter()
        _until(partial(site.claim, name, site.nodes[number % 2]))
        after.append((time.perf_counter() - back_at_s) * 1000)
        whole.append((time.perf_counter() - began_s) * 1000)
    return {
        "database crashed to first claim": whole,
        "database lets in again to first claim": after,
    }


def _until(holds: Callable[[], bool]) -> None:
    give_up_at_s = time.monotonic() + _LONGEST_S
    while not holds():
        if time.monotonic() > give_up_at_s:
            raise RuntimeError("it did not come to that in time")
        time.sleep(_PAUSE_S)
