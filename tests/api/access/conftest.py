"""The site that tests of roles and groups play on."""

import pytest

from tests.api.access.group_site import GroupSite, group_site
from tests.api.deployment import Deployment


@pytest.fixture
async def site(deployment: Deployment) -> GroupSite:
    return await group_site(deployment)
