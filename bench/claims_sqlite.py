"""A SQLite database with any number of devices that wait to be claimed, built quickly."""

import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from rich.progress import track

from bench.claims_deployment import (
    COLUMNS,
    Deployment,
    Rows,
    chunks,
    device_rows,
    load,
    new_deployment,
    people_rows,
    save,
)
from deedbox.core.keys import KeyRing
from deedbox.storage.migrating import migrate
from deedbox.storage.opening import DATABASE_NAME


class SQLiteDatabase:
    """A database file in `folder`; the server has the first processor for itself, the load the second."""

    on_processors: tuple[str, ...] = ("taskset", "-c", "0")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:{folder / DATABASE_NAME}"
        self._migrated = f"sqlite:///{folder / DATABASE_NAME}"  # as SQLAlchemy writes it

    def build(self, devices: int, keys: KeyRing) -> Deployment:
        """Make the tables and fill them, unless an earlier run did; bring them to this release's schema."""
        it = load(self.folder) or self._built(devices, keys)
        migrate(self._migrated)
        return it

    def warm(self) -> None:
        """Read the file once."""
        with (self.folder / DATABASE_NAME).open("rb", buffering=0) as file:
            while file.read(16 * 1024 * 1024):
                pass

    def open_deeds(self) -> int:
        """Return how many deeds are open. Raises AssertionError when a device has two."""
        with closing(sqlite3.connect(self.folder / DATABASE_NAME)) as connection:
            sql = "select count(*), count(distinct device_id) from deed where closed_at is null"
            deeds, devices = connection.execute(sql).fetchone()
        assert deeds == devices, "a device has two open deeds"
        return int(deeds)

    def processor_s(self) -> float:
        """Return 0: it works in the server's process."""
        return 0.0

    def _built(self, devices: int, keys: KeyRing) -> Deployment:
        migrate(self._migrated)
        it = new_deployment(devices)
        with closing(sqlite3.connect(self.folder / DATABASE_NAME, isolation_level=None)) as connection:
            for pragma in ("journal_mode = wal", "synchronous = off", "cache_size = -1000000"):
                connection.execute(f"pragma {pragma}")
            _insert(connection, people_rows(it))
            parts = chunks(devices)
            for numbers in track(parts, description=f"{devices:,} devices", disable=len(parts) < 2):
                _insert(connection, device_rows(it, keys, numbers))
            connection.execute("pragma wal_checkpoint(truncate)")
        save(self.folder, it)
        return it


def sqlite_database(cache: Path, devices: int) -> SQLiteDatabase:
    """Return the database for that many devices; a small one, which one run uses up, is made anew."""
    folder = cache / f"claims-{devices}"
    if devices <= 100_000:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True, parents=True)
    return SQLiteDatabase(folder)


def _insert(connection: sqlite3.Connection, tables: Iterable[tuple[str, Rows]]) -> None:
    connection.execute("begin")
    for table, rows in tables:
        columns = COLUMNS[table]
        marks = ", ".join("?" * len(columns))
        connection.executemany(f"insert into {table} ({', '.join(columns)}) values ({marks})", rows)
    connection.execute("commit")
