"""A data folder with devices that sign in as the load generator does, and what of theirs is stored later.

Where a server of PostgreSQL is given, the database is there, and a file in the folder says where.
"""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from bench import postgresql_server
from deedbox.core import tenants
from deedbox.core.credential_kinds import CredentialsDraft
from deedbox.core.credentials import new_credentials
from deedbox.core.device_profiles import default_profile
from deedbox.core.devices import Device
from deedbox.core.ids import NULL_ID
from deedbox.core.keys import KeyRing
from deedbox.core.records import Actor
from deedbox.core.storage import Stores
from deedbox.core.telemetry_journal import Entry, recording
from deedbox.core.tenants import Tenant
from deedbox.security.key_file import load_or_make
from deedbox.storage.migrating import is_postgresql, migrate
from deedbox.storage.opening import DATABASE_NAME, database_path, open_storage
from deedbox.storage.postgresql_pool import connected, prepare_connection
from tests.acceptance.numbered_publishing import DIGITS, SERIES

_CHUNK = 1_000
_MOST_ENTRIES = 10**9
_STORED = f"""
    select d.name, t.text_value from time_series t
    join series_key k on k.id = t.key_id and k.name = '{SERIES}'
    join device d on d.id = t.entity_id
"""
_NAMES = "select id, name from device"
_URL_FILE = "database-url"
_COPY = "mqtt_copy"


def user_name(number: int) -> str:
    """Return the access token of the n-th device, which is its name, too."""
    return f"tok{number:08}"


def build(folder: Path, count: int, server: postgresql_server.Server | None = None) -> None:
    """Make a database with one tenant and `count` devices, in `folder` or on the server."""
    folder.mkdir(parents=True)
    if server:
        name = _template(folder)
        server.ask(f"drop database if exists {name}")
        server.ask(f"create database {name}")
        (folder / _URL_FILE).write_text(server.url(name))
    migrate(database_url(folder))
    asyncio.run(_build(folder, count, load_or_make(folder / "secret.key")))


def database_url(folder: Path) -> str:
    """Return where the database is that belongs to a data folder."""
    said = folder / _URL_FILE
    return said.read_text() if said.exists() else f"sqlite:///{folder / DATABASE_NAME}"


async def _build(folder: Path, count: int, keys: KeyRing) -> None:
    storage = await open_storage(database_url(folder))

    async def add_tenant(stores: Stores) -> tuple[UUID, UUID]:
        wanted = Tenant(id=NULL_ID, title="Maker", slug="", created_at=0)
        actor = Actor(NULL_ID, None, NULL_ID, "bench@example.com")
        tenant = await tenants.create(stores.tenants, stores.device_profiles, actor, wanted)
        return tenant.id, (await default_profile(stores.device_profiles, tenant.id)).id

    try:
        tenant_id, profile_id = await storage.write(add_tenant)
        for start in range(0, count, _CHUNK):
            numbers = range(start, min(start + _CHUNK, count))
            await storage.write(partial(_add, keys, tenant_id, profile_id, numbers))
    finally:
        await storage.close()


async def _add(keys: KeyRing, tenant_id: UUID, profile_id: UUID, numbers: range, stores: Stores) -> None:
    store, now_ms = stores.devices, await stores.devices.now_ms()
    new = [
        Device(store.new_id(), tenant_id, user_name(it), "default", None, profile_id, "null", now_ms, 1)
        for it in numbers
    ]
    await store.add_devices(new)
    drafts = [(it.id, CredentialsDraft(credentials_id=it.name)) for it in new]
    await store.put_credentials([new_credentials(store, keys, it, draft, now_ms) for it, draft in drafts])


@contextmanager
def fresh_copy(template: Path, cache: Path, server: postgresql_server.Server | None = None) -> Iterator[Path]:
    """Copy a data folder, on the same disk, and its database; the copy is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="mqtt-", dir=cache) as parent:
        folder = Path(parent) / "data"
        shutil.copytree(template, folder)
        with _fresh_database(server, _template(template), folder) if server else nullcontext():
            yield folder


def _template(folder: Path) -> str:
    """Return what the database of a folder is called on a server."""
    return "bench_" + folder.name.replace("-", "_")


@contextmanager
def _fresh_database(server: postgresql_server.Server, template: str, folder: Path) -> Iterator[None]:
    server.ask(f"drop database if exists {_COPY} with (force)")
    server.ask(f"create database {_COPY} template {template}")
    (folder / _URL_FILE).write_text(server.url(_COPY))
    server.ask("checkpoint")
    try:
        yield
    finally:
        server.ask(f"drop database {_COPY} with (force)")


def stored(folder: Path) -> list[tuple[str, int]]:
    """Return device and number of every message that is stored: in the journal, and where reads look."""
    return asyncio.run(_stored(database_url(folder)))


async def _stored(url: str) -> list[tuple[str, int]]:
    entries = await _journal(url)
    moved, names = [await asked(url, it) for it in (_STORED, _NAMES)]
    name_of = {UUID(bytes=it): name for it, name in names}
    waiting = [
        (name_of[entry.device_id], point.value)
        for entry in entries
        for point in recording(entry).points
        if point.key == SERIES
    ]
    return [(device, int(str(note)[:DIGITS])) for device, note in [*moved, *waiting]]


async def _journal(url: str) -> list[Entry]:
    storage = await open_storage(url)

    async def work(stores: Stores) -> list[Entry]:
        return await stores.journal.oldest_entries(_MOST_ENTRIES)

    try:
        return await (storage.write_beside(work) if storage.is_shared else storage.read(work))
    finally:
        await storage.close()


async def asked(url: str, sql: str) -> list[Any]:
    """Run one query on a database that no server holds; return its rows."""
    if is_postgresql(url):
        async with connected(url) as connection:
            await prepare_connection(connection)
            return list(await connection.fetch(sql))
    with closing(sqlite3.connect(database_path(url))) as connection:
        return connection.execute(sql).fetchall()
