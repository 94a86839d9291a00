"""Deedbox behind a real PgBouncer in transaction mode, where each transaction may meet another connection."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, urlparse

import pytest

from deedbox.core.errors import StorageUnavailable
from deedbox.storage.migrating import migrate, newest_revision
from deedbox.storage.opening import schema_of, server_facts
from deedbox.storage.pool_options import PoolOptions
from deedbox.storage.postgresql import PostgreSQLStorage
from deedbox.storage.postgresql_replicas import POSITION
from tests.ports import free_port
from tests.storage.postgresql_bench import (
    EMPTY,
    PlainPostgreSQL,
    database_name,
    drop_postgresql,
    new_postgresql,
)
from tests.storage.test_postgresql import add_one, total

_LONGEST_START_S = 20
_SETTINGS = """
[databases]
{name} = host={host} dbname={name} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
"""


@pytest.fixture
def url() -> Iterator[str]:
    """An empty database behind PgBouncer, which shares three connections among everybody."""
    direct, port = new_postgresql(EMPTY), free_port()
    name, host = database_name(direct), parse_qs(urlparse(direct).query)["host"][0]
    with TemporaryDirectory(prefix="deedbox-pgbouncer-") as folder:
        settings = Path(folder) / "pgbouncer.ini"
        settings.write_text(_SETTINGS.format(name=name, host=host, port=port))
        Path(folder).chmod(0o755)
        command = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
        assert command, "install PgBouncer (Debian's package pgbouncer), or have `make test` do it"
        whoever = []
        if os.geteuid() == 0:  # as whom it refuses to run
            whoever = ["--user", "nobody"]
            for it in (Path(host), Path(host).parent):
                it.chmod(0o711)
        process = subprocess.Popen([command, *whoever, str(settings)], stderr=subprocess.DEVNULL)
        try:
            through = f"postgresql://postgres@127.0.0.1:{port}/{name}"
            _wait_for(through)
            yield through
        finally:
            process.kill()
            process.wait()
    drop_postgresql(direct)


def _wait_for(url: str) -> None:
    give_up_at = time.monotonic() + _LONGEST_START_S
    while True:
        try:
            return PlainPostgreSQL(url).close()
        except OSError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.05)


async def test_transactions_share_connections(url: str) -> None:
    """Issue 4: works behind PgBouncer in transaction mode, from the first migration on."""
    await asyncio.to_thread(migrate, url)
    assert (await asyncio.to_thread(schema_of, url)).revision == newest_revision()
    assert not (await asyncio.to_thread(server_facts, url)).holds_users
    nodes = [await PostgreSQLStorage.open(url, PoolOptions(6, prepared_statements=False)) for _ in range(3)]
    await asyncio.gather(*(it.write(add_one) for it in nodes * 10), *(total(it) for it in nodes * 20))
    assert await total(nodes[0]) == 30
    position = await nodes[0]._ask(POSITION)
    assert len(await asyncio.gather(*(it._ask(POSITION) for it in nodes * 10))) == 30
    assert "/" in position
    made = await asyncio.gather(*(it.partitions.make_ahead(it.now_ms() + 10**9, 7) for it in nodes))
    assert any(it.periods for it in made)
    for it in nodes:
        await it.close()


async def test_prepared_statements_that_get_lost_are_explained(url: str) -> None:
    """Versions before 1.21 mix them up; later ones follow them, when told to."""
    await asyncio.to_thread(migrate, url)
    try:
        node = await PostgreSQLStorage.open(url, PoolOptions(6))
    except StorageUnavailable as refusal:
        assert "database.prepared_statements = false" in refusal.message
        return
    await asyncio.gather(*(node.write(add_one) for _ in range(10)))
    assert await total(node) == 10
    await node.close()
