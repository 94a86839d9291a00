"""What the benchmark of claims works on: a tenant, people, any number of devices that wait to be claimed."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.ids import IdSequence
from deedbox.core.keys import KeyRing
from deedbox.core.ownership import WindowKind

CUSTOMERS = 50
#: How many devices are built in one step.
CHUNK = 100_000
#: The columns of each table's rows below; all others have defaults.
COLUMNS = {
    "tenant": ("id", "title", "slug", "created_at"),
    "device_profile": ("id", "tenant_id", "name", "is_default", "created_at"),
    "customer": ("id", "tenant_id", "title", "created_at"),
    "user_account": ("id", "tenant_id", "customer_id", "email", "authority", "created_at"),
    "user_session": ("id", "user_id", "created_at", "expires_at", "refresh_id"),
    "device": ("id", "tenant_id", "profile_id", "name", "type", "created_at"),
    "device_state": ("device_id",),
    "claim_window": ("device_id", "kind", "digest", "expires_at", "opened_at", "epoch"),
    "device_credentials": ("device_id", "id", "kind", "lookup_digest", "ciphertext", "created_at"),
}
_WEEK_MS = 604_800_000
_ids = IdSequence(os.urandom)
Rows = list[tuple[object, ...]]


class Deployment(msgspec.Struct):
    """What was built; `customers` are (customer id, user id, session id)."""

    tenant_id: UUID
    profile_id: UUID
    customers: list[tuple[UUID, UUID, UUID]]
    devices: int
    next_device: int = 0


class Database(Protocol):
    """A database that holds a deployment; `folder` is where it and the key file are."""

    folder: Path
    #: What `database.url` shall be.
    url: str
    #: Commands of the server start with these words: they choose its processors.
    on_processors: tuple[str, ...]

    def build(self, devices: int, keys: KeyRing) -> Deployment:
        """Make the tables and fill them, unless an earlier run did; bring them to this release's schema."""
        ...

    def warm(self) -> None:
        """Read it once, so that the system caches it: a cold start measures the disk."""
        ...

    def open_deeds(self) -> int:
        """Return how many deeds are open. Raises AssertionError when a device has two."""
        ...

    def processor_s(self) -> float:
        """Return the processor seconds that the database took in processes of its own."""
        ...


def secret_key(number: int) -> str:
    """Return the key of the n-th device."""
    return f"key-{number}"


def device_name(number: int) -> str:
    """Return the name of the n-th device."""
    return f"D{number}"


def new_deployment(devices: int) -> Deployment:
    """Return what is to be built."""
    people = [(_new_id(), _new_id(), _new_id()) for _ in range(CUSTOMERS)]
    return Deployment(_new_id(), _new_id(), people, devices)


def save(folder: Path, deployment: Deployment) -> None:
    """Remember what was built and how far it is used up."""
    (folder / "deployment.json").write_bytes(msgspec.json.encode(deployment))


def load(folder: Path) -> Deployment | None:
    """Return what an earlier run built, None if nothing."""
    file = folder / "deployment.json"
    return msgspec.json.decode(file.read_bytes(), type=Deployment) if file.exists() else None


def people_rows(it: Deployment) -> Iterator[tuple[str, Rows]]:
    """Return each table's rows: the tenant, its profile, its customers with a user each who is signed in."""
    now_ms = _now_ms()
    customers, sessions_end = list(enumerate(it.customers)), now_ms + 365 * 86_400_000
    yield "tenant", [(it.tenant_id, "Maker", "maker", now_ms)]
    yield "device_profile", [(it.profile_id, it.tenant_id, "default", True, now_ms)]
    yield "customer", [(c, it.tenant_id, f"Customer {n}", now_ms) for n, (c, _, _) in customers]
    users: Rows = [
        (u, it.tenant_id, c, f"user{n}@example.com", "CUSTOMER_USER", now_ms) for n, (c, u, _) in customers
    ]
    yield "user_account", users
    yield "user_session", [(s, u, now_ms, sessions_end, "bench") for _, (_, u, s) in customers]


def device_rows(it: Deployment, keys: KeyRing, numbers: range) -> Iterator[tuple[str, Rows]]:
    """Return each table's rows of some devices; each has an announced window that is open for a week."""
    now_ms = _now_ms()
    new = [(_new_id(), number) for number in numbers]
    yield "device", [(d, it.tenant_id, it.profile_id, device_name(n), "default", now_ms) for d, n in new]
    yield "device_state", [(d,) for d, _ in new]
    kind, ends_at = int(WindowKind.ANNOUNCED), now_ms + _WEEK_MS
    digests = ((d, keys.digest(d, secret_key(n))) for d, n in new)
    yield "claim_window", [(d, kind, digest, ends_at, now_ms, 0) for d, digest in digests]
    secrets = ((d, b"\1" + os.urandom(16), b"\1" + os.urandom(48)) for d, _ in new)
    yield (
        "device_credentials",
        [(d, d, "ACCESS_TOKEN", found_by, kept, now_ms) for d, found_by, kept in secrets],
    )


def chunks(devices: int) -> list[range]:
    """Return the numbers of all devices in parts."""
    return [range(start, min(start + CHUNK, devices)) for start in range(0, devices, CHUNK)]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _new_id() -> UUID:
    return _ids.new_id(_now_ms())
