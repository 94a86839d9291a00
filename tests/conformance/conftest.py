"""What the conformance tests share: a server that real clients talk to."""

from collections.abc import Iterator

import pytest

from tests.server_process import ServerAddress, running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerAddress]:
    """(base URL, e-mail, password) of a server of this module's own."""
    with running_server(tmp_path_factory.mktemp("server") / "data") as running:
        yield running.address
