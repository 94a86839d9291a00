"""Large batches that are appended as they are go to PostgreSQL by COPY; only their time tells."""

from typing import Any
from uuid import UUID

import pytest

from deedbox.core.devices import Device
from deedbox.core.errors import NameTaken
from deedbox.core.records import AuditEntry
from deedbox.core.storage import Stores
from deedbox.storage import postgresql_transactions
from deedbox.storage.postgresql_statements import appended
from deedbox.storage.statements import ROWS, statements
from tests.storage.postgresql_bench import PostgreSQLBench

TENANT = UUID(int=7)
APPENDED = {name: to for name in statements() if (to := appended(name))}
_TYPES = """
select attname::text, atttypid::regtype::text from pg_attribute
where attrelid = ?::text::regclass and attnum > 0
"""


def devices(names: list[str]) -> list[Device]:
    return [
        Device(
            UUID(int=number), TENANT, name, "default", None if number % 2 else "Hall ü", TENANT, "{}", 5, 1
        )
        for number, name in enumerate(names, start=1)
    ]


def entries(count: int) -> list[AuditEntry]:
    return [
        AuditEntry(
            UUID(int=number),
            TENANT,
            None,
            None,
            "somebody",
            "::1",
            "DEVICE",
            UUID(int=number),
            "D",
            0,
            "ADDED",
            number % 2 == 0,
            '{"a": "\\\\N"}',
            "",
            5,
        )
        for number in range(count)
    ]


def test_what_only_appends_is_found() -> None:
    """Statements that look for conflicts, or that read, are run as they are written."""
    assert {"add_devices", "add_device_states", "add_audit_entries", "add_ledger_rows", "add_events"} <= {
        *APPENDED
    }
    assert not {"put_credentials", "open_windows", "change_devices", "open_deeds"} & {*APPENDED}


@pytest.mark.parametrize("statement", sorted(APPENDED))
def test_the_types_of_a_batch_are_those_of_the_columns(
    postgresql_bench: PostgreSQLBench, statement: str
) -> None:
    """COPY takes the table's types; a statement's own would be cast."""
    to = APPENDED[statement]
    found = dict(postgresql_bench.sql(_TYPES, to.table))
    mark = ROWS.search(statements()[statement])
    assert mark is not None
    assert [found[it] for it in to.columns] == [it.strip() for it in mark[1].split(",")]


async def test_it_stores_what_the_statement_stores(
    postgresql_bench: PostgreSQLBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def add(stores: Stores) -> None:
        await stores.devices.add_devices(devices([f"D{number}" for number in range(300)]))
        await stores.devices.add_audit_entries(entries(300))

    stored = []
    for worth in (1, 10**9):
        monkeypatch.setattr(postgresql_transactions, "_WORTH_A_COPY", worth)
        await postgresql_bench.storage.write(add)
        stored.append([rows(postgresql_bench, it) for it in ("device", "device_state", "audit_entry")])
        postgresql_bench.sql("truncate device, device_state, audit_entry")
    assert stored[0] == stored[1]
    assert [len(it) for it in stored[0]] == [300, 300, 300]


def rows(bench: PostgreSQLBench, table: str) -> list[Any]:
    return bench.sql(f"select * from {table} order by 1, 2")


async def test_a_name_that_is_taken_is_the_same_refusal(postgresql_bench: PostgreSQLBench) -> None:
    """Nothing of the batch is stored, and the transaction is over, as after the statement."""
    names = [f"D{number}" for number in range(300)]

    async def add(stores: Stores) -> None:
        await stores.devices.add_devices(devices([*names, "D7"]))

    with pytest.raises(NameTaken):
        await postgresql_bench.storage.write(add)
    assert postgresql_bench.sql("select count(*) from device") == [(0,)]
