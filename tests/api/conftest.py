"""A fresh deployment for each test that asks for one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.deployment import Deployment, copy_of, forget_database, make_template, opened_deployment


@pytest.fixture(scope="session")
def template_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployment") / "data"
    with asyncio.Runner() as runner:
        runner.run(make_template(folder))
    return folder


@pytest.fixture
async def deployment(template_folder: Path, tmp_path: Path) -> AsyncIterator[Deployment]:
    folder = copy_of(template_folder, tmp_path / "data")
    async with opened_deployment(folder) as opened:
        yield opened
    forget_database(folder)
