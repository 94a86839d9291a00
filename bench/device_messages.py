"""How many offers to be claimed, and how many messages over HTTP, does one processor store a second?

    .venv/bin/python -m bench.device_messages --devices 1000000 --rounds 3
    .venv/bin/python -m bench.device_messages --devices 1000000 --only A,B --postgresql
    .venv/bin/python -m bench.device_messages --against ../before/src

The server is alone on the first processor, the load on the second; with --postgresql the database shares
both.
"Stored" means acknowledged after the commit is on the disk. It is checked: of every device that took part the
window that is stored must be the one that was acknowledged last, and of telemetry each message must be there
once; otherwise the run fails. `--against` measures another version of Deedbox beside, in turns: it names that
version's folder `src`. Databases are made once per number of devices and kept in the folder `--cache`.

Needs gcc and mosquitto (Debian: gcc libc6-dev mosquitto).
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from bench import postgresql_server
from bench.claims import fdatasync_ms
from bench.device_checks import windows_fault, windows_of_clients, windows_of_turns
from bench.mqtt_devices import build, database_url, fresh_copy, stored
from bench.mqtt_load import (
    LOAD_PROCESSOR,
    SERVER_PROCESSOR,
    Generator,
    Publishing,
    allow_open_files,
    generator,
    http_generator,
)
from bench.mqtt_rows import FAILED, Part, show
from bench.mqtt_servers import DEEDBOX, HTTP_ALONE, MOSQUITTO, running
from deedbox.storage.migrating import migrate
from tests.acceptance.numbered_publishing import FIRST_MOMENT_MS

_OFFER_BYTES = 80
_WARM_UP_S = 1.0
_CLIENTS_OF_HTTP = (32, 128, 1_000)
_OFFERS_OVER_MQTT = {"1,000 x 1": (1_000, 1), "5,000 x 1": (5_000, 1), "100 x 16": (100, 16)}
#: How many devices send telemetry in turn, of all that there are.
_SENDING = 10_000
_OPEN_FILES = 6_000


class Setting(NamedTuple):
    """What every part measures with. `template` is a data folder with so many devices."""

    mqtt: Generator
    http: Generator
    template: Path
    cache: Path
    devices: int
    rounds: int
    seconds: float
    database: postgresql_server.Server | None
    #: Name -> folder `src` of a version of Deedbox; None is the one that runs this.
    versions: dict[str, Path | None]


def _offers_over_mqtt(setting: Setting) -> Part:
    """Part A."""
    part = Part(f"A. Offers to be claimed over MQTT, QoS 1, {setting.devices:,} devices", "messages/s")
    for _ in range(setting.rounds):
        for load, (clients, window) in _OFFERS_OVER_MQTT.items():
            _measure_peer(setting, part, load, MOSQUITTO, setting.mqtt, t="claim", n=clients, w=window)
            for name in setting.versions:
                _measure_offers_over_mqtt(setting, part, name, load, clients, window)
    return part


def _measure_offers_over_mqtt(
    setting: Setting, part: Part, name: str, load: str, clients: int, window: int
) -> None:
    report = setting.cache / "last-numbers"
    options = {"t": "claim", "n": clients, "w": window, "N": setting.devices, "o": report}
    with fresh_copy(setting.template, setting.cache, setting.database) as folder:
        found = _load(setting, part, name, load, folder, setting.mqtt, **options)
        expected = windows_of_clients(report, _OFFER_BYTES)
        _note(part, name, load, found, windows_fault(folder, expected))


def _offers_over_http(setting: Setting) -> Part:
    """Part B."""
    part = Part(
        f"B. Offers to be claimed over HTTP, each of another of {setting.devices:,} devices", "messages/s"
    )
    for _ in range(setting.rounds):
        for clients in _CLIENTS_OF_HTTP:
            load, options = f"{clients:,} connections", {"t": "claim", "n": clients, "N": setting.devices}
            _measure_peer(setting, part, load, HTTP_ALONE, setting.http, **options)
            for name in setting.versions:
                with fresh_copy(setting.template, setting.cache, setting.database) as folder:
                    found = _load(setting, part, name, load, folder, setting.http, **options)
                    expected = windows_of_turns(found.sent, setting.devices, _OFFER_BYTES)
                    _note(part, name, load, found, windows_fault(folder, expected))
    return part


def _telemetry_over_http(setting: Setting) -> Part:
    """Part C."""
    sending = min(_SENDING, setting.devices)
    part = Part(f"C. Telemetry over HTTP, {sending:,} of {setting.devices:,} devices in turn", "messages/s")
    for _ in range(setting.rounds):
        for clients in _CLIENTS_OF_HTTP:
            load, options = f"{clients:,} connections", {"n": clients, "N": setting.devices}
            options |= {"D": sending, "s": 200, "T": FIRST_MOMENT_MS}
            _measure_peer(setting, part, load, HTTP_ALONE, setting.http, **options)
            for name in setting.versions:
                with fresh_copy(setting.template, setting.cache, setting.database) as folder:
                    found = _load(setting, part, name, load, folder, setting.http, **options)
                    _note(part, name, load, found, telemetry_fault(folder, found))
    return part


def telemetry_fault(folder: Path, found: Publishing) -> str:
    """Return what is wrong with the telemetry that is stored, "" for nothing."""
    migrate(database_url(folder))  # the version that ran may be an older one
    numbers = [number for _, number in stored(folder)]
    if len(numbers) == len(set(numbers)) == found.acknowledged:
        return ""
    return f"{found.acknowledged:,} acknowledged, {len(numbers):,} stored, {len(set(numbers)):,} distinct"


def _measure_peer(
    setting: Setting, part: Part, load: str, name: str, load_generator: Generator, **options: object
) -> None:
    """Measure what stores nothing under the same load; not beside PostgreSQL, which would disturb it."""
    if setting.database:
        return
    folder = setting.cache / "peer"
    folder.mkdir(exist_ok=True)
    with running(name, folder) as server:
        given = {"s": _OFFER_BYTES, "W": _WARM_UP_S, "d": setting.seconds} | options
        found = load_generator.run(Publishing, server.ports.mqtt, server.pid, **given)
    _add(part, name, load, found, {})
    part.row(name, load).note = "stores nothing"


def _load(
    setting: Setting,
    part: Part,
    name: str,
    load: str,
    folder: Path,
    load_generator: Generator,
    **options: object,
) -> Publishing:
    given = {"s": _OFFER_BYTES, "W": _WARM_UP_S, "d": setting.seconds} | options
    with _of_version(setting.versions[name]), running(DEEDBOX, folder) as server:
        port = server.ports.mqtt if load_generator is setting.mqtt else server.ports.http
        before_s = setting.database.processor_s() if setting.database else 0.0
        found = load_generator.run(Publishing, port, server.pid, **given)
        database_s = setting.database.processor_s() - before_s if setting.database else 0.0
    database_us = {"database us/message": database_s * 1e6 / found.acknowledged} if database_s else {}
    _add(part, name, load, found, database_us)
    return found


def _add(part: Part, name: str, load: str, found: Publishing, more: dict[str, float]) -> None:
    figures = {"messages/s": found.per_second, "p50 ms": found.p50_ms, "p99 ms": found.p99_ms}
    part.row(name, load).add(
        **figures, **{"us/message": found.server_us_each}, **more, **{"other cores": found.other_cores}
    )


def _note(part: Part, name: str, load: str, found: Publishing, fault: str) -> None:
    """Say whether what is stored is what was acknowledged; a failure in one round stays visible."""
    row = part.row(name, load)
    faults = " ".join(it for it in (found.faults, fault) if it)
    if not row.note.startswith(FAILED):
        row.note = f"{FAILED}: {faults}" if faults else "stored = acknowledged"


@contextmanager
def _of_version(source: Path | None) -> Iterator[None]:
    """Have servers that start meanwhile be of that version."""
    before = os.environ.get("PYTHONPATH")
    if source:
        os.environ["PYTHONPATH"] = str(source)
    try:
        yield
    finally:
        if source and before is None:
            del os.environ["PYTHONPATH"]
        elif source and before is not None:
            os.environ["PYTHONPATH"] = before


_PARTS: dict[str, Callable[[Setting], Part]] = {
    "A": _offers_over_mqtt,
    "B": _offers_over_http,
    "C": _telemetry_over_http,
}


@contextmanager
def opened_database(cache: Path) -> Iterator[postgresql_server.Server]:
    """Start PostgreSQL on all processors, though this process is on one."""
    os.sched_setaffinity(0, {SERVER_PROCESSOR, LOAD_PROCESSOR})
    with postgresql_server.running(cache / "postgresql") as server:
        os.sched_setaffinity(0, {LOAD_PROCESSOR})
        yield server


def built(cache: Path, devices: int, database: postgresql_server.Server | None) -> Path:
    """Return a data folder with that many devices, made where the cache has none."""
    template = cache / f"devices-{'postgresql-' if database else ''}{devices}"
    if not template.exists():
        build(template, devices, database)
    return template


def main(  # noqa: PLR0913, PLR0917 - one parameter per option is how Typer reads them
    only: Annotated[str, typer.Option(help="Which parts, as A,C.")] = "A,B,C",
    devices: Annotated[int, typer.Option(min=10_000, help="How many devices there are.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long each run is measured.")] = 4.0,
    against: Annotated[Path | None, typer.Option(help="Folder src of another version to measure.")] = None,
    postgresql: Annotated[bool, typer.Option("--postgresql", help="Store in PostgreSQL.")] = False,
    cache: Annotated[Path, typer.Option(help="Folder for databases; its disk is measured.")] = Path(".bench"),
) -> None:
    """Print how many messages a second are stored, beside what stores nothing."""
    allow_open_files(_OPEN_FILES)
    os.sched_setaffinity(0, {LOAD_PROCESSOR})
    cache.mkdir(exist_ok=True)
    console, began = Console(width=160), time.monotonic()
    with ExitStack() as opened:
        database = opened.enter_context(opened_database(cache)) if postgresql else None
        setting = Setting(
            mqtt=opened.enter_context(generator(4)),
            http=opened.enter_context(http_generator()),
            template=built(cache, devices, database),
            cache=cache,
            devices=devices,
            rounds=rounds,
            seconds=seconds,
            database=database,
            versions={DEEDBOX: None} | ({f"{DEEDBOX}, other": against} if against else {}),
        )
        parts = []
        for name in only.split(","):
            parts.append(_PARTS[name.strip().upper()](setting))
            show(parts[-1], console)
        about = database.summary if database else "SQLite"
    console.print(f"One fdatasync here takes {fdatasync_ms(cache):.2f} ms. Medians (least..most). {about}.")
    console.print(f"It took {time.monotonic() - began:.0f} s.")
    if any(part.failures for part in parts):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
