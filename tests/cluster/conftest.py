"""A NATS server that the tests of a module share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.nats_server import NatsServer


@pytest.fixture(scope="module")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer(Path(tmp_path_factory.mktemp("nats")) / "nats.log")
    server.start()
    yield server
    server.kill()
