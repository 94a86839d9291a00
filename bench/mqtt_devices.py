"""A data folder with devices that sign in as the load generator does, and what of theirs is stored later."""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import UUID

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
from deedbox.storage.migrating import migrate
from deedbox.storage.opening import DATABASE_NAME, open_storage
from tests.acceptance.numbered_publishing import DIGITS, SERIES

_CHUNK = 1_000
_MOST_ENTRIES = 10**9
_STORED = """
    select d.name, t.text_value from time_series t
    join series_key k on k.id = t.key_id and k.name = ?
    join device d on d.id = t.entity_id
"""


def user_name(number: int) -> str:
    """Return the access token of the n-th device, which is its name, too."""
    return f"tok{number:08}"


def build(folder: Path, count: int) -> None:
    """Make a database in `folder` with one tenant and `count` devices."""
    folder.mkdir(parents=True)
    migrate(f"sqlite:///{folder / DATABASE_NAME}")
    asyncio.run(_build(folder, count, load_or_make(folder / "secret.key")))


async def _build(folder: Path, count: int, keys: KeyRing) -> None:
    storage = await open_storage(f"sqlite:{folder / DATABASE_NAME}")

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
def fresh_copy(template: Path, cache: Path) -> Iterator[Path]:
    """Copy a data folder, on the same disk; the copy is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="mqtt-", dir=cache) as parent:
        folder = Path(parent) / "data"
        shutil.copytree(template, folder)
        yield folder


def stored(folder: Path) -> list[tuple[str, int]]:
    """Return device and number of every message that is stored: in the journal, and where reads look."""
    entries = asyncio.run(_journal(folder))
    with sqlite3.connect(folder / DATABASE_NAME) as connection:
        moved = connection.execute(_STORED, (SERIES,)).fetchall()
        names = dict(connection.execute("select id, name from device"))
    connection.close()
    waiting = [
        (names[entry.device_id.bytes], point.value)
        for entry in entries
        for point in recording(entry).points
        if point.key == SERIES
    ]
    return [(device, int(str(note)[:DIGITS])) for device, note in moved + waiting]


async def _journal(folder: Path) -> list[Entry]:
    storage = await open_storage(f"sqlite:{folder / DATABASE_NAME}")

    async def work(stores: Stores) -> list[Entry]:
        return await stores.journal.oldest_entries(_MOST_ENTRIES)

    try:
        return await storage.read(work)
    finally:
        await storage.close()
