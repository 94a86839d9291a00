"""Migrations that were killed half way, and schemas that no release made: nothing is half made or guessed."""

import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from deedbox.storage.migrating import newest_revision
from tests.cli.running import ran
from tests.ports import free_port
from tests.server_process import COMMAND, running_server
from tests.storage.postgresql_bench import (
    EMPTY,
    PlainPostgreSQL,
    drop_postgresql,
    new_postgresql,
    run_plainly,
)

_LONGEST_WAIT_S = 60


@pytest.fixture
def url() -> Iterator[str]:
    """An empty database."""
    address = new_postgresql(EMPTY)
    yield address
    drop_postgresql(address)


def tables(url: str) -> set[str]:
    found = run_plainly(url, "select tablename from pg_tables where schemaname = 'public'", ())
    return {str(name) for (name,) in found}


def kill_half_way(url: str, folder: Path, table: str) -> None:
    """Begin to migrate, have it wait for the name of one of its tables, and kill it there."""
    with closing(PlainPostgreSQL(url)) as somebody_else:
        somebody_else.script(f"begin; create table {table} (of_somebody_else integer)")
        command = [str(COMMAND), "migrate", "--data", str(folder), "--database-url", url]
        migrating = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        give_up_at = time.monotonic() + _LONGEST_WAIT_S
        waits = "select 1 from pg_locks where not granted and locktype = 'transactionid'"
        while somebody_else.execute(waits).fetchone() is None:
            time.sleep(0.02)
            assert migrating.poll() is None, "it ended before it came so far"
            assert time.monotonic() < give_up_at, "it did not come so far"
        migrating.kill()
        migrating.wait()
        somebody_else.script("rollback")


def test_a_migration_that_is_killed_leaves_nothing(url: str, tmp_path: Path) -> None:
    """Issue 4: half a schema is none; the next start makes it all."""
    kill_half_way(url, tmp_path / "a", "claim_window")
    assert tables(url) == set()
    with running_server(tmp_path / "b", "--database-url", url):
        assert run_plainly(url, "select version_num from alembic_version", ()) == [(newest_revision(),)]
        assert {"tenant", "claim_window", "deed"} <= tables(url)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_schema_of_nobody_is_refused(kind: str, url: str, tmp_path: Path) -> None:
    """Issue 4: refuse to start, and say which migration."""
    data = tmp_path / "data"
    address = url if kind == "postgresql" else f"sqlite:///{data}/deedbox.sqlite"
    options = ("--data", str(data), "--database-url", address)
    assert ran("migrate", *options).returncode == 0
    change = "update alembic_version set version_num = '0003-of-somebody-else'"
    if kind == "postgresql":
        run_plainly(url, change, ())
    else:
        with closing(sqlite3.connect(data / "deedbox.sqlite")) as connection:
            connection.execute(change)
            connection.commit()
    listening = ("--http", f"127.0.0.1:{free_port()}", "--mqtt", "off", "--coap", "off")
    for command in (("migrate",), ("serve", *listening), ("doctor",)):
        refused = ran(*command, *options)
        said = refused.stderr + refused.stdout
        assert (refused.returncode != 0, "Traceback" in said) == (True, False), said
        assert "0003-of-somebody-else" in said, said
