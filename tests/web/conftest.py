"""A fresh site for each test of the pages."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.pages_site import PagesSite


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[PagesSite]:
    opened = PagesSite(tmp_path)
    await opened.open()
    yield opened
    await opened.close()
