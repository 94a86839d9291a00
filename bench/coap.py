"""How many messages over CoAP does one processor store a second?

    .venv/bin/python -m bench.coap --devices 1000000 --rounds 3
    .venv/bin/python -m bench.coap --only B --postgresql

The server is alone on the first processor, the load on the second; with --postgresql the database shares
both. "Stored" means acknowledged after the commit is on the disk, and it is checked, as in
bench/device_messages.py.
Needs gcc (Debian: gcc libc6-dev).
"""

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.claims import fdatasync_ms
from bench.device_checks import windows_fault, windows_of_turns
from bench.device_messages import built, opened_database, telemetry_fault
from bench.mqtt_devices import fresh_copy
from bench.mqtt_load import LOAD_PROCESSOR, Generator, Publishing, allow_open_files, coap_generator
from bench.mqtt_rows import FAILED, Part, show
from bench.mqtt_servers import COAP_ALONE, DEEDBOX, running
from tests.acceptance.numbered_publishing import FIRST_MOMENT_MS

_OFFER_BYTES, _TELEMETRY_BYTES = 80, 200
#: Clients, and requests under way on each.
_LOADS = {"1,000 x 1": (1_000, 1), "5,000 x 1": (5_000, 1), "100 x 16": (100, 16)}
_OPEN_FILES = 6_000


def _run(load: Generator, name: str, folder: Path, **options: object) -> Publishing:
    with running(name, folder) as server:
        port = server.ports.coap if name == DEEDBOX else server.ports.mqtt
        return load.run(Publishing, port, server.pid, **options)


def _note(part: Part, name: str, load: str, found: Publishing, fault: str) -> None:
    row = part.row(name, load)
    figures = {"messages/s": found.per_second, "p50 ms": found.p50_ms, "p99 ms": found.p99_ms}
    row.add(**figures, **{"us/message": found.server_us_each, "sent again": found.repeated})
    row.add(**{"other cores": found.other_cores})
    faults = " ".join(it for it in (found.faults, fault) if it)
    if faults and not row.note.startswith(FAILED):
        row.note = f"{FAILED}: {faults}"
    row.note = row.note or ("stored = acknowledged" if name == DEEDBOX else "stores nothing")


class _Bench:
    """What is measured, and with what."""

    def __init__(self, load: Generator, template: Path, cache: Path, devices: int, seconds: float) -> None:
        self.load = load
        self.template = template
        self.cache = cache
        self.devices = devices
        self.common: dict[str, object] = {"W": 1.0, "d": seconds, "N": devices}

    def offers(self, part: Part, load: str, database: object) -> None:
        """Measure offers to be claimed, each of another device."""
        clients, window = _LOADS[load]
        options = self.common | {"t": "claim", "n": clients, "w": window, "s": _OFFER_BYTES}
        self._alone(part, load, database, options)
        with fresh_copy(self.template, self.cache, database) as folder:  # type: ignore[arg-type]
            found = _run(self.load, DEEDBOX, folder, **options)
            expected = windows_of_turns(found.sent, self.devices, _OFFER_BYTES)
            _note(part, DEEDBOX, load, found, windows_fault(folder, expected))

    def telemetry(self, part: Part, load: str, database: object) -> None:
        """Measure telemetry, each client a device."""
        clients, window = _LOADS[load]
        options = self.common | {"n": clients, "w": window, "s": _TELEMETRY_BYTES, "T": FIRST_MOMENT_MS}
        options |= {"D": -1}
        self._alone(part, load, database, options)
        with fresh_copy(self.template, self.cache, database) as folder:  # type: ignore[arg-type]
            found = _run(self.load, DEEDBOX, folder, **options)
            _note(part, DEEDBOX, load, found, telemetry_fault(folder, found))

    def _alone(self, part: Part, load: str, database: object, options: dict[str, object]) -> None:
        if database is None:  # beside PostgreSQL it would disturb
            (self.cache / "peer").mkdir(exist_ok=True)
            _note(part, COAP_ALONE, load, _run(self.load, COAP_ALONE, self.cache / "peer", **options), "")


def main(
    only: Annotated[str, typer.Option(help="Which parts, as A,B.")] = "A,B",
    devices: Annotated[int, typer.Option(min=10_000, help="How many devices there are.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long each run is measured.")] = 4.0,
    postgresql: Annotated[bool, typer.Option("--postgresql", help="Store in PostgreSQL.")] = False,
    cache: Annotated[Path, typer.Option(help="Folder for databases; its disk is measured.")] = Path(".bench"),
) -> None:
    """Print how many messages a second are stored, beside what stores nothing."""
    allow_open_files(_OPEN_FILES)
    os.sched_setaffinity(0, {LOAD_PROCESSOR})
    cache.mkdir(exist_ok=True)
    console, began = Console(width=160), time.monotonic()
    titles = {
        "A": f"A. Telemetry over CoAP, each client one of {devices:,} devices",
        "B": f"B. Offers to be claimed over CoAP, each of another of {devices:,} devices",
    }
    parts = {name: Part(titles[name], "messages/s") for name in only.upper().split(",")}
    with ExitStack() as opened:
        database = opened.enter_context(opened_database(cache)) if postgresql else None
        load = opened.enter_context(coap_generator())
        bench = _Bench(load, built(cache, devices, database), cache, devices, seconds)
        for name, part in parts.items():
            for _ in range(rounds):
                for it in _LOADS:
                    (bench.telemetry if name == "A" else bench.offers)(part, it, database)
            show(part, console)
        about = database.summary if database else "SQLite"
    console.print(f"One fdatasync here takes {fdatasync_ms(cache):.2f} ms. Medians (least..most). {about}.")
    console.print(f"It took {time.monotonic() - began:.0f} s.")
    if any(part.failures for part in parts.values()):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
