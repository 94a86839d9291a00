"""A deployment that answers WebSockets, with a device of alice's."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from tests.api.deployment import Deployment
from tests.api.live.live_site import LiveSite, live_site


class Gadget(NamedTuple):
    """A device: its id and its access token."""

    id: str
    token: str


@pytest.fixture
async def site(deployment: Deployment) -> AsyncIterator[LiveSite]:
    async with live_site(deployment) as opened:
        yield opened


@pytest.fixture
async def gadget(site: LiveSite) -> Gadget:
    device_id = str((await site.deployment.make_device("Gadget"))["id"]["id"])
    await site.give(device_id, "alice")
    return Gadget(device_id, await site.deployment.device_token(device_id))
