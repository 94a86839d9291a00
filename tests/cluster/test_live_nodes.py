"""Live changes between nodes: over both buses, and over a NATS that goes and comes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from deedbox.cluster.bus import LARGEST_MESSAGE_BYTES, Bus
from deedbox.cluster.live import BusLiveChanges
from deedbox.cluster.local import LocalBus
from deedbox.core.live import Change, OwnershipChanged, PointsArrived
from deedbox.core.telemetry import Point
from deedbox.testing.bus_suite import settled, until
from tests.cluster.nats_server import NatsServer, opened_nodes

DEVICE, OTHER = UUID(int=1), UUID(int=2)
OFTEN_S = 0.1


def arrived(device_id: UUID = DEVICE, value: str = "21") -> PointsArrived:
    return PointsArrived(device_id, 3, (Point("t", 1, value),))


class Site:
    """Live changes of a node; `watch` starts a watcher that keeps what it hears."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.live = BusLiveChanges(bus)
        self.heard: list[Change] = []
        self._keeping = asyncio.create_task(self.live.keep(OFTEN_S))

    def points(self) -> list[Change]:
        return [it for it in self.heard if isinstance(it, PointsArrived)]

    async def close(self) -> None:
        self._keeping.cancel()
        await asyncio.wait([self._keeping])
        self.live.close()


@contextlib.asynccontextmanager
async def opened_sites(*buses: Bus) -> AsyncIterator[list[Site]]:
    sites = [Site(it) for it in buses]
    await until(lambda: all(it.live._interests.has_others for it in sites))
    try:
        yield sites
    finally:
        for site in sites:
            await site.close()


@pytest.fixture(params=["local", "nats"])
async def sites(request: pytest.FixtureRequest, nats_server: NatsServer) -> AsyncIterator[list[Site]]:
    if request.param == "local":
        bus = LocalBus()
        async with opened_sites(bus, bus, bus) as sites:
            yield sites
        return
    async with (
        opened_nodes(nats_server.url, 3) as nodes,
        opened_sites(*(it.bus for it in nodes)) as sites,
    ):
        yield sites


async def test_a_change_reaches_watchers_on_other_nodes_and_no_other_node(sites: list[Site]) -> None:
    here, there, third = sites
    there.live.watch(DEVICE, there.heard.append)
    third.live.watch(OTHER, third.heard.append)
    await until(lambda: here.live.is_watched(DEVICE) and here.live.is_watched(OTHER))
    here.live.tell(arrived())
    await until(lambda: bool(there.points()))
    await settled(here.bus, there.bus, third.bus)
    assert there.points() == [arrived()]
    assert third.points() == []


async def test_changes_keep_their_order_whatever_they_are_about(sites: list[Site]) -> None:
    here, there, _ = sites
    for device_id in (DEVICE, OTHER):
        there.live.watch(device_id, there.heard.append)
    await until(lambda: here.live.is_watched(DEVICE) and here.live.is_watched(OTHER))
    told: list[Change] = [arrived((DEVICE, OTHER)[number % 2], str(number)) for number in range(200)]
    for change in told:
        here.live.tell(change)
    await until(lambda: len(there.points()) == len(told))
    assert there.points() == told


async def test_nobody_is_told_when_the_last_watcher_has_left(sites: list[Site]) -> None:
    here, there, _ = sites
    stops = [there.live.watch(DEVICE, there.heard.append) for _ in range(2)]
    await until(lambda: here.live.is_watched(DEVICE))
    stops[0]()
    await settled(here.bus, there.bus)
    assert here.live.is_watched(DEVICE)
    stops[1]()
    await until(lambda: not here.live.is_watched(DEVICE))


async def test_who_begins_to_watch_asks_again_when_all_nodes_know_it(sites: list[Site]) -> None:
    """Between the first look and that moment another node may have stored something."""
    _, there, _ = sites
    there.live.watch(DEVICE, there.heard.append)
    await until(lambda: OwnershipChanged(DEVICE) in there.heard)


async def test_what_is_too_large_for_a_message_is_asked_for_instead(sites: list[Site]) -> None:
    here, there, _ = sites
    there.live.watch(DEVICE, there.heard.append)
    await until(lambda: here.live.is_watched(DEVICE) and OwnershipChanged(DEVICE) in there.heard)
    there.heard.clear()
    here.live.tell(arrived(value="x" * LARGEST_MESSAGE_BYTES))
    await until(lambda: bool(there.heard))
    assert there.heard == [OwnershipChanged(DEVICE)]


async def test_news_of_credentials_reach_every_node(sites: list[Site]) -> None:
    heard: list[UUID] = []
    for site in sites:
        site.live.watch_credentials(heard.append)
    await settled(*(it.bus for it in sites))
    sites[0].live.tell_credentials(DEVICE)
    await until(lambda: len(heard) == len(sites))
    assert heard == [DEVICE] * len(sites)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path / "nats.log")
    server.start()
    yield server
    server.kill()


async def test_while_nats_is_away_watchers_ask_and_then_all_is_told_again(own_server: NatsServer) -> None:
    async with (
        opened_nodes(own_server.url) as nodes,
        opened_sites(*(it.bus for it in nodes)) as (here, there),
    ):
        there.live.watch(DEVICE, there.heard.append)
        own_server.kill()
        await until(lambda: not any(it.bus.is_whole for it in nodes))
        there.heard.clear()
        await until(lambda: there.heard.count(OwnershipChanged(DEVICE)) > 2)
        # Somebody comes while nobody can be told.
        there.live.watch(OTHER, there.heard.append)
        there.live.tell(arrived(value="near"))
        assert arrived(value="near") in there.heard
        own_server.start()
        await until(lambda: here.live.is_watched(OTHER))
        here.live.tell(arrived(OTHER))
        await until(lambda: arrived(OTHER) in there.heard)
        await until(lambda: not there.live._missed)
        await asyncio.sleep(2 * OFTEN_S)
        there.heard.clear()
        await asyncio.sleep(3 * OFTEN_S)
        assert OwnershipChanged(DEVICE) not in there.heard, "nobody asks again and again when all is well"
