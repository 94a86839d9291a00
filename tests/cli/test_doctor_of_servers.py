"""What `deedbox doctor` says about PostgreSQL's settings and about NATS, both real."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.acceptance.own_postgresql import IMMEDIATE
from tests.cli.running import ran
from tests.cluster.nats_server import NatsServer
from tests.ports import free_port
from tests.storage.postgresql_bench import EMPTY, database_name, drop_postgresql, new_postgresql, run_plainly
from tests.storage.replicated import replicated

WITH_PASSWORD = ("--user", "deedbox", "--pass", "secret-of-nats")


@pytest.fixture
def url() -> Iterator[str]:
    """An empty database whose commits are safe, as far as its own settings go."""
    address = new_postgresql(EMPTY)
    run_plainly(address, f'alter database "{database_name(address)}" set synchronous_commit = on', ())
    yield address
    drop_postgresql(address)


@pytest.fixture
def syncing(url: str) -> Iterator[None]:
    """The tests' server as it would be anywhere else: it does not sync to be quick."""
    run_plainly(url, "alter system set fsync = on", ())
    run_plainly(url, "select pg_reload_conf()", ())
    yield
    run_plainly(url, "alter system set fsync = off", ())
    run_plainly(url, "select pg_reload_conf()", ())


@pytest.fixture
def nats(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path / "nats.log", *getattr(request, "param", ()))
    server.start()
    yield server
    server.kill()


def finding(name: str, folder: Path, environment: Mapping[str, str]) -> tuple[str, str]:
    """What the doctor says about this: its status and its text."""
    told = ran("doctor", "--data", str(folder), "--json", environment=environment)
    found = {it["check"]: (it["status"], it["text"]) for it in json.loads(told.stdout)}
    assert (told.returncode == 1) is any(status == "failed" for status, _ in found.values())
    return found[name]


def test_a_server_that_does_not_sync_fails(url: str, tmp_path: Path) -> None:
    status, text = finding("postgresql", tmp_path, {"DEEDBOX_DATABASE_URL": url})
    assert (status, text.partition(":")[0]) == ("failed", "fsync is off")


@pytest.mark.usefixtures("syncing")
def test_commits_that_do_not_wait_fail_and_connections_are_counted(url: str, tmp_path: Path) -> None:
    environment = {"DEEDBOX_DATABASE_URL": url}
    status, text = finding("postgresql", tmp_path, environment)
    assert status == "ok" and text.startswith("10 connections for this machine")
    many = environment | {"DEEDBOX_DATABASE_CONNECTIONS": "90"}
    assert finding("postgresql", tmp_path, many)[0] == "warning"
    run_plainly(url, f'alter database "{database_name(url)}" set synchronous_commit = off', ())
    status, text = finding("postgresql", tmp_path, environment)
    assert (status, text.partition(":")[0]) == ("failed", "synchronous_commit is off")


@pytest.mark.parametrize(("nats", "status"), [(WITH_PASSWORD, "ok"), ((), "warning")], indirect=["nats"])
def test_nats_should_let_nobody_else_in(nats: NatsServer, status: str, tmp_path: Path) -> None:
    address = nats.url.replace("//", "//deedbox:secret-of-nats@")
    found, text = finding("nats", tmp_path, {"DEEDBOX_NATS_URL": address})
    assert found == status
    assert "secret-of-nats" not in text


@pytest.mark.parametrize("nats", [WITH_PASSWORD], indirect=True)
def test_a_wrong_password_and_an_address_where_nobody_is_fail(nats: NatsServer, tmp_path: Path) -> None:
    wrong = nats.url.replace("//", "//deedbox:wrong@")
    status, text = finding("nats", tmp_path, {"DEEDBOX_NATS_URL": wrong})
    assert status == "failed" and "uthorization" in text and "wrong@" not in text
    nobody = f"{nats.url.replace('//', '//deedbox:secret-of-nats@')},nats://127.0.0.1:{free_port()}"
    assert finding("nats", tmp_path, {"DEEDBOX_NATS_URL": nobody})[0] == "failed"


@pytest.fixture
def small_messages(tmp_path: Path) -> tuple[str, ...]:
    """A configuration of NATS for messages that are too short for us."""
    (tmp_path / "nats.conf").write_text("max_payload: 65536\n")
    return ("-c", str(tmp_path / "nats.conf"))


def test_messages_have_to_fit(small_messages: tuple[str, ...], tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "nats.log", *small_messages)
    server.start()
    try:
        status, text = finding("nats", tmp_path, {"DEEDBOX_NATS_URL": server.url})
    finally:
        server.kill()
    assert status == "failed" and "max_payload" in text


def test_replicas_have_to_follow_this_database(url: str, tmp_path: Path) -> None:
    with replicated() as servers:
        primary = {"DEEDBOX_DATABASE_URL": servers.primary.url}

        def replicas(*urls: str) -> tuple[str, str]:
            return finding("replicas", tmp_path, primary | {"DEEDBOX_DATABASE_REPLICA_URLS": ",".join(urls)})

        assert replicas(servers.replica.url) == ("ok", "1 there, following")
        assert replicas(servers.replica.url, servers.primary.url)[0] == "warning"
        assert replicas(url)[0] == "failed"
        servers.replica.stop(IMMEDIATE)
        status, text = replicas(servers.replica.url)
        assert status == "failed" and "replica 1" in text and "read on the primary" in text
