"""Assets over the real storage: totals, unique names, and tenants from before there were any."""

import importlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
import sqlalchemy
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from deedbox.core.asset_profiles import AssetProfile
from deedbox.core.assets import Asset, AssetFilter
from deedbox.core.errors import NameTaken
from deedbox.core.paging import PageRequest, PageSlice
from deedbox.storage.stores import Stores
from tests.storage.postgresql_bench import VERSIONS
from tests.storage.sqlite_bench import SQLiteBench, new_database

TENANT, ALICES, BOBS = UUID(int=1), UUID(int=2), UUID(int=3)
ROOM = Asset(UUID(int=4), TENANT, "Room", "default", "Upstairs", TENANT, "{}", 5, 1)
EVERYTHING = PageSlice(PageRequest())


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[SQLiteBench]:
    opened = SQLiteBench(new_database(tmp_path))
    for customer_id, title in ((ALICES, "Alice"), (BOBS, "Bob")):
        await opened.add_customer(TENANT, customer_id, title)
    yield opened
    await opened.close()


async def totals(stores: Stores) -> list[int]:
    """How many assets the tenant, Alice and Bob have by their lists."""
    wanted = [AssetFilter(TENANT), AssetFilter(TENANT, ALICES), AssetFilter(TENANT, BOBS)]
    return [(await stores.assets.list_assets(it, EVERYTHING)).total for it in wanted]


async def test_totals_follow_the_asset(bench: SQLiteBench) -> None:
    async def work(stores: Stores) -> list[list[int]]:
        await stores.assets.add(ROOM)
        found = [await totals(stores)]
        for customer_id in (ALICES, BOBS, BOBS, None, ALICES):
            room = await stores.assets.asset(TENANT, ROOM.id)
            assert room is not None
            await stores.assets.assign(room, customer_id)
            found.append(await totals(stores))
        await stores.assets.remove(msgspec.structs.replace(ROOM, customer_id=ALICES))
        return [*found, await totals(stores)]

    assert await bench.storage.write(work) == [
        [1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 0, 1], [1, 0, 0], [1, 1, 0], [0, 0, 0],
    ]  # fmt: skip


async def test_the_database_keeps_names_apart(bench: SQLiteBench) -> None:
    """Even where nobody looked before; the job that tried is undone, others are not."""
    hall = msgspec.structs.replace(ROOM, id=UUID(int=5), name="Hall")
    await bench.storage.write(lambda stores: stores.assets.add(ROOM))
    await bench.storage.write(lambda stores: stores.assets.add(hall))
    namesake = msgspec.structs.replace(hall, name="Room")
    with pytest.raises(NameTaken):
        await bench.storage.write(lambda stores: stores.assets.change(namesake))
    with pytest.raises(NameTaken):
        await bench.storage.write(
            lambda stores: stores.assets.add(msgspec.structs.replace(ROOM, id=UUID(int=6)))
        )
    assert await bench.storage.write(totals) == [2, 0, 0]
    room_profile = AssetProfile(UUID(int=7), TENANT, "room", 0)
    await bench.storage.write(lambda stores: stores.asset_profiles.add(room_profile))
    with pytest.raises(NameTaken):
        await bench.storage.write(
            lambda stores: stores.asset_profiles.add(msgspec.structs.replace(room_profile, id=UUID(int=8)))
        )


def test_tenants_from_before_have_a_default_profile(tmp_path: Path) -> None:
    """Expand before contract: the migration writes no rows, and older releases need to write none."""
    path = tmp_path / "old.sqlite"
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        for name in ("0001_the_heart", "0002_values_and_records", "0003_commands"):
            importlib.import_module(f"{VERSIONS}.{name}").upgrade()
        sql = "insert into tenant (id, title, slug, created_at) values (:id, 'Maker', 'maker', 7)"
        connection.execute(sqlalchemy.text(sql), {"id": TENANT.bytes})
        importlib.import_module(f"{VERSIONS}.0004_assets_and_relations").upgrade()
    engine.dispose()
    with sqlite3.connect(path) as plain:
        assert plain.execute("select title from tenant").fetchall() == [("Maker",)]
        assert plain.execute("select count(*) from asset_profile").fetchall() == [(0,)]
    plain.close()


async def test_the_default_profile_is_there_with_its_tenant(bench: SQLiteBench) -> None:
    connection = sqlite3.connect(bench.storage.path)
    with connection:
        sql = "insert into tenant (id, title, slug, created_at) values (?, 'Maker', 'maker', 7)"
        connection.execute(sql, [TENANT.bytes])
    connection.close()
    default = AssetProfile(TENANT, TENANT, "default", 7)

    async def work(stores: Stores) -> list[object]:
        store = stores.asset_profiles
        await stores.assets.add(ROOM)
        return [
            await store.profile(TENANT, TENANT),
            await store.profile_named(TENANT, "default"),
            (await store.page_of_profiles(TENANT, EVERYTHING)).items,
            await store.profile_names(TENANT, in_use=True, most=9),
            await store.profile(BOBS, TENANT),
        ]

    found = await bench.storage.write(work)
    assert found == [default, default, [default], [(TENANT, "default")], None]
    assert default.is_default
