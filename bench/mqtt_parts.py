"""The questions about publishing and connecting: rates, a fixed rate, idle connections, a reconnect storm."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import mqtt_bare_limit, mqtt_devices, postgresql_server
from bench.mqtt_devices import fresh_copy
from bench.mqtt_load import Generator, Idle, LoadFailed, Publishing, Storm
from bench.mqtt_rows import FAILED, Part
from bench.mqtt_servers import (
    ACK_ONLY,
    BARE_LIMIT,
    DEEDBOX,
    MOSQUITTO,
    NotThere,
    Server,
    machine_processor_s,
    running,
)
from bench.mqtt_tls_clients import connected_over_tls
from tests.acceptance.numbered_publishing import FIRST_MOMENT_MS
from tests.certificates import MadeCertificate

LOADS = {"100 x 1": (100, 1), "1,000 x 1": (1_000, 1), "100 x 16": (100, 16)}
_WARM_UP_S = 1
_SETTLE_S = 1.5  # what connecting needed for a moment is given back; the generator waits as long
_RATE = 20_000
_RATE_CONNECTIONS = 1_000
_RATE_S = 10
_STORED = {DEEDBOX: mqtt_devices.stored, BARE_LIMIT: mqtt_bare_limit.stored}


@dataclass(frozen=True)
class Setting:
    """What every part measures with.

    `template` is a data folder with devices, `level` the protocol's, `database` a server of PostgreSQL.
    """

    generator: Generator
    template: Path
    cache: Path
    certificate: MadeCertificate
    rounds: int
    seconds: float
    level: int
    own_moments: bool
    say: Callable[[str], None]
    database: postgresql_server.Server | None = None

    def servers(self, names: Sequence[str]) -> list[str]:
        """Leave out what does not speak this level of the protocol, and beside PostgreSQL all but ours."""
        if self.database:
            return [it for it in names if it == DEEDBOX]
        return [it for it in names if it != BARE_LIMIT or self.level == 4]

    def fresh_copy(self) -> AbstractContextManager[Path]:
        """Copy the data folder and its database; the copy is deleted afterwards."""
        return fresh_copy(self.template, self.cache, self.database)

    def database_s(self) -> float:
        """Return the processor time that the database's own processes took so far."""
        return self.database.processor_s() if self.database else 0.0


@contextmanager
def _server(setting: Setting, name: str, *, tls: bool = False) -> Iterator[Server]:
    """Run a server over a fresh copy of the data folder."""
    certificate = setting.certificate if tls else None
    with setting.fresh_copy() as folder, running(name, folder, certificate) as server:
        yield server


def attempt(setting: Setting, part: Part, what: str, measure: Callable[..., None], *arguments: Any) -> None:
    """Call `measure(setting, part, *arguments)`; a server that is missing or breaks off leaves a remark."""
    setting.say(what)
    try:
        measure(setting, part, *arguments)
    except NotThere as error:
        part.remarks.append(str(error))
    except (LoadFailed, ConnectionError) as error:
        part.remarks.append(f"{FAILED}: {what}: {error}")


def rates(setting: Setting) -> Part:
    """Part A: how many messages a second, each connection with so many unacknowledged?"""
    part = Part("A. QoS 1 publishes per second, connections x unacknowledged messages", "messages/s")
    names = setting.servers((MOSQUITTO, DEEDBOX, ACK_ONLY, BARE_LIMIT))
    for _ in range(setting.rounds):
        for load, (connections, window) in LOADS.items():
            options = {"m": "publish", "n": connections, "w": window, "d": setting.seconds}
            for name in names:
                attempt(setting, part, f"{name}, {load}", _rate, name, load, options)
    return part


def steady(setting: Setting) -> Part:
    """Part B: how long does an acknowledgement take when messages come at a fixed rate?"""
    part = Part(f"B. {_RATE:,} messages/s for {_RATE_S} s, sent whether or not answers come", "p99 ms")
    options = {"m": "rate", "n": _RATE_CONNECTIONS, "r": _RATE, "d": _RATE_S}
    load = f"{_RATE_CONNECTIONS:,} connections"
    for name in setting.servers((MOSQUITTO, DEEDBOX, BARE_LIMIT)):
        attempt(setting, part, f"{name}, {load}", _rate, name, load, options)
    return part


def _rate(setting: Setting, part: Part, name: str, load: str, options: dict[str, Any]) -> None:
    with setting.fresh_copy() as folder:
        with running(name, folder) as server:
            timing = {"W": _WARM_UP_S, "T": FIRST_MOMENT_MS if setting.own_moments else 0}
            before_s = setting.database_s()
            found = setting.generator.run(Publishing, server.ports.mqtt, server.pid, **timing, **options)
            database_s = setting.database_s() - before_s
        row = part.row(name, load)
        row.note = _checked(name, folder, found, row.note)
    figures = {"messages/s": found.per_second, "p50 ms": found.p50_ms, "p99 ms": found.p99_ms}
    if options["m"] == "rate":
        figures |= {"p999 ms": found.p999_ms, "cores": found.server_cores}
    row.add(**figures, **{"us/message": found.server_us_each})
    if setting.database:  # all of its time, connecting and moving the journal included
        row.add(**{"database us/message": database_s * 1e6 / found.acknowledged})
    row.add(**{"other cores": found.other_cores})


def _checked(name: str, folder: Path, found: Publishing, before: str) -> str:
    """Say whether what is stored is what was acknowledged; a failure in one round stays visible."""
    faults = found.faults
    if name in _STORED:
        stored = _STORED[name](folder)
        if (len(stored), len(set(stored))) != (found.acknowledged, found.acknowledged):
            distinct = len(set(stored))
            faults += f" {found.acknowledged:,} acknowledged, {len(stored):,} stored, {distinct:,} distinct"
    if before.startswith(FAILED):
        return before
    if faults:
        return f"{FAILED}: {faults.strip()}"
    return "stored = acknowledged" if name in _STORED else "all acknowledged"


def idle(setting: Setting) -> Part:
    """Part C: what does a connection cost that says nothing?"""
    part = Part("C. Memory of idle, signed-in connections", "bytes/connection")
    for name in (MOSQUITTO, DEEDBOX):
        for count in (5_000, 10_000):
            attempt(setting, part, f"{name}, {count:,} idle", _idle, name, count)
        attempt(setting, part, f"{name}, idle over TLS", _idle_over_tls, name, 2_000)
    return part


def _idle(setting: Setting, part: Part, name: str, count: int) -> None:
    with _server(setting, name) as server:
        found = setting.generator.run(Idle, server.ports.mqtt, server.pid, m="idle", n=count)
    part.row(name, f"{count:,} plain").add(
        **{"bytes/connection": (found.after_kb - found.before_kb) * 1024 / count},
        **{"connects/s": count / found.connect_s, "us/connect": found.server_us_each},
        **{"other cores": found.other_cores},
    )


def _idle_over_tls(setting: Setting, part: Part, name: str, count: int) -> None:
    with _server(setting, name, tls=True) as server:
        before_kb, before_s, busy_before_s = server.memory_kb(), server.processor_s(), machine_processor_s()
        with connected_over_tls(server.ports.mqtts, count, setting.certificate.certificate) as clients:
            processor_s, busy_s = server.processor_s() - before_s, machine_processor_s() - busy_before_s
            time.sleep(_SETTLE_S)
            memory_kb = server.memory_kb() - before_kb
    part.row(name, f"{count:,} over TLS").add(
        **{"bytes/connection": memory_kb * 1024 / count, "connects/s": count / clients.connect_s},
        **{"us/connect": processor_s * 1e6 / count},
        **{"other cores": (busy_s - processor_s - clients.processor_s) / clients.lived_s},
    )


def storm(setting: Setting) -> Part:
    """Part D: how long until everybody is back after all connections dropped at once?"""
    part = Part("D. 10,000 clients drop and connect again at once", "seconds")
    for number in range(setting.rounds):
        # Mosquitto asks the kernel to queue 100 connections only, so its clients try again ever more slowly.
        names = (MOSQUITTO, DEEDBOX, BARE_LIMIT) if number == 0 else (DEEDBOX, BARE_LIMIT)
        for name in setting.servers(names):
            attempt(setting, part, f"{name}, storm", _storm, name, 10_000)
    return part


def _storm(setting: Setting, part: Part, name: str, count: int) -> None:
    with _server(setting, name) as server:
        found = setting.generator.run(Storm, server.ports.mqtt, server.pid, m="storm", n=count)
    part.row(name, f"{count:,} clients").add(
        seconds=found.connect_s,
        failed=found.failed,
        dropped=found.dropped,
        **{"p50 ms": found.p50_ms, "p99 ms": found.p99_ms, "us/connect": found.server_us_each},
        **{"other cores": found.other_cores},
    )
