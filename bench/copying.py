"""How long does `deedbox copy` take from SQLite to PostgreSQL, and how much of the processors?

    .venv/bin/python -m bench.copying --devices 1000000

Builds a SQLite database of that many devices (four rows each) in the folder `--cache`, and copies it with the
real command into an empty database of a real server that runs beside. The figures include the comparison of
both; the second line is the comparison alone.
"""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from bench.claims_sqlite import SQLiteDatabase
from bench.postgresql_server import Server, running
from deedbox.security.key_file import load_or_make


class Ran(msgspec.Struct):
    """One run of the command: what it said, how long it took, and what of the processors."""

    said: dict[str, Any]
    seconds: float
    command_processor_s: float
    server_processor_s: float
    most_memory_mib: float


def run(server: Server, folder: Path, database: str, *more: str) -> Ran:
    """Run the command to its end. Raises RuntimeError with what it said when it failed."""
    command = [sys.executable, "-m", "deedbox", "copy", "--json", "--data", str(folder), *more]
    environment = os.environ | {"DEEDBOX_DATABASE_URL": server.url(database)}
    before_s, began_s = server.processor_s(), time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the copy failed: {said}")
    return Ran(
        json.loads(said),
        time.perf_counter() - began_s,
        used.ru_utime + used.ru_stime,
        server.processor_s() - before_s,
        used.ru_maxrss / 1024,
    )


def show(what: str, it: Ran) -> None:
    """Print one run as a line."""
    rows = it.said["rows"]
    print(
        f"{what}: {rows:,} rows in {it.seconds:.1f} s, {rows / it.seconds:,.0f} rows/s; processors: command "
        f"{it.command_processor_s:.1f} s, server {it.server_processor_s:.1f} s, together "
        f"{1e6 * (it.command_processor_s + it.server_processor_s) / rows:.1f} µs a row; "
        f"command at most {it.most_memory_mib:.0f} MiB"
    )


def _build(source: SQLiteDatabase, devices: int) -> None:
    source.build(devices, load_or_make(source.folder / "secret.key"))
    source.warm()


def main(
    devices: Annotated[int, typer.Option(help="How many devices.")] = 1_000_000,
    cache: Annotated[Path, typer.Option(help="Where databases are kept.")] = Path(".bench"),
) -> None:
    """Print rows per second, and processor time per row."""
    source = SQLiteDatabase(cache / f"copy-{devices}")
    source.folder.mkdir(exist_ok=True, parents=True)
    # In a process of its own: a child begins with its parent's memory, as the kernel counts.
    with ProcessPoolExecutor(1, get_context("spawn")) as beside:
        beside.submit(_build, source, devices).result()
    with running(cache / "postgresql-copy") as server:
        print(server.summary)
        name = f"copy_{devices}"
        server.ask(f"drop database if exists {name}")
        server.ask(f"create database {name} template template0 encoding 'UTF8' locale 'C.UTF-8'")
        copied = run(server, source.folder, name)
        show("copied and compared", copied)
        show("compared alone", run(server, source.folder, name, "--verify-only"))
        size = server.ask(f"select pg_database_size('{name}')")[0][0]
        print(f"{size / devices:.0f} bytes a device in PostgreSQL")
        server.ask(f"drop database {name}")


if __name__ == "__main__":
    typer.run(main)
