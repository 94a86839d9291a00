"""Both buses take the exam of buses."""

from collections.abc import AsyncIterator

import pytest

from deedbox.cluster.bus import Bus
from deedbox.cluster.local import LocalBus
from deedbox.testing.bus_suite import BusSuite
from tests.cluster.nats_server import NatsServer, opened_nodes


class TestLocalBus(BusSuite):
    """The bus inside one process: two parts of it share the bus."""

    @pytest.fixture
    def buses(self) -> tuple[Bus, Bus]:
        bus = LocalBus()
        return bus, bus


class TestNatsBus(BusSuite):
    """The bus over a real NATS server."""

    @pytest.fixture
    async def buses(self, nats_server: NatsServer) -> AsyncIterator[tuple[Bus, Bus]]:
        async with opened_nodes(nats_server.url) as (here, there):
            yield here.bus, there.bus
