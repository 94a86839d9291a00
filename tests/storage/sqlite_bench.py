"""Real storages on the examiner's bench, SQLite first: prepared and looked at with plain SQL."""

import shutil
import sqlite3
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from deedbox.core.devices import Device
from deedbox.core.records import AuditEntry, Event, LedgerRow
from deedbox.storage.migrating import migrate
from deedbox.storage.sqlite import SQLiteStorage
from deedbox.storage.stores import Stores
from deedbox.testing.claim_bench import KeptDeed, PreparedDevice, Work

T = TypeVar("T")
KEY_ID = 1


@cache
def migrated_file() -> Path:
    """Return a database without rows, made once per test process: copying is faster than migrating."""
    path = Path(mkdtemp(prefix="deedbox-tests-")) / "empty.sqlite"
    migrate(f"sqlite:///{path}")
    return path


def new_database(folder: Path) -> Path:
    """Return the path of a fresh database with the newest schema."""
    path = folder / "deedbox.sqlite"
    shutil.copyfile(migrated_file(), path)
    return path


class StorageBench:
    """A `ClaimBench` over a real storage; `plain` is a connection beside it."""

    #: Or another that does the same.
    storage: SQLiteStorage

    def __init__(self, plain: Any, now_ms: int = 1_700_000_000_000) -> None:
        self.now_ms = now_ms
        self._plain = plain

    def sql(self, sql: str, *values: object) -> list[Any]:
        """Run a statement beside the storage; return its rows."""
        return [*self._plain.execute(sql, values).fetchall()]

    async def run(self, work: Work[T]) -> T:
        """Run `work` in a write transaction of the real storage."""

        async def on_stores(stores: Stores) -> T:
            return await work(stores.claims)

        return await self.storage.write(on_stores)

    async def add_customer(self, tenant_id: UUID, customer_id: UUID, title: str) -> None:
        """Store a customer."""
        sql = "insert into customer (id, tenant_id, title, created_at) values (?, ?, ?, 0)"
        self._do(sql, customer_id, tenant_id, title)

    async def add_device(self, prepared: PreparedDevice) -> None:
        """Store a device with a profile of its own."""
        it = prepared.device
        self._do(
            "insert into tenant (id, title, slug, created_at) values (?, ?, ?, 0) on conflict do nothing",
            it.tenant_id, it.tenant_id.hex, it.tenant_id.hex,
        )  # fmt: skip
        self._do("update tenant set erase_on_reclaim = ? where id = ?", prepared.erases_values, it.tenant_id)
        self._do(
            "insert into device_profile (id, tenant_id, name, allow_claiming_by_default, "
            "forbids_empty_keys, rotates_credentials_on_reclaim, new_secret_on_reclaim, created_at) "
            "values (?, ?, ?, ?, ?, ?, ?, 0) on conflict (id) do update set "
            "allow_claiming_by_default = excluded.allow_claiming_by_default, "
            "forbids_empty_keys = excluded.forbids_empty_keys, "
            "rotates_credentials_on_reclaim = excluded.rotates_credentials_on_reclaim, "
            "new_secret_on_reclaim = excluded.new_secret_on_reclaim",
            it.profile_id, it.tenant_id, it.profile_id.hex, prepared.allow_by_default,
            prepared.forbids_empty_keys, prepared.rotates_credentials, prepared.renews_label,
        )  # fmt: skip
        self._do(
            "insert into device (id, tenant_id, profile_id, name, type, created_at) "
            "values (?, ?, ?, ?, ?, ?) on conflict do nothing",
            it.id, it.tenant_id, it.profile_id, it.name, it.type, it.created_at,
        )  # fmt: skip
        self._do("insert into device_state (device_id) values (?) on conflict do nothing", it.id)

    async def set_blocked(self, device_id: UUID, blocked: bool) -> None:
        """Block claiming of the device, or allow it again."""

        async def work(stores: Stores) -> None:
            await stores.claims.set_blocked(device_id, blocked)

        await self.storage.write(work)

    async def set_claiming_allowed(self, device_id: UUID, allowed: bool | None) -> None:
        """Write the attribute `claimingAllowed`, or delete it with None."""
        self._do("delete from attribute where entity_id = ? and name = 'claimingAllowed'", device_id)
        if allowed is not None:
            self._do(
                "insert into attribute "
                "(entity_id, scope, name, writer, kept_for_epoch, epoch, value, updated_at) "
                "select ?1, 0, 'claimingAllowed', 0, 0, epoch, ?2, 0 from device_state where device_id = ?1",
                device_id, "true" if allowed else "false",
            )  # fmt: skip

    async def write_value(self, device_id: UUID, value: int) -> None:
        """Store a value as a point of a time series."""
        self._do(
            "insert into time_series (entity_id, key_id, ts, epoch, long_value) "
            "select ?1, ?2, ?3, epoch, ?3 from device_state where device_id = ?1",
            device_id, KEY_ID, value,
        )  # fmt: skip

    async def readable_values(self, device_id: UUID, customer_id: UUID) -> Sequence[int]:
        """Return the values that this customer may read now."""
        rows = self._rows(
            "select v.long_value from time_series v join deed d on d.device_id = v.entity_id "
            "where v.entity_id = ? and d.customer_id = ? and d.closed_at is null "
            "and v.epoch >= d.reads_from_epoch and v.epoch >= coalesce("
            "(select max(e.below_epoch) from erasure_task e where e.device_id = d.device_id), 0) "
            "order by v.ts",
            device_id, customer_id,
        )  # fmt: skip
        return [row["long_value"] for row in rows]

    async def claiming_allowed(self, device_id: UUID) -> bool | None:
        """Return the attribute `claimingAllowed`, None when there is none."""
        rows = self._rows(
            "select value from attribute where entity_id = ? and name = 'claimingAllowed'", device_id
        )
        return rows[0]["value"] == "true" if rows else None

    async def deeds(self, device_id: UUID) -> Sequence[KeptDeed]:
        """Return all deeds of the device, oldest first."""
        return self._structs(
            KeptDeed, "select * from deed where device_id = ? order by opened_epoch", device_id
        )

    async def owned_count(self, customer_id: UUID) -> int:
        """Return the kept total of the devices that the customer owns."""
        rows = self._rows("select total from tally where owner_id = ? and noun = 'device'", customer_id)
        return int(rows[0]["total"]) if rows else 0

    async def ledger(self, tenant_id: UUID, device_id: UUID) -> Sequence[LedgerRow]:
        """Return the device's ownership history, oldest first."""
        sql = "select * from ownership_ledger where tenant_id = ? and device_id = ? order by epoch"
        return self._structs(LedgerRow, sql, tenant_id, device_id)

    async def audit(self, tenant_id: UUID) -> Sequence[AuditEntry]:
        """Return the tenant's audit log, oldest first."""
        return self._structs(
            AuditEntry, "select * from audit_entry where tenant_id = ? order by id", tenant_id
        )

    async def events(self, tenant_id: UUID) -> Sequence[Event]:
        """Return the tenant's outbox, oldest first."""
        return self._structs(Event, "select * from outbox_event where tenant_id = ? order by id", tenant_id)

    def _do(self, sql: str, *values: object) -> None:
        self._plain.execute(sql, values)

    def _rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        cursor = self._plain.execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def _structs(self, shape: type[T], sql: str, *values: object) -> list[T]:
        rows = self._rows(sql, *values)
        return [msgspec.convert(row, shape, strict=False, builtin_types=(bytes,)) for row in rows]


class SQLiteBench(StorageBench):
    """A `ClaimBench` over one SQLite file; `close()` ends it."""

    def __init__(self, path: Path, now_ms: int = 1_700_000_000_000) -> None:
        super().__init__(sqlite3.connect(path, isolation_level=None), now_ms)
        self.storage = SQLiteStorage(path, lambda: self.now_ms)
        self._plain.execute("pragma synchronous = off")  # only the storage has to survive a crash

    async def close(self) -> None:
        """Close the storage."""
        self._plain.close()
        await self.storage.close()


def device_named(name: str, tenant_id: UUID, device_id: UUID, profile_id: UUID) -> Device:
    """Return a device as it leaves the factory."""
    return Device(device_id, tenant_id, name, "default", None, profile_id, "{}", 0, 1)
