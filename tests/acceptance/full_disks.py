"""A full disk for tests: a small file system of its own, and people and a lamp who notice that it is full."""

import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.conformance.rest_people import get, post
from tests.server_process import RunningServer

FIRST_MS = 1_700_000_000_000
MOST_MESSAGES = 5_000


@contextmanager
def small_disk(size_bytes: int) -> Iterator[Path]:
    """A small file system in memory; for the superuser only."""
    folder = tempfile.mkdtemp()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)
    finally:
        Path(folder).rmdir()


def may_mount() -> bool:
    """Whether this user may make a file system."""
    if os.geteuid() != 0:
        return False
    try:
        with small_disk(4096):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def fill(ballast: Path) -> None:
    """Fill the disk to the last block with a file of this name."""
    try:
        with ballast.open("wb", buffering=0) as file:
            while file.write(b"x" * 65536):
                pass
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


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


def assert_unavailable(answer: httpx.Response) -> None:
    """An answer must say that nothing can be stored now."""
    assert answer.status_code == 503, answer.text
    assert answer.json()["code"] == "storage_unavailable"
    assert answer.json()["message"]
