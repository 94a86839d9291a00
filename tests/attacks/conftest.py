"""The stage for attacks on claiming: the rules over a real SQLite file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deedbox.core.devices import Device
from deedbox.testing.claim_scene import ClaimScene
from tests.api.conftest import deployment, template_folder
from tests.storage.sqlite_bench import SQLiteBench, new_database

__all__ = ["bench", "deployment", "device", "scene", "template_folder"]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[SQLiteBench]:
    bench = SQLiteBench(new_database(tmp_path))
    yield bench
    await bench.close()


@pytest.fixture
def scene(bench: SQLiteBench) -> ClaimScene:
    return ClaimScene(bench)


@pytest.fixture
async def device(scene: ClaimScene) -> Device:
    """A device of the tenant; nobody owns it yet."""
    return await scene.prepare()
