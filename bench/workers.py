"""Two workers against one: the same requests, on the same two processors, over PostgreSQL and NATS.

Load, database and workers share the processors, so the ratio can't reach the number of workers: beside each
figure stands who took how many processors, and what a worker's processor second yields. What is asked:

- "signed in": what a worker can answer alone, `GET /api/dashboard/serverTime` with a sign-in token;
- "device": what is read from the database, `GET /api/device/{id}`.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Annotated, NamedTuple
from urllib.request import urlopen

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from bench import postgresql_server
from bench.mqtt_load import MOST_OTHER_CORES
from bench.mqtt_servers import machine_processor_s
from tests.cluster.nats_server import NatsServer
from tests.conformance.rest_people import new_maker, post
from tests.ports import free_port
from tests.server_process import OWN_SETTINGS, ServerAddress

_ANSWERS = re.compile(r"(\d+) requests in ([\d.]+)(m?)s")
_P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s)")
_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
_ADMINISTRATOR = ("admin@example.com", "for the bench of workers")


class Measured(NamedTuple):
    """A round: requests per second, their latency, and processors taken by whom."""

    per_second: float
    p99_ms: float
    workers: float
    database: float
    load: float
    others: float

    @property
    def per_worker_second(self) -> float:
        """Requests per processor second of the workers."""
        return self.per_second / self.workers

    @property
    def most_on_two_processors(self) -> float:
        """How many times one worker's requests two processors allow, with what all took for each."""
        return min(2.0, 2 * self.workers / (self.workers + self.database + self.load))


class Site(NamedTuple):
    """A server that runs, with a token and a path to ask for."""

    base_url: str
    pids: list[int]
    token: str
    device_id: str


def main(
    seconds: Annotated[int, typer.Option(help="Seconds of each round.")] = 8,
    rounds: Annotated[int, typer.Option(help="Rounds, of which medians are shown.")] = 3,
    clients: Annotated[int, typer.Option(help="Connections that ask without a pause.")] = 64,
) -> None:
    """Measure one worker and two, by turns."""
    if not shutil.which("wrk"):
        raise typer.BadParameter("wrk is missing. Debian: apt-get install wrk")
    with tempfile.TemporaryDirectory(prefix="deedbox-workers-") as name, _surroundings(Path(name)) as around:
        found: dict[tuple[str, int], list[Measured]] = {}
        for _ in range(rounds):
            for workers in (1, 2):
                with _served(around, workers) as site:
                    for what, path in _paths(site).items():
                        measured = _measured(around.database, site, path, (clients, seconds))
                        found.setdefault((what, workers), []).append(measured)
    _show(found, clients)


class _Around(NamedTuple):
    folder: Path
    database: postgresql_server.Server
    environment: dict[str, str]


@contextmanager
def _surroundings(folder: Path) -> Iterator[_Around]:
    nats = NatsServer(folder / "nats.log")
    nats.start()
    try:
        with postgresql_server.running(folder / "postgresql") as database:
            database.ask("create database deedbox")
            environment = {key: it for key, it in os.environ.items() if not key.startswith(OWN_SETTINGS)}
            environment["DEEDBOX_DATABASE_URL"] = database.url("deedbox")
            environment["DEEDBOX_NATS_URL"] = nats.url
            environment["DEEDBOX_ADMIN_EMAIL"], environment["DEEDBOX_ADMIN_PASSWORD"] = _ADMINISTRATOR
            yield _Around(folder, database, environment)
    finally:
        nats.kill()


@contextmanager
def _served(around: _Around, workers: int) -> Iterator[Site]:
    port = free_port()
    log = around.folder / "server.log"
    command = [sys.executable, "-m", "deedbox", "serve", "--data", str(around.folder / "data")]
    command += ["--http", f"127.0.0.1:{port}", "--mqtt", "off", "--coap", "off", "--workers", str(workers)]
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=around.environment, stdout=output, stderr=output)
    try:
        base_url = f"http://127.0.0.1:{port}"
        _wait_until_served(base_url, log, workers)
        pids = _workers_of(server.pid) if workers > 1 else [server.pid]
        yield _site(base_url, pids, around.folder / "site.json")
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _wait_until_served(base_url: str, log: Path, workers: int) -> None:
    give_up_at = time.monotonic() + 60
    while time.monotonic() < give_up_at:
        try:
            with urlopen(f"{base_url}/readyz", timeout=5) as answer:
                if answer.status == 200 and (workers == 1 or b"all workers serve" in log.read_bytes()):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise typer.BadParameter(f"the server did not start: {log.read_text(errors='replace')[-2000:]}")


def _workers_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [it for it in map(int, children) if b"--workers" in Path(f"/proc/{it}/cmdline").read_bytes()]


def _site(base_url: str, pids: list[int], saved: Path) -> Site:
    """Make a device the first time; afterwards its token still works."""
    if not saved.exists():
        with closing(new_maker(ServerAddress(base_url, *_ADMINISTRATOR))) as maker:
            device = post(maker, "/api/device", {"name": "measured", "type": "default"})
            token = maker.headers["X-Authorization"]
            saved.write_bytes(msgspec.json.encode([token, device["id"]["id"]]))
    token, device_id = msgspec.json.decode(saved.read_bytes(), type=tuple[str, str])
    return Site(base_url, pids, token, device_id)


def _paths(site: Site) -> dict[str, str]:
    return {"signed in": "/api/dashboard/serverTime", "device": f"/api/device/{site.device_id}"}


def _measured(database: postgresql_server.Server, site: Site, path: str, load: tuple[int, int]) -> Measured:
    clients, seconds = load
    _run_load(site, path, clients, 1)
    before = _seconds(database, site)
    began = time.monotonic()
    said = _run_load(site, path, clients, seconds)
    took_s = time.monotonic() - began
    workers, stored, own, machine = (b - a for a, b in zip(before, _seconds(database, site), strict=True))
    count, span, is_ms = _found(_ANSWERS, said)
    p99, unit = _found(_P99, said)
    per_second = int(count) / (float(span) / (1000 if is_ms else 1))
    parts = (it / took_s for it in (workers, stored, own, machine - workers - stored - own))
    return Measured(per_second, float(p99) * _MS[unit], *parts)


def _seconds(database: postgresql_server.Server, site: Site) -> tuple[float, float, float, float]:
    """Return the processor seconds so far of the workers, the database, the load and the whole machine."""
    times = os.times()
    workers = sum(postgresql_server.processor_s(pid) for pid in site.pids)
    return workers, database.processor_s(), times.children_user + times.children_system, machine_processor_s()


def _run_load(site: Site, path: str, clients: int, seconds: int) -> str:
    command = [
        "wrk",
        "-t1",
        f"-c{clients}",
        f"-d{seconds}",
        "--latency",
        "-H",
        f"X-Authorization: {site.token}",
    ]
    done = subprocess.run([*command, site.base_url + path], capture_output=True, text=True, check=True)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise typer.BadParameter(f"not every request was answered well: {done.stdout}")
    return done.stdout


def _found(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    match = pattern.search(text)
    assert match, text
    return match.groups()


def _show(found: dict[tuple[str, int], list[Measured]], clients: int) -> None:
    table = Table(
        title=f"{clients} connections, medians; processors taken by workers, database, load, others"
    )
    for column in (
        "asked",
        "workers",
        "requests/s",
        "p99 ms",
        "processors",
        "per worker's second",
        "ratio",
        "at most",
    ):
        table.add_column(column, justify="left" if column == "asked" else "right")
    for (what, workers), runs in sorted(found.items(), key=lambda it: (it[0][0], it[0][1])):
        middle = Measured(*(median(values) for values in zip(*runs, strict=True)))
        alone = median(it.per_second for it in found[what, 1])
        taken = ", ".join(f"{it:.2f}" for it in (middle.workers, middle.database, middle.load, middle.others))
        yielded = median(it.per_worker_second for it in runs)
        row = (
            what,
            str(workers),
            f"{middle.per_second:,.0f}",
            f"{middle.p99_ms:.1f}",
            taken,
            f"{yielded:,.0f}",
        )
        most = f"{middle.most_on_two_processors:.2f}" if workers > 1 else ""
        table.add_row(*row, f"{middle.per_second / alone:.2f}", most)
    console = Console(width=130)
    console.print(table)
    others = max(it.others for runs in found.values() for it in runs)
    if others > MOST_OTHER_CORES:
        console.print(
            f"Others took up to {others:.2f} processors: believe what a second yields, not the ratios."
        )


if __name__ == "__main__":
    typer.run(main)
