"""How many devices a second does a bulk import make, and does it stay as fast while the database grows?

    .venv/bin/python -m bench.bulk --devices 200000 --lines 20000
    .venv/bin/python -m bench.bulk --devices 200000 --lines 20000 --postgresql

A real server is sent CSV files over REST, one after the other; each line makes a device with an access token
and a claim key. Seconds are the client's; processor time is the server's and, with PostgreSQL, the database's
beside it.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Annotated, NamedTuple

import httpx
import typer

from bench.postgresql_server import processor_s, running
from deedbox.storage.opening import DATABASE_NAME
from tests.conformance.rest_people import new_maker
from tests.server_process import running_server

_TYPES = ("NAME", "TYPE", "ACCESS_TOKEN")
_COLUMNS = [*({"type": it} for it in _TYPES), {"type": "SERVER_ATTRIBUTE", "key": "claimingData"}]
_MAPPING = {"columns": _COLUMNS, "delimiter": ",", "header": False, "update": True}
_LINE = 'D{0},default,token-of-{0},"{{""secretKey"":""key-{0}"",""expirationTime"":4102444800000}}"'


class Database(NamedTuple):
    """Where the server stores: what it is told, and what of it is seen from outside."""

    environment: dict[str, str]
    processor_s: Callable[[], float]
    size_bytes: Callable[[], int]


class Imported(NamedTuple):
    """One file: seconds of the client's clock and of processors, resident memory of the server at most."""

    seconds: float
    server_s: float
    database_s: float
    most_memory_mib: float


@contextmanager
def _sqlite(folder: Path) -> Iterator[Database]:
    def size_bytes() -> int:
        return sum(it.stat().st_size for it in (folder / "data").glob(f"{DATABASE_NAME}*"))

    yield Database({}, lambda: 0.0, size_bytes)


@contextmanager
def _postgresql(folder: Path) -> Iterator[Database]:
    with running(folder / "postgresql") as server:
        server.ask("drop database if exists bulk")
        server.ask("create database bulk template template0 encoding 'UTF8' locale 'C.UTF-8'")
        url = {"DEEDBOX_DATABASE_URL": server.url("bulk")}
        yield Database(url, server.processor_s, lambda: server.ask("select pg_database_size('bulk')")[0][0])


def _memory_mib(pid: int, what: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(rf"^{what}:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def _import(maker: httpx.Client, numbers: range, pid: int, database: Database) -> Imported:
    body = {"file": "\n".join(map(_LINE.format, numbers)), "mapping": _MAPPING}
    before = processor_s(pid), database.processor_s()
    began_s = perf_counter()
    answer = maker.post("/api/device/bulk_import", json=body).raise_for_status().json()
    seconds = perf_counter() - began_s
    assert answer["created"] == len(numbers), answer
    after = processor_s(pid), database.processor_s()
    return Imported(seconds, after[0] - before[0], after[1] - before[1], _memory_mib(pid, "VmHWM"))


def _show(files: list[Imported], lines: int, before: tuple[float, int], size_bytes: int) -> None:
    devices, tenth = lines * len(files), max(1, len(files) // 10)
    seconds = sum(it.seconds for it in files)
    first, last = (sum(it.seconds for it in part) / tenth for part in (files[:tenth], files[-tenth:]))
    each_us = 1e6 / devices
    print(
        f"{devices:,} devices in files of {lines:,}: {devices / seconds:,.0f} devices/s; the last tenth "
        f"{first / last:.2f} times as fast as the first\n"
        f"processors: server {sum(it.server_s for it in files) * each_us:.1f} µs a device, database "
        f"{sum(it.database_s for it in files) * each_us:.1f} µs\n"
        f"memory: {before[0]:.0f} MiB before, at most {files[-1].most_memory_mib:.0f} MiB\n"
        f"{(size_bytes - before[1]) / devices:.0f} bytes a device in the database"
    )


def main(
    devices: Annotated[int, typer.Option(help="How many devices.")] = 200_000,
    lines: Annotated[int, typer.Option(help="How many lines each file has.")] = 20_000,
    postgresql: Annotated[bool, typer.Option("--postgresql", help="Store in PostgreSQL.")] = False,
    cache: Annotated[Path, typer.Option(help="Where databases are kept.")] = Path(".bench"),
) -> None:
    """Print devices per second, of the first and of the last files, and what each device takes."""
    folder = cache / "bulk"
    shutil.rmtree(folder / "data", ignore_errors=True)
    folder.mkdir(exist_ok=True, parents=True)
    with (
        (_postgresql if postgresql else _sqlite)(folder) as database,
        running_server(folder / "data", environment=database.environment) as server,
        closing(new_maker(server.address)) as maker,
    ):
        before = _memory_mib(server.pid, "VmRSS"), database.size_bytes()
        starts = range(0, devices, lines)
        files = [_import(maker, range(it, it + lines), server.pid, database) for it in starts]
        _show(files, lines, before, database.size_bytes())


if __name__ == "__main__":
    typer.run(main)
