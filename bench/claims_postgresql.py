"""A PostgreSQL database with any number of devices that wait to be claimed, built quickly with COPY."""

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

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
from bench.postgresql_server import Server
from deedbox.core.keys import KeyRing
from deedbox.storage.migrating import migrate
from deedbox.storage.postgresql_pool import connect

#: Through their indexes: of tables that are read as they lie PostgreSQL keeps nothing.
_THROUGH_INDEXES = """
select (select count(type) from (select type from device order by tenant_id, name) as named),
       (select count(blocked) from (select blocked from device_state order by device_id) as stated),
       (select count(digest) from (select digest from claim_window order by device_id, kind) as offered)
"""


class PostgreSQLDatabase:
    """A database of a server that runs beside Deedbox; all processes share all processors."""

    on_processors: tuple[str, ...] = ()

    def __init__(self, folder: Path, server: Server, name: str) -> None:
        self.folder = folder
        self.url = server.url(name)
        self._server = server
        self._name = name

    def build(self, devices: int, keys: KeyRing) -> Deployment:
        """Make the tables and fill them, unless an earlier run did; bring them to this release's schema."""
        it = load(self.folder) or self._built(devices, keys)
        migrate(self.url)
        return it

    def warm(self) -> None:
        """Read the files once, then what claims look at, into PostgreSQL's own cache as far as it goes."""
        self._server.ask("checkpoint")
        for file in self._server.files_of(self._name):
            with file.open("rb", buffering=0) as stream:
                while stream.read(16 * 1024 * 1024):
                    pass
        self._server.ask(_THROUGH_INDEXES, self._name, "enable_seqscan", "enable_sort", "enable_hashagg")

    def open_deeds(self) -> int:
        """Return how many deeds are open. Raises AssertionError when a device has two."""
        sql = "select count(*), count(distinct device_id) from deed where closed_at is null"
        deeds, devices = self._server.ask(sql, self._name)[0]
        assert deeds == devices, "a device has two open deeds"
        return int(deeds)

    def processor_s(self) -> float:
        """Return the processor seconds of all of the server's processes."""
        return self._server.processor_s()

    def _built(self, devices: int, keys: KeyRing) -> Deployment:
        self._server.ask(f"drop database if exists {self._name}")
        self._server.ask(f"create database {self._name}")
        migrate(self.url)
        it = new_deployment(devices)
        asyncio.run(_fill(self.url, it, keys))
        save(self.folder, it)
        return it


def postgresql_database(cache: Path, server: Server, devices: int) -> PostgreSQLDatabase:
    """Return the database for that many devices; a small one, which one run uses up, is made anew."""
    folder = cache / f"claims-postgresql-{devices}"
    if devices <= 100_000:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True, parents=True)
    return PostgreSQLDatabase(folder, server, f"claims_{devices}")


async def _fill(url: str, it: Deployment, keys: KeyRing) -> None:
    connection = await connect(url)
    try:
        await _copy(connection, people_rows(it))
        parts = chunks(it.devices)
        for numbers in track(parts, description=f"{it.devices:,} devices", disable=len(parts) < 2):
            await _copy(connection, device_rows(it, keys, numbers))
        await connection.execute("vacuum (freeze, analyze)", timeout=3600)
    finally:
        await connection.close()


async def _copy(connection: Any, tables: Iterable[tuple[str, Rows]]) -> None:
    for table, rows in tables:
        await connection.copy_records_to_table(table, records=rows, columns=COLUMNS[table])
