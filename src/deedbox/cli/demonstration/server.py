"""A `deedbox serve` process of the demonstration's own, on free ports and a folder that goes with it."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

_STARTS_WITHIN_S = 20
_STOPS_WITHIN_S = 10
ADMINISTRATOR = "admin@example.com"


class DemoFailed(Exception):
    """The demonstration can't go on."""


@dataclass
class DemoServer:
    """The running server: its address for this machine, the administrator's password, its process."""

    base_url: str
    port: int
    password: str
    folder: Path
    process: "subprocess.Popen[bytes]"


@contextmanager
def demo_server(host: str, preferred_port: int | None) -> Iterator[DemoServer]:
    """Run a server until the block ends. Raises DemoFailed, with the server's words, if it does not start."""
    with tempfile.TemporaryDirectory(prefix="deedbox-demo-") as folder:
        port = _free_port(host, preferred_port)
        server = _start(Path(folder), host, port)
        try:
            _wait_until_ready(server)
            yield server
        finally:
            _stop(server.process)


def _start(folder: Path, host: str, port: int) -> DemoServer:
    password = secrets.token_urlsafe(12)
    command = [sys.executable, "-m", "deedbox", "serve", "--data", str(folder / "data")]
    command += ["--http", f"{host}:{port}", "--mqtt", "off", "--coap", "off"]
    environment = os.environ | {
        "DEEDBOX_ADMIN_EMAIL": ADMINISTRATOR,
        "DEEDBOX_ADMIN_PASSWORD": password,
    }
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    return DemoServer(f"http://127.0.0.1:{port}", port, password, folder, process)


def _wait_until_ready(server: DemoServer) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            if httpx.get(f"{server.base_url}/readyz", timeout=1).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    log = (server.folder / "server.log").read_text(errors="replace")
    raise DemoFailed(f"The server did not start. It said:\n{log}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOPS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port(host: str, preferred: int | None) -> int:
    candidates = [preferred] if preferred else []
    # Below the range that the system hands out to clients, so that no connection takes it meanwhile.
    candidates += [20_000 + secrets.randbelow(12_000) for _ in range(50)]
    for port in candidates:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise DemoFailed(f"No free port was found on {host}.")


def address_on_the_network() -> str:
    """Return this machine's address on the local network, 127.0.0.1 when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; only asks which way it would go
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
