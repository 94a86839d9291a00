"""Commands and real servers on a real PostgreSQL: made and migrated by whichever node comes first."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from deedbox.core.errors import StorageUnavailable
from deedbox.storage.migrating import migrate, newest_revision
from deedbox.storage.postgresql_schema import with_locked_schema
from tests.cli.running import ran
from tests.ports import free_port
from tests.server_process import RunningServer, running_server
from tests.storage.postgresql_bench import EMPTY, drop_postgresql, new_postgresql, run_plainly


@pytest.fixture
def url() -> Iterator[str]:
    """An empty database."""
    address = new_postgresql(EMPTY)
    yield address
    drop_postgresql(address)


def findings(url: str, folder: Path) -> dict[str, tuple[str, str]]:
    told = ran("doctor", "--data", str(folder), "--database-url", url, "--json")
    return {it["check"]: (it["status"], it["text"]) for it in json.loads(told.stdout)}


def test_migrating_and_looking(url: str, tmp_path: Path) -> None:
    options = ("--data", str(tmp_path), "--database-url", url)
    assert findings(url, tmp_path)["database"][1].endswith(", empty")
    assert f"Schema before: none. Schema now: {newest_revision()}." in ran("migrate", *options).stdout
    assert "nothing to do" in ran("migrate", *options).stdout
    status, text = findings(url, tmp_path)["database"]
    assert (status, text.startswith("PostgreSQL 1")) == ("ok", True)
    assert text.endswith(f"schema {newest_revision()}")


def test_of_several_that_migrate_at_once_one_does(url: str, tmp_path: Path) -> None:
    """Issue 4: nodes that start together on an empty database do not get in each other's way."""
    folders = [str(tmp_path / str(number)) for number in range(3)]
    with ThreadPoolExecutor(3) as migrating:
        told = [*migrating.map(lambda it: ran("migrate", "--data", it, "--database-url", url), folders)]
    assert [it.returncode for it in told] == [0, 0, 0], told
    assert run_plainly(url, "select version_num from alembic_version", ()) == [(newest_revision(),)]


def test_a_migration_whose_connection_is_lost_says_so(url: str) -> None:
    """Issue 4: connections killed. Nothing is half made, and the same again comes through."""
    with pytest.raises(StorageUnavailable, match="It is as it was; try again"):
        with_locked_schema(
            url, lambda it: it.exec_driver_sql("select pg_terminate_backend(pg_backend_pid())")
        )
    assert migrate(url) == (None, newest_revision())


def test_a_newer_schema_is_left_alone(url: str, tmp_path: Path) -> None:
    """Issue 4: refuse to start, and say which migration."""
    options = ("--data", str(tmp_path), "--database-url", url)
    ran("migrate", *options)
    run_plainly(url, "update alembic_version set version_num = '9999'", ())
    run_plainly(url, "comment on table alembic_version is '9999'", ())
    listening = ("--http", f"127.0.0.1:{free_port()}", "--mqtt", "off", "--coap", "off")
    for command in (("migrate",), ("serve", *listening)):
        refused = ran(*command, *options)
        assert refused.returncode != 0
        assert "has schema 9999" in refused.stderr
    assert findings(url, tmp_path)["database"][0] == "failed"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://nobody@127.0.0.1:1/none", "PostgreSQL can't be used"),
        ("mysql://nobody@127.0.0.1/none", "begins with 'mysql'"),
    ],
)
def test_what_is_no_database_is_said(url: str, said: str, tmp_path: Path) -> None:
    refused = ran("migrate", "--data", str(tmp_path), "--database-url", url)
    assert (refused.returncode != 0, "Traceback" in refused.stderr) == (True, False)
    assert said in refused.stderr


class Node:
    """One server of two, called as its administrator."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.headers: dict[str, str] = {}

    def call(self, method: str, path: str, json: Any = None) -> Any:
        """The JSON of an answer that must be 200."""
        answer = httpx.request(method, self.server.base_url + path, json=json, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()


def test_two_nodes_that_start_at_once_are_one_deployment(url: str, tmp_path: Path) -> None:
    """Issue 4: no leader, no affinity; what one node stored another shows, a session is good for both."""
    environment = {"DEEDBOX_SECRETS_KEY_FILE": str(tmp_path / "secret.key"), "DEEDBOX_DATABASE_URL": url}
    ran("migrate", "--data", str(tmp_path / "a"), environment=environment)
    first = running_server(tmp_path / "a", environment=environment)
    with ExitStack() as nodes:
        one = Node(nodes.enter_context(first))
        with ThreadPoolExecutor(2) as starting:
            servers = [running_server(tmp_path / it, environment=environment) for it in ("b", "c")]
            others = [Node(it) for it in starting.map(nodes.enter_context, servers)]
        login = {"username": one.server.email, "password": one.server.password}
        token = one.call("POST", "/api/auth/login", login)["token"]
        for node in (one, *others):
            node.headers["X-Authorization"] = f"Bearer {token}"
        made = one.call("POST", "/api/tenant", {"title": "Gadget Works"})
        for node in others:
            assert node.call("GET", f"/api/tenant/{made['id']['id']}")["title"] == "Gadget Works"
        one.server.kill()
        assert others[0].call("POST", "/api/tenant", {"title": "Other Works"})["id"] != made["id"]
        assert others[1].call("GET", "/api/tenants?pageSize=10&page=0")["totalElements"] == 2
