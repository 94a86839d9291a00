"""How many MQTT messages a second does one processor store, and what do connections cost?

    make bench BENCH=mqtt_ingest
    .venv/bin/python -m bench.mqtt_ingest --only A,B --rounds 5 --json
    .venv/bin/python -m bench.mqtt_ingest --only A,B,E,F --postgresql

The server runs alone on the first processor, the load on the second. Servers take turns within each round,
and medians are shown, beside Mosquitto, which stores nothing, and beside the bare limit, the least code
that stores the same. "Stored" means acknowledged after the commit is on the disk. It is checked: what is
stored must be what was acknowledged, no more and no less; otherwise the run fails.
No two messages are alike. With --postgresql Deedbox stores there, alone: PostgreSQL shares both processors.

Needs gcc and mosquitto (Debian: gcc libc6-dev mosquitto).
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from bench import postgresql_server
from bench.claims import fdatasync_ms
from bench.mqtt_crash import crash
from bench.mqtt_devices import build
from bench.mqtt_load import LOAD_PROCESSOR, MOST_OTHER_CORES, SERVER_PROCESSOR, allow_open_files, generator
from bench.mqtt_parts import Setting, idle, rates, steady, storm
from bench.mqtt_rows import Part, show
from bench.mqtt_servers import ACK_ONLY
from bench.mqtt_steady_load import steady_load
from tests.certificates import make_certificate

_DEVICES = 10_000
_PARTS: dict[str, Callable[[Setting], Part]] = {
    "A": rates,
    "B": steady,
    "C": idle,
    "D": storm,
    "E": crash,
    "F": steady_load,
}
_LEVELS = {"3.1.1": 4, "5": 5}
#: Clients and servers of 10,000 connections each, in processes of their own.
_OPEN_FILES = 11_000


def main(  # noqa: PLR0913, PLR0917 - one parameter per option is how Typer reads them
    only: Annotated[str, typer.Option(help="Which parts, as A,C.")] = "A,B,C,D,E,F",
    rounds: Annotated[int, typer.Option(min=1, help="How often parts A, D and E are measured.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long each run of part A is measured.")] = 2.5,
    version: Annotated[
        str, typer.Option("--mqtt", help="3.1.1 or 5 (then without the bare limit).")
    ] = "3.1.1",
    own_moments: Annotated[
        bool, typer.Option(help="Messages in A and B say when they were measured.")
    ] = False,
    postgresql: Annotated[
        bool, typer.Option(help="Deedbox stores in PostgreSQL; nothing else is measured.")
    ] = False,
    cache: Annotated[Path, typer.Option(help="Folder for databases; its disk is measured.")] = Path(".bench"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Print what one processor does with MQTT, beside its peers in the same run."""
    names = _chosen(only)
    if version not in _LEVELS:
        raise typer.BadParameter(f"{version} is no version of MQTT here; expected 3.1.1 or 5")
    allow_open_files(_OPEN_FILES)
    os.sched_setaffinity(0, {LOAD_PROCESSOR})  # part E's clients live in this process
    cache.mkdir(exist_ok=True)
    sync_ms, began = fdatasync_ms(cache), time.monotonic()
    progress = Console(stderr=True)
    with ExitStack() as opened:
        folder = Path(opened.enter_context(TemporaryDirectory(prefix="mqtt-ingest-", dir=cache)))
        load = opened.enter_context(generator(_LEVELS[version]))
        database = opened.enter_context(_database(folder)) if postgresql else None
        build(folder / "template", _DEVICES, database)
        setting = Setting(
            generator=load,
            template=folder / "template",
            cache=folder,
            certificate=make_certificate(folder / "certificate"),
            rounds=rounds,
            seconds=seconds,
            level=_LEVELS[version],
            own_moments=own_moments,
            say=lambda what: progress.print(f"[dim]{time.monotonic() - began:4.0f} s  {what}"),
            database=database,
        )
        parts = {it: _PARTS[it](setting) for it in names}
        about = database.summary if database else "SQLite"
    if as_json:
        told = {
            "fdatasync_ms": sync_ms,
            "database": about,
            "mqtt": version,
            "rounds": rounds,
            "seconds": seconds,
            "parts": parts,
        }
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    else:
        _show(list(parts.values()), sync_ms, about)
    failures = [failure for part in parts.values() for failure in part.failures]
    if failures:
        progress.print("What must hold did not:", *failures, sep="\n  ", style="bold red", markup=False)
        raise typer.Exit(1)


def _chosen(only: str) -> list[str]:
    names = [name.strip().upper() for name in only.split(",")]
    unknown = [name for name in names if name not in _PARTS]
    if unknown:
        raise typer.BadParameter(f"there is no part {unknown[0]}; expected some of {','.join(_PARTS)}")
    return names


@contextmanager
def _database(folder: Path) -> Iterator[postgresql_server.Server]:
    """Start PostgreSQL on all processors, though this process is on one."""
    os.sched_setaffinity(0, {SERVER_PROCESSOR, LOAD_PROCESSOR})
    with postgresql_server.running(folder / "postgresql") as server:
        os.sched_setaffinity(0, {LOAD_PROCESSOR})
        yield server


def _show(parts: list[Part], sync_ms: float, about: str) -> None:
    console = Console(width=160)
    for part in parts:
        show(part, console)
    console.print(
        f"One fdatasync here takes {sync_ms:.2f} ms. Medians (least..most). {ACK_ONLY}: stores nothing."
    )
    console.print(f"Deedbox stores in {about}.")
    console.print(
        f"!: over {MOST_OTHER_CORES} cores were busy with something else; do not trust these figures."
    )


if __name__ == "__main__":
    typer.run(main)
