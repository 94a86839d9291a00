"""A full disk under a running server: it says so, reads on, loses nothing, and recovers by itself."""

import os
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from tests.acceptance.explained import DATABASE, unexplained
from tests.conformance.rest_people import PASSWORD, get, new_maker, new_owner, post
from tests.server_process import RunningServer, running_server

DISK_BYTES = 8 * 1024 * 1024
FIRST_MS = 1_700_000_000_000
MOST_MESSAGES = 5_000


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
        with self._ballast.open("wb", buffering=0) as ballast, pytest.raises(OSError, match="No space left"):
            while ballast.write(b"x" * 65536):
                pass

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


@contextmanager
def small_disk() -> Iterator[Path]:
    """A small file system in memory; for the superuser only."""
    folder = tempfile.mkdtemp()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)
    finally:
        Path(folder).rmdir()


def _may_mount() -> bool:
    if os.geteuid() != 0:
        return False
    try:
        with small_disk():
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def _troubles() -> list[str]:
    """Name what this system and this user can make: one of them at least on Linux."""
    return [
        *(["small files"] if hasattr(resource, "prlimit") else []),
        *(["small disk"] if _may_mount() else []),
    ]


@pytest.fixture(params=_troubles())
def trouble(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Trouble]:
    if request.param == "small files":
        yield SmallFiles(tmp_path)
        return
    with small_disk() as folder:
        yield SmallDisk(folder)


class Stage:
    """A maker with a claimed lamp and one to be claimed, and what the lamp was told is stored."""

    def __init__(self, server: RunningServer, maker: httpx.Client, owner: httpx.Client) -> None:
        self.server, self.maker, self.owner = server, maker, owner
        self.stored: list[int] = []
        self._count = 0
        self._tokens = {name: self._device(name) for name in ("lamp", "next")}
        for name in self._tokens:
            assert self.device_post(name, "claim", {"secretKey": "key"}).status_code == 200
        self.claim("lamp").raise_for_status()

    def device_post(self, name: str, what: str, body: object) -> httpx.Response:
        """Send a message as the device."""
        address = f"{self.server.base_url}/api/v1/{self._tokens[name]}/{what}"
        return httpx.post(address, json=body, timeout=60, trust_env=False)

    def measure(self) -> httpx.Response:
        """Send two kilobytes of telemetry."""
        self._count += 1
        values = {"n": self._count, "ballast": f"{self._count}" * 500}
        answer = self.device_post("lamp", "telemetry", {"ts": FIRST_MS + self._count, "values": values})
        if answer.status_code == 200:
            self.stored.append(self._count)
        return answer

    def claim(self, name: str) -> httpx.Response:
        """Claim as the owner."""
        return self.owner.post(f"/api/customer/device/{name}/claim", json={"secretKey": "key"})

    def read(self) -> list[int]:
        """Read the lamp's telemetry as the owner."""
        device = get(self.maker, "/api/tenant/devices", deviceName="lamp")
        path = f"/api/plugins/telemetry/DEVICE/{device['id']['id']}/values/timeseries"
        found = get(self.owner, path, keys="n", startTs=0, endTs=2**42, limit=100_000)
        return sorted(it["ts"] - FIRST_MS for it in found.get("n", []))

    def _device(self, name: str) -> str:
        post(self.maker, f"/api/device?accessToken=token-of-{name}", {"name": name, "type": "lamp"})
        return f"token-of-{name}"


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
        _assert_unavailable(refused)
        answers = [stage.measure(), maker.post("/api/device", json={"name": "more", "type": "lamp"})]
        answers += [
            owner.post("/api/auth/login", json={"username": "owner@deedbox.test", "password": PASSWORD})
        ]
        answers += [stage.claim("next"), stage.device_post("next", "claim", {"secretKey": "other"})]
        for answer in answers:
            if trouble.is_total or answer.status_code != 200:
                _assert_unavailable(answer)
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


def _assert_unavailable(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.json()["code"] == "storage_unavailable"
    assert answer.json()["message"]
