"""News of sessions between nodes: over both buses, and over a NATS that goes and comes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import pytest

from deedbox.cluster.bus import Bus
from deedbox.cluster.local import LocalBus
from deedbox.cluster.sessions import SessionNews
from deedbox.testing.bus_suite import settled, until
from tests.cluster.nats_server import NatsServer, opened_nodes

ALICE, BOB = UUID(int=1), UUID(int=2)


class Site:
    """News at a node: whom it was told to forget, and how often everybody."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.forgotten: list[UUID] = []
        self.times_all = 0
        self.news = SessionNews(bus)
        self.leave = self.news.join(self.forgotten.append, self._forget_all)

    def _forget_all(self) -> None:
        self.times_all += 1


@pytest.fixture(params=["local", "nats"])
async def sites(request: pytest.FixtureRequest, nats_server: NatsServer) -> AsyncIterator[list[Site]]:
    if request.param == "local":
        bus = LocalBus()
        yield [Site(bus), Site(bus)]
        return
    async with opened_nodes(nats_server.url) as nodes:
        yield [Site(it.bus) for it in nodes]


async def test_news_reach_every_node_once_and_their_own_at_once(sites: list[Site]) -> None:
    """Behaviour §5.4."""
    await settled(*(it.bus for it in sites))
    here, there = sites
    here.news.tell(ALICE)
    assert here.forgotten == [ALICE]
    there.news.tell(BOB)
    await until(lambda: len(here.forgotten) + len(there.forgotten) == 4)
    await settled(*(it.bus for it in sites))
    assert (set(here.forgotten), set(there.forgotten)) == ({ALICE, BOB}, {ALICE, BOB})
    assert len(here.forgotten) + len(there.forgotten) == 4


async def test_who_has_left_hears_nothing_more(sites: list[Site]) -> None:
    here, there = sites
    there.leave()
    await settled(*(it.bus for it in sites))
    here.news.tell(ALICE)
    await settled(*(it.bus for it in sites))
    assert there.forgotten == []


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path / "nats.log")
    with ExitStack() as closing:
        closing.callback(server.kill)
        server.start()
        yield server


async def test_what_was_told_while_nats_was_away_is_made_good(own_server: NatsServer) -> None:
    async with opened_nodes(own_server.url) as nodes:
        here, there = (Site(it.bus) for it in nodes)
        own_server.kill()
        await until(lambda: not any(it.bus.is_whole for it in nodes))
        before = there.times_all
        here.news.tell(ALICE)
        assert here.forgotten == [ALICE]
        own_server.start()
        await until(lambda: here.times_all > 0 and there.times_all > before)
        await settled(*(it.bus for it in nodes))
        here.news.tell(BOB)
        await until(lambda: BOB in there.forgotten)
