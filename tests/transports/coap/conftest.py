"""An endpoint with peers that are joined to it in memory, for each test."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deedbox.core.device_limits import DeviceLimits
from deedbox.transports.coap.settings import CoapPeerSettings
from tests.storage.sqlite_bench import SQLiteBench, new_database
from tests.transports.coap.coap_site import CoapSite, Device

#: Small, so that tests reach them.
SETTINGS = CoapPeerSettings(
    most_peers=50,
    requests_per_peer=4,
    largest_body_bytes=4_000,
    most_block_bytes=65_536,
    observations_per_peer=3,
    most_queued=3,
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

        async def make(limits: DeviceLimits | None = None, **settings: Any) -> CoapSite:
            site = CoapSite(sqlite, msgspec.structs.replace(SETTINGS, **settings), limits)
            stack.push_async_callback(site.close)
            await site.prepare()
            return site

        yield make


@pytest.fixture
async def site(new_site: Callable[..., Any]) -> CoapSite:
    made: CoapSite = await new_site()
    return made


@pytest.fixture
def device(site: CoapSite) -> Device:
    """The device's peer."""
    return site.peer()
