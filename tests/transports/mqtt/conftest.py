"""A server with clients that are joined to it in memory, for each test."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deedbox.core.device_limits import DeviceLimits
from deedbox.transports.mqtt.settings import MqttSessionSettings
from deedbox.transports.settings import JournalSettings
from tests.storage.sqlite_bench import SQLiteBench, new_database
from tests.transports.mqtt.gateway_site import GatewaySite
from tests.transports.mqtt.joined import JoinedSite

#: Small, so that tests reach them.
SETTINGS = MqttSessionSettings(
    most_connections=50, most_per_device=3, most_inflight=10, most_queued=5, most_kept=4
)


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SQLiteBench]:
    bench = SQLiteBench(new_database(tmp_path))
    yield bench
    await bench.close()


@pytest.fixture
async def new_site(sqlite: SQLiteBench) -> AsyncIterator[Callable[..., Any]]:
    """Make a site with some settings of its own."""
    async with AsyncExitStack() as stack:

        async def make(
            limits: DeviceLimits | None = None, journal: JournalSettings | None = None, **settings: Any
        ) -> JoinedSite:
            more = {} if journal is None else {"journal": journal}
            site = JoinedSite(sqlite, msgspec.structs.replace(SETTINGS, **settings), limits, **more)
            stack.push_async_callback(site.close)
            await site.prepare()
            return site

        yield make


@pytest.fixture
async def site(new_site: Callable[..., Any]) -> JoinedSite:
    made: JoinedSite = await new_site()
    return made


@pytest.fixture
async def gateway_site(site: JoinedSite) -> GatewaySite:
    made = GatewaySite(site)
    await made.prepare()
    return made
