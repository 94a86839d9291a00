"""Builds a database with any number of devices that wait to be claimed, quickly, straight through SQL."""

import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import msgspec
from rich.progress import track

from deedbox.core.ids import IdSequence
from deedbox.core.keys import KeyRing
from deedbox.core.ownership import WindowKind
from deedbox.storage.migrating import migrate
from deedbox.storage.opening import DATABASE_NAME

CUSTOMERS = 50
_CHUNK = 100_000
_ids = IdSequence(os.urandom)


class Deployment(msgspec.Struct):
    """What was built; `customers` are (customer id, user id, session id)."""

    tenant_id: UUID
    profile_id: UUID
    customers: list[tuple[UUID, UUID, UUID]]
    devices: int
    next_device: int = 0


def secret_key(number: int) -> str:
    """Return the key of the n-th device."""
    return f"key-{number}"


def device_name(number: int) -> str:
    """Return the name of the n-th device."""
    return f"D{number}"


def build(folder: Path, devices: int, keys: KeyRing) -> Deployment:
    """Make the database in `folder`; every device has an announced window that is open for a week."""
    folder.mkdir(parents=True, exist_ok=True)
    migrate(f"sqlite:///{folder / DATABASE_NAME}")
    connection = sqlite3.connect(folder / DATABASE_NAME, isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = off")
    connection.execute("pragma cache_size = -1000000")
    people = [(_new_id(), _new_id(), _new_id()) for _ in range(CUSTOMERS)]
    deployment = Deployment(_new_id(), _new_id(), people, devices)
    connection.execute("begin")
    _add_people(connection, deployment)
    connection.execute("commit")
    chunks = range(0, devices, _CHUNK)
    for start in track(chunks, description=f"{devices:,} devices", disable=len(chunks) < 2):
        _add_devices(connection, deployment, keys, range(start, min(start + _CHUNK, devices)))
    connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()
    save(folder, deployment)
    return deployment


def save(folder: Path, deployment: Deployment) -> None:
    """Remember what was built and how far it is used up."""
    (folder / "deployment.json").write_bytes(msgspec.json.encode(deployment))


def load(folder: Path) -> Deployment | None:
    """Return what an earlier run built, None if nothing."""
    file = folder / "deployment.json"
    return msgspec.json.decode(file.read_bytes(), type=Deployment) if file.exists() else None


def warm(folder: Path) -> None:
    """Read the database once, so that the system caches it: a cold start measures the disk."""
    with (folder / DATABASE_NAME).open("rb", buffering=0) as file:
        while file.read(16 * 1024 * 1024):
            pass


def _new_id() -> UUID:
    return _ids.new_id(time.time_ns() // 1_000_000)


def _add_people(connection: sqlite3.Connection, it: Deployment) -> None:
    now_ms = time.time_ns() // 1_000_000
    tenant = it.tenant_id.bytes
    connection.execute(
        "insert into tenant (id, title, slug, created_at) values (?, 'Maker', 'maker', ?)", (tenant, now_ms)
    )
    connection.execute(
        "insert into device_profile (id, tenant_id, name, is_default, created_at) "
        "values (?, ?, 'default', 1, ?)",
        (it.profile_id.bytes, tenant, now_ms),
    )
    for number, (customer_id, user_id, session_id) in enumerate(it.customers):
        connection.execute(
            "insert into customer (id, tenant_id, title, created_at) values (?, ?, ?, ?)",
            (customer_id.bytes, tenant, f"Customer {number}", now_ms),
        )
        connection.execute(
            "insert into user_account (id, tenant_id, customer_id, email, authority, created_at) "
            "values (?, ?, ?, ?, 'CUSTOMER_USER', ?)",
            (user_id.bytes, tenant, customer_id.bytes, f"user{number}@example.com", now_ms),
        )
        connection.execute(
            "insert into user_session (id, user_id, created_at, expires_at, refresh_id) "
            "values (?, ?, ?, ?, 'bench')",
            (session_id.bytes, user_id.bytes, now_ms, now_ms + 86_400_000),
        )


def _add_devices(connection: sqlite3.Connection, it: Deployment, keys: KeyRing, numbers: range) -> None:
    now_ms = time.time_ns() // 1_000_000
    new = [(_new_id(), number) for number in numbers]
    connection.execute("begin")
    connection.executemany(
        "insert into device (id, tenant_id, profile_id, name, type, created_at) "
        "values (?, ?, ?, ?, 'default', ?)",
        ((d.bytes, it.tenant_id.bytes, it.profile_id.bytes, device_name(n), now_ms) for d, n in new),
    )
    connection.executemany("insert into device_state (device_id) values (?)", ((d.bytes,) for d, _ in new))
    connection.executemany(
        "insert into claim_window (device_id, kind, digest, expires_at, opened_at, epoch) "
        "values (?, ?, ?, ?, ?, 0)",
        _windows(new, keys, now_ms),
    )
    connection.executemany(
        "insert into device_credentials (device_id, id, kind, lookup_digest, ciphertext, created_at) "
        "values (?, ?, 'ACCESS_TOKEN', ?, ?, ?)",
        ((d.bytes, d.bytes, b"\1" + os.urandom(16), os.urandom(49), now_ms) for d, _ in new),
    )
    connection.execute("commit")


def _windows(
    new: list[tuple[UUID, int]], keys: KeyRing, now_ms: int
) -> Iterator[tuple[bytes, int, bytes, int, int]]:
    for device_id, number in new:
        digest = keys.digest(device_id, secret_key(number))
        yield device_id.bytes, int(WindowKind.ANNOUNCED), digest, now_ms + 604_800_000, now_ms
