"""A release runs on the schema of the next one: nodes are upgraded one after the other, and may go back."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from deedbox.storage.migrating import newest_revision
from tests.cli.running import ran
from tests.conformance.rest_people import new_maker, new_owner, post
from tests.ports import free_port
from tests.server_process import running_server
from tests.storage.postgresql_bench import EMPTY, drop_postgresql, new_postgresql, run_plainly

#: What the next release does: it adds a column that this one knows nothing of.
EXPANDED = ("alter table device add column colour text", "update alembic_version set version_num = '9999'")


class Database:
    """A migrated database of either kind, and how the next release says who still runs on it."""

    def __init__(self, url: str, promise: str, execute: Callable[[str], object]) -> None:
        self.url = url
        self.promise = promise
        self.execute = execute


def on_sqlite(path: Path) -> Callable[[str], object]:
    def execute(sql: str) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(sql)
            connection.commit()

    return execute


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database as this release makes it."""
    path = tmp_path / "data" / "deedbox.sqlite"
    if request.param == "sqlite":
        made = Database(f"sqlite:///{path}", "pragma user_version = {}", on_sqlite(path))
    else:
        url = new_postgresql(EMPTY)
        promise = "comment on table alembic_version is '{:04}'"
        made = Database(url, promise, lambda sql: run_plainly(url, sql, ()))
    assert ran("migrate", "--data", str(path.parent), "--database-url", made.url).returncode == 0
    yield made
    if request.param == "postgresql":
        drop_postgresql(made.url)


def test_this_release_runs_on_the_schema_of_the_next(database: Database, tmp_path: Path) -> None:
    """Issue 4: expand, then contract."""
    for sql in EXPANDED:
        database.execute(sql)
    with (
        running_server(tmp_path / "data", "--database-url", database.url) as server,
        closing(new_maker(server.address)) as maker,
        closing(new_owner(maker)) as owner,
    ):
        post(maker, "/api/device?accessToken=token", {"name": "lamp", "type": "default"})
        offer = {"secretKey": "on the label"}
        httpx.post(f"{server.base_url}/api/v1/token/claim", json=offer, trust_env=False).raise_for_status()
        assert post(owner, "/api/customer/device/lamp/claim", offer)["response"] == "SUCCESS"
    looked = ran("doctor", "--data", str(tmp_path / "data"), "--database-url", database.url, "--json")
    found = {it["check"]: (it["status"], it["text"]) for it in json.loads(looked.stdout)}
    assert found["database"][0] == "ok"
    migrated = ran("migrate", "--data", str(tmp_path / "data"), "--database-url", database.url)
    assert "nothing to do" in migrated.stdout


def test_a_schema_that_was_contracted_is_refused(database: Database, tmp_path: Path) -> None:
    """Issue 4: refuse to start, say which migration."""
    for sql in (*EXPANDED, database.promise.format(9998)):
        database.execute(sql)
    listening = ("--http", f"127.0.0.1:{free_port()}", "--mqtt", "off", "--coap", "off")
    refused = ran("serve", "--data", str(tmp_path / "data"), "--database-url", database.url, *listening)
    assert refused.returncode != 0
    assert "schema 9999, and works from 9998 on" in refused.stderr
    assert f"knows up to {newest_revision()}" in refused.stderr
