"""PostgreSQL runs out of disk under a server: it says so, reads while anybody can, loses nothing, goes on."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Protocol

import asyncpg
import httpx
import pytest

from tests.acceptance.full_disks import (
    Stage,
    assert_unavailable,
    fill,
    may_mount,
    small_disk,
)
from tests.acceptance.own_postgresql import OwnPostgreSQL, own_postgresql
from tests.acceptance.ownership_records import unexplained
from tests.conformance.mqtt_site import wait_until
from tests.conformance.rest_people import PASSWORD, new_maker, new_owner
from tests.server_process import RunningServer, running_server

DISK_BYTES = 256 * 1024 * 1024
#: Little log, so that it needs new files soon.
SETTINGS = {"min_wal_size": "32MB", "max_wal_size": "64MB"}
MOST_LOG_FILES = 50
MOST_MESSAGES = 500
UNLIMITED = -1


class Trouble(Protocol):
    """A way to run out of room."""

    folder: Path

    def fill(self, database: OwnPostgreSQL) -> None:
        """Leave no room."""

    def relieve(self, database: OwnPostgreSQL) -> None:
        """Make room again."""


class SmallDisk:
    """A file system of its own, filled up by another file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, database: OwnPostgreSQL) -> None:
        """Fill it to the last block."""
        fill(self._ballast)

    def relieve(self, database: OwnPostgreSQL) -> None:
        """Delete what fills it."""
        self._ballast.unlink()


class SmallFiles:
    """A limit that lets nothing be written any more, not even to the log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, database: OwnPostgreSQL) -> None:
        """Let nothing be written beyond the first block of a file."""
        self._limit(database, 8192)

    def relieve(self, database: OwnPostgreSQL) -> None:
        """Lift the limit; what is started anew has none."""
        self._limit(database, UNLIMITED)

    def _limit(self, database: OwnPostgreSQL, size_bytes: int) -> None:
        """Everybody may limit processes of their own, and nobody else's."""
        if not database.is_running:
            return
        first, *others = database.pids
        for pid in (first, *others):
            limit = ["prlimit", f"--pid={pid}", f"--fsize={size_bytes}:"]
            # Others may have ended meanwhile.
            subprocess.run(limit, user=database.user, group=database.group, check=pid == first)


@pytest.fixture(params=["small files", *(["small disk"] if may_mount() else [])])
def trouble(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Trouble]:
    if request.param == "small files":
        yield SmallFiles(tmp_path)
        return
    with small_disk(DISK_BYTES) as folder:
        yield SmallDisk(folder)


def crash(database: OwnPostgreSQL) -> None:
    """Have PostgreSQL want new files for its log until it gives up."""
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        for _ in range(MOST_LOG_FILES):
            database.ask("select pg_switch_wal()")
            database.ask("create table if not exists ballast (n integer)")
            database.ask("insert into ballast select 1")


def is_ready(server: RunningServer) -> bool:
    return httpx.get(f"{server.base_url}/readyz", timeout=60, trust_env=False).status_code == httpx.codes.OK


def test_a_full_disk_is_told_survived_and_left_behind(trouble: Trouble, tmp_path: Path) -> None:
    """Issue 4: writes get 503 and the database may crash; with room again all goes on, nothing is lost."""
    with (
        own_postgresql(trouble.folder / "db", **SETTINGS) as database,
        running_server(tmp_path / "data", "--database-url", database.url) as server,
        closing(new_maker(server.address)) as maker,
        closing(new_owner(maker)) as owner,
    ):
        stage = Stage(server, maker, owner)
        assert stage.measure().status_code == 200
        trouble.fill(database)
        refused = next(it for it in (stage.measure() for _ in range(MOST_MESSAGES)) if it.status_code != 200)
        assert_unavailable(refused)
        for answer in (
            stage.measure(),
            maker.post("/api/device", json={"name": "more", "type": "lamp"}),
            owner.post("/api/auth/login", json={"username": "owner@deedbox.test", "password": PASSWORD}),
            stage.device_post("next", "claim", {"secretKey": "other"}),
        ):
            if answer.status_code != 200:
                assert_unavailable(answer)
        if database.lets_in():
            assert owner.get("/api/auth/user").status_code == 200
        crash(database)
        wait_until(lambda: not is_ready(server), "the server is told to be not ready")
        assert httpx.get(f"{server.base_url}/livez", timeout=60).status_code == 200
        assert_unavailable(stage.measure())
        trouble.relieve(database)
        if not database.is_running:
            database.start()
        wait_until(lambda: is_ready(server), "the server is ready again")
        assert stage.measure().status_code == 200
        assert stage.device_post("next", "claim", {"secretKey": "key"}).status_code == 200
        assert stage.claim("next").status_code == 200
        assert set(stage.stored) <= set(stage.read())
        server.restart()
        assert set(stage.stored) <= set(stage.read())
        assert stage.claim("next").json() == "CLAIMED"
        assert asyncio.run(unexplained(database.url)) == []
