"""A full disk under a running server: it says so, reads on, loses nothing, and recovers by itself."""

import resource
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from tests.acceptance.explained import DATABASE, unexplained
from tests.acceptance.full_disks import (
    MOST_MESSAGES,
    Stage,
    assert_unavailable,
    fill,
    may_mount,
    small_disk,
)
from tests.conformance.rest_people import PASSWORD, new_maker, new_owner
from tests.server_process import RunningServer, running_server

DISK_BYTES = 8 * 1024 * 1024


class Trouble(Protocol):
    """A way to run out of room."""

    folder: Path
    is_total: bool

    def fill(self, server: RunningServer) -> None:
        """Leave no room, or next to none."""

    def relieve(self, server: RunningServer) -> None:
        """Make room again."""


class SmallDisk:
    """A file system of its own, filled up by another file: what needs no new block still goes through."""

    is_total = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, server: RunningServer) -> None:
        """Fill the disk to the last block."""
        fill(self._ballast)

    def relieve(self, server: RunningServer) -> None:
        """Delete what fills it."""
        self._ballast.unlink()


class SmallFiles:
    """A limit that lets nothing be written any more, not even to the log: everybody meets it at once."""

    is_total = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, server: RunningServer) -> None:
        """Let nothing be written beyond the first block of a file."""
        self._limit(server, 4096)

    def relieve(self, server: RunningServer) -> None:
        """Lift the limit."""
        self._limit(server, resource.RLIM_INFINITY)

    def _limit(self, server: RunningServer, size_bytes: int) -> None:
        _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size_bytes, hard))


def _troubles() -> list[str]:
    """Name what this system and this user can make: one of them at least on Linux."""
    return [
        *(["small files"] if hasattr(resource, "prlimit") else []),
        *(["small disk"] if may_mount() else []),
    ]


@pytest.fixture(params=_troubles())
def trouble(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Trouble]:
    if request.param == "small files":
        yield SmallFiles(tmp_path)
        return
    with small_disk(DISK_BYTES) as folder:
        yield SmallDisk(folder)


def test_a_full_disk_is_told_survived_and_left_behind(trouble: Trouble) -> None:
    """Issue 2: writes get 503, reads go on, nothing is torn; with room again all goes on, unasked."""
    with (
        running_server(trouble.folder / "data") as server,
        closing(new_maker(server.address)) as maker,
        closing(new_owner(maker)) as owner,
    ):
        stage = Stage(server, maker, owner)
        assert stage.measure().status_code == 200
        trouble.fill(server)
        refused = next(it for it in (stage.measure() for _ in range(MOST_MESSAGES)) if it.status_code != 200)
        assert_unavailable(refused)
        answers = [stage.measure(), maker.post("/api/device", json={"name": "more", "type": "lamp"})]
        answers += [
            owner.post("/api/auth/login", json={"username": "owner@deedbox.test", "password": PASSWORD})
        ]
        answers += [stage.claim("next"), stage.device_post("next", "claim", {"secretKey": "other"})]
        for answer in answers:
            if trouble.is_total or answer.status_code != 200:
                assert_unavailable(answer)
        assert set(stage.stored) <= set(stage.read())
        assert httpx.get(f"{server.base_url}/livez", timeout=60).status_code == 200
        trouble.relieve(server)
        assert stage.measure().status_code == 200
        assert stage.device_post("next", "claim", {"secretKey": "key"}).status_code == 200
        assert stage.claim("next").status_code in ((200,) if trouble.is_total else (200, 400))
        server.restart()
        assert stage.read() == stage.stored
        assert stage.claim("next").json() == "CLAIMED"
    assert unexplained(trouble.folder / "data" / DATABASE) == []
