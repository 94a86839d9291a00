"""Sessions that move between nodes, over a real NATS: asked for by all who come at once, given away once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import UUID

from deedbox.cluster.bus import Bus
from deedbox.cluster.local import LocalBus
from deedbox.cluster.session_moves import BusSessionMoves
from tests.cluster.nats_server import NatsServer, opened_nodes

DEVICE, OTHER = UUID(int=1), UUID(int=2)


class Site:
    """A node that keeps sessions by device and client."""

    def __init__(self, bus: Bus, name: str, others: set[str]) -> None:
        self.moves = BusSessionMoves(bus, name, lambda: others)
        self.moves.give_by(self._give)
        self.kept: dict[tuple[UUID, str], bytes] = {}
        self.ended: list[str] = []

    def _give(self, device_id: UUID, client_id: str, is_wanted: bool) -> bytes | None:
        state = self.kept.pop((device_id, client_id), None)
        if state is not None:
            self.ended.append(client_id)
        return state if is_wanted else None


@contextlib.asynccontextmanager
async def opened_sites(nats: NatsServer) -> AsyncIterator[list[Site]]:
    """Three nodes, each by a digit 32 times."""
    names = {digit * 32 for digit in "abc"}
    async with opened_nodes(nats.url, 3) as nodes:
        sites = [Site(node.bus, name, names - {name}) for node, name in zip(nodes, names, strict=True)]
        await asyncio.gather(*[it.moves.take(OTHER, "nobody") for it in sites])
        yield sites
        for it in sites:
            it.moves.close()


async def test_a_session_is_given_to_one_node(nats_server: NatsServer) -> None:
    """Ux §6.4: all who come at one moment share a question; none waits for a node that has nothing."""
    async with opened_sites(nats_server) as (first, second, third):
        first.kept = {(DEVICE, "lamp"): b"of the lamp", (DEVICE, "pump"): b"of the pump"}
        second.kept = {(OTHER, "lamp"): b"of another device"}
        clients = [(DEVICE, "lamp"), (DEVICE, "nobody"), (OTHER, "lamp"), (DEVICE, "pump")]
        found = await asyncio.gather(*[third.moves.take(*it) for it in clients])
        assert found == [b"of the lamp", None, b"of another device", b"of the pump"]
        again = await asyncio.gather(*[third.moves.take(*it) for it in clients])
        assert again == [None] * 4
        assert sorted(first.ended + second.ended) == ["lamp", "lamp", "pump"]


async def test_whoever_begins_anew_ends_what_is_kept_elsewhere(nats_server: NatsServer) -> None:
    async with opened_sites(nats_server) as (first, second, _):
        first.kept = {(DEVICE, "lamp"): b"of the lamp"}
        second.moves.tell(DEVICE, "lamp")
        assert await second.moves.take(DEVICE, "lamp") is None
        assert (first.kept, first.ended) == ({}, ["lamp"])


async def test_a_node_that_is_gone_is_not_waited_for_for_ever(nats_server: NatsServer) -> None:
    async with opened_sites(nats_server) as (first, second, third):
        first.moves.close()
        second.kept = {(DEVICE, "lamp"): b"of the lamp"}
        assert await third.moves.take(DEVICE, "lamp") == b"of the lamp"
        assert await third.moves.take(DEVICE, "lamp") is None


async def test_a_server_that_runs_alone_asks_nobody() -> None:
    alone = Site(LocalBus(), "a" * 32, set())
    alone.kept = {(DEVICE, "lamp"): b"of the lamp"}
    assert not alone.moves.has_others
    assert await alone.moves.take(DEVICE, "lamp") is None
    assert alone.ended == []
