"""`deedbox doctor`: looks at all that the server will need, says what would go wrong, changes nothing."""

import fcntl
import os
import shutil
import sqlite3
import stat
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from deedbox.config.declared import Settings
from deedbox.core.errors import StorageUnavailable
from deedbox.main.encryption import encryption
from deedbox.main.examining_servers import examine_nats, examine_postgresql, examine_replicas
from deedbox.main.failures import CannotStart
from deedbox.main.findings import Finding, failed, ok, warning
from deedbox.main.folder import database_schema, sqlite_file
from deedbox.main.keys import fingerprints, holds_secrets
from deedbox.security.key_file import KeyFileError, load
from deedbox.serving.addresses import listen_address
from deedbox.serving.listeners import CannotListen, bind_all, close_all
from deedbox.storage.migrating import WrongSchema, check_fits, is_postgresql, newest_revision
from deedbox.storage.opening import server_facts

_GIB = 1 << 30
_LEAST_FREE_BYTES = _GIB // 10
_SLOW_SYNC_MS = 20.0
_RELEASED_AT = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
_SOON_DAYS = 30
_CLOCKS_APART_MS = 60_000
_TROUBLES = (OSError, ValueError, CannotStart, CannotListen, KeyFileError, StorageUnavailable)


def examine(settings: Settings) -> list[Finding]:
    """Run every check and return what each found."""
    checks: dict[str, Callable[[Settings], Finding]] = {
        "data folder": _folder,
        "disk space": _space,
        "disk speed": _speed,
        "clock": _clock,
        "database": _schema,
        "key file": _key_file,
        "addresses": _addresses,
        "certificate": _certificate,
    }
    if is_postgresql(settings.database_url):
        checks["postgresql"] = examine_postgresql
        if settings.database.replica_urls:
            checks["replicas"] = examine_replicas
    if settings.nats.url:
        checks["nats"] = examine_nats
    return [_run(name, check, settings) for name, check in checks.items()]


def _run(name: str, check: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        finding = check(settings)
    except (*_TROUBLES, sqlite3.Error) as error:
        finding = failed(str(error))
    return msgspec.structs.replace(finding, check=name)


def _nearest(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that is there."""
    return next(it for it in (folder.absolute(), *folder.absolute().parents) if it.exists())


def _folder(settings: Settings) -> Finding:
    folder = settings.data_folder
    there = _nearest(folder)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return failed(f"{there} can't be written by this user; change its rights or use --data FOLDER")
    if not folder.exists():
        return ok(f"{folder} will be made by the first start")
    if folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return warning(f"other users can write to {folder}: chmod 700 {folder}")
    return ok(f"{folder}, in use by a running server" if _is_held(folder) else f"{folder}")


def _is_held(folder: Path) -> bool:
    try:
        with (folder / "deedbox.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _space(settings: Settings) -> Finding:
    free = shutil.disk_usage(_nearest(settings.data_folder)).free
    text = f"{free / _GIB:.1f} GiB free"
    if free < _LEAST_FREE_BYTES:
        return failed(f"{text}; make room")
    return warning(f"{text}; make room soon") if free < _GIB else ok(text)


def _speed(settings: Settings) -> Finding:
    with tempfile.TemporaryFile(dir=_nearest(settings.data_folder)) as file:
        median_ms = statistics.median(_sync_durations_ms(file.fileno()))
    text = f"{median_ms:.1f} ms until a small write is on the disk"
    return warning(f"{text}; every answer waits for one") if median_ms > _SLOW_SYNC_MS else ok(text)


def _sync_durations_ms(file: int) -> Iterator[float]:
    for _ in range(15):
        os.pwrite(file, b"\0" * 4096, 0)
        began = time.perf_counter()
        os.fsync(file)
        yield (time.perf_counter() - began) * 1000


def _clock(settings: Settings) -> Finding:
    now = time.time()
    written = [it.stat().st_mtime for it in (settings.data_folder / "deedbox.sqlite",) if it.exists()]
    if now < max([_RELEASED_AT, *written]) - 60:
        return failed("the clock is behind: set it (timedatectl set-ntp true), windows expire by it")
    return ok(datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"))


def _schema(settings: Settings) -> Finding:
    schema, newest = database_schema(settings), newest_revision()
    revision = schema.revision
    facts = server_facts(settings.database_url) if is_postgresql(settings.database_url) else None
    where = f"PostgreSQL {facts.version}" if facts else str(sqlite_file(settings))
    if revision is None:
        return ok("will be made by the first start" if facts is None else f"{where}, empty")
    try:
        check_fits(schema)
    except WrongSchema as error:
        return failed(str(error))
    if revision < newest:
        return warning(f"schema {revision}; the next start, or `deedbox migrate`, brings it to {newest}")
    if facts and abs(facts.clock_ms - time.time_ns() // 1_000_000) > _CLOCKS_APART_MS:
        return warning(f"{where}: its clock and this machine's differ by more than a minute; set both")
    if facts and not facts.lowers_letters:
        return warning(f"{where}: searches find other letters than a-z as they are written only")
    return ok(f"{where}, schema {revision}")


def _key_file(settings: Settings) -> Finding:
    path = settings.key_file
    if not path.exists():
        if holds_secrets(settings):
            return failed(f"{path} is missing, but there is a database: restore it from where you keep it")
        return ok("will be made by the first start")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return failed(f"other users can read {path}: chmod 600 {path}")
    named = ", ".join(f"generation {number} is {it}" for number, it in fingerprints(load(path)).items())
    return ok(f"{path}, {named}; keep a copy where the database's backups are not")


def _addresses(settings: Settings) -> Finding:
    wanted = {
        "http.listen": settings.http.listen,
        "https.listen": settings.https.listen,
        "mqtt.listen": settings.mqtt.listen,
        "mqtts.listen": settings.mqtts.listen,
        "coaps.listen": settings.coaps.listen,
    }
    parsed = {name: listen_address(text) for name, text in wanted.items()}
    addresses = {name: address for name, address in parsed.items() if address}
    shown = ", ".join(str(address) for address in addresses.values())
    if settings.data_folder.exists() and _is_held(settings.data_folder):
        return ok(f"{shown}; not tried, a server runs")
    close_all(bind_all(addresses))
    return ok(f"{shown}: free")


def _certificate(settings: Settings) -> Finding:
    from cryptography import x509  # noqa: PLC0415 - only where there is a certificate to look at

    if not settings.tls.certificate_file:
        return ok("none")
    path = Path(settings.tls.certificate_file)
    encryption(settings)
    ends_at = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    days = (ends_at - datetime.now(UTC)).days
    if days < 0:
        return failed(f"{path} expired on {ends_at:%Y-%m-%d}: renew it, then restart")
    text = f"{path} expires on {ends_at:%Y-%m-%d}"
    return warning(f"{text}: renew it soon") if days < _SOON_DAYS else ok(text)
