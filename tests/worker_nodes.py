"""Has every server under test be several processes over PostgreSQL and NATS: DEEDBOX_TEST_WORKERS=2."""

import atexit
import os
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from tests.cluster.nats_server import NatsServer
from tests.storage.postgresql_bench import EMPTY, new_postgresql

COUNT = int(os.environ.get("DEEDBOX_TEST_WORKERS", "1"))


def settings_of_workers(data_folder: Path) -> dict[str, str]:
    """Return the environment of a server over this folder: a database of its own, the NATS of all."""
    return {
        "DEEDBOX_DATABASE_URL": _database(data_folder.resolve()),
        "DEEDBOX_NATS_URL": _nats(data_folder.resolve()).url,
        "DEEDBOX_SERVE_WORKERS": str(COUNT),
    }


@cache
def _database(_data_folder: Path) -> str:
    return new_postgresql(EMPTY)


@cache
def _nats(_data_folder: Path) -> NatsServer:
    """Return a NATS of its own: deployments must not hear each other."""
    server = NatsServer(Path(mkdtemp(prefix="deedbox-nats-")) / "nats.log")
    server.start()
    atexit.register(server.kill)
    return server
