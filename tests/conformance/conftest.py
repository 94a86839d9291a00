"""What the conformance tests share: a server that real clients talk to."""

from collections.abc import Iterator

import pytest

from tests.conformance.told_story import GENERATIONS, Story, tell_story
from tests.server_process import ServerAddress, running_server


@pytest.fixture(scope="session", params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> str:
    """Which generation of ThingsBoard's Python client tells its story."""
    version: str = request.param
    return version


@pytest.fixture(scope="session")
def story(generation: str, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The whole story of one generation, told once for all tests to a server of its own."""
    with running_server(tmp_path_factory.mktemp(f"for-{generation}") / "data") as running:
        return tell_story(running.address, generation)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerAddress]:
    """(base URL, e-mail, password) of a server of this module's own."""
    with running_server(tmp_path_factory.mktemp("server") / "data") as running:
        yield running.address
