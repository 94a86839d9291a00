"""Looks into a server's database: is each device's ownership what its ledger says it must be?"""

import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DATABASE = "deedbox.sqlite"
_EVENTS = "('device.claimed', 'device.assigned', 'device.released')"
_ACTIONS = "('ASSIGNED_TO_CUSTOMER', 'UNASSIGNED_FROM_CUSTOMER')"


def rows(database: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Return what a query finds, beside a server that may be running."""
    connection = sqlite3.connect(database)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def as_it_was_left(data_folder: Path, folder: Path) -> Path:
    """Copy the database of a server that was killed, so that looking at it does not repair the original."""
    folder.mkdir(parents=True)
    for file in data_folder.glob(f"{DATABASE}*"):
        shutil.copy(file, folder)
    return folder / DATABASE


def unexplained(database: Path) -> list[str]:
    """Name everything about ownership that does not add up; an empty list is good."""
    wrong = [f"integrity: {it}" for it in rows(database, "pragma integrity_check") if it != ("ok",)]
    twice = "select device_id from deed where closed_at is null group by device_id having count(*) > 1"
    wrong += [f"two open deeds: {it[0].hex()}" for it in rows(database, twice)]
    wrong += [
        f"ledger: {device_id.hex()}"
        for device_id, epoch in rows(database, "select device_id, epoch from device_state")
        if not _is_explained(database, device_id, epoch)
    ]
    counted = "select total from tally where owner_id = ? and noun = 'device'"
    owned = "select customer_id, count(*) from deed where closed_at is null group by customer_id"
    return wrong + [
        f"tally: {customer_id.hex()}"
        for customer_id, count in rows(database, owned)
        if rows(database, counted, customer_id) != [(count,)]
    ]


def _is_explained(database: Path, device_id: bytes, epoch: int) -> bool:
    def found(columns: str, table: str, more: str, order: str) -> list[tuple[Any, ...]]:
        return rows(database, f"select {columns} from {table} where {more} order by {order}", device_id)

    ledger = found("epoch, change, deed_id, customer_id", "ownership_ledger", "device_id = ?", "epoch")
    deeds = found("id, customer_id, opened_epoch, closed_epoch", "deed", "device_id = ?", "opened_epoch")
    events = found("epoch", "outbox_event", f"device_id = ? and type in {_EVENTS}", "epoch")
    audits = found("epoch", "audit_entry", f"entity_id = ? and action in {_ACTIONS}", "epoch")
    epochs = [(number,) for number in range(1, epoch + 1)]
    return ledger == _ledger_of(deeds) and [it[:1] for it in ledger] == events == audits == epochs


def _ledger_of(deeds: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    entries = []
    for deed_id, customer_id, opened_epoch, closed_epoch in deeds:
        entries.append((opened_epoch, "opened", deed_id, customer_id))
        if closed_epoch is not None:
            entries.append((closed_epoch, "closed", deed_id, customer_id))
    return entries
