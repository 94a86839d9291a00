"""Part F: what do 5,000 devices cost that send three values each second, until readers find all of them?

It is the load that ThingsBoard has published figures of. The whole counts: the server and the database, with
the journal moved to time series and latest values.
"""

import time
from typing import NamedTuple

from bench import mqtt_devices
from bench.mqtt_load import LoadFailed, Publishing
from bench.mqtt_parts import Setting, attempt
from bench.mqtt_rows import FAILED, Part
from bench.mqtt_servers import DEEDBOX, Server, running

_CONNECTIONS = 5_000
_RATE = 5_000
_LOAD_S = 25
#: The least that the generator's three values take.
_PAYLOAD_BYTES = 120
_LONGEST_DRAIN_S = 120


class _Spent(NamedTuple):
    """Seconds of processors so far, and bytes of the database's log."""

    server_s: float
    database_s: float
    log_bytes: int


def steady_load(setting: Setting) -> Part:
    """Have 5,000 devices send a message each second."""
    part = Part(
        f"F. {_CONNECTIONS:,} devices with a message of three values each second, until all are moved"
    )
    attempt(setting, part, f"{DEEDBOX}, {_RATE:,} messages/s", _measure)
    return part


def _measure(setting: Setting, part: Part) -> None:
    options = {"m": "rate", "n": _CONNECTIONS, "r": _RATE, "s": _PAYLOAD_BYTES, "d": _LOAD_S}
    with setting.fresh_copy() as folder:
        with running(DEEDBOX, folder) as server:
            before = _spent(setting, server)
            found = setting.generator.run(Publishing, server.ports.mqtt, server.pid, **options)
            left, drain_s = server.in_journal(), _drained_s(server)
            spent = _Spent(*(now - then for now, then in zip(_spent(setting, server), before, strict=True)))
        stored = mqtt_devices.stored(folder)
    row = part.row(DEEDBOX, f"{_RATE:,} per s")
    row.add(p50_ms=found.p50_ms, p99_ms=found.p99_ms, **_cores(spent, found.acknowledged))
    row.add(in_journal=left, moved_after_s=drain_s, **{"other cores": found.other_cores})
    is_right = not found.faults and len(stored) == len(set(stored)) == found.acknowledged
    wrong = f"{FAILED}: {found.faults} {found.acknowledged:,} acknowledged, {len(stored):,} stored"
    row.note = "stored = acknowledged" if is_right else wrong


def _cores(spent: _Spent, messages: int) -> dict[str, float]:
    """Return what the load takes of processors, connecting and moving included, and of the log."""
    server, database = (it * _RATE / messages for it in spent[:2])
    return {
        "cores": server + database,
        "server": server,
        "database": database,
        "log B/message": spent.log_bytes / messages,
    }


def _spent(setting: Setting, server: Server) -> _Spent:
    log = "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
    log_bytes = int(setting.database.ask(log)[0][0]) if setting.database else 0
    return _Spent(server.processor_s(), setting.database_s(), log_bytes)


def _drained_s(server: Server) -> float:
    """Wait until the journal is empty; return the seconds."""
    began_s = time.monotonic()
    while server.in_journal():
        if time.monotonic() > began_s + _LONGEST_DRAIN_S:
            raise LoadFailed(f"the journal was not empty after {_LONGEST_DRAIN_S} s")
        time.sleep(0.1)
    return time.monotonic() - began_s
