"""Relations over the real storage: many at once, and found along indexes in both directions."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from deedbox.core.entities import EntityKind, Reference
from deedbox.core.relations import Direction, Group, Relation, RelationKey
from deedbox.storage.relations import forget_relations, forget_relations_of_tenant
from deedbox.storage.sqlite import _compile
from deedbox.storage.statements import statements
from deedbox.storage.stores import Stores
from tests.storage.sqlite_bench import SQLiteBench, new_database

TENANT, OTHER_TENANT = UUID(int=1), UUID(int=2)
HOUSE = Reference(EntityKind.ASSET, UUID(int=3))
MANY = 1000


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[SQLiteBench]:
    opened = SQLiteBench(new_database(tmp_path))
    yield opened
    await opened.close()


def lamp(number: int) -> Reference:
    return Reference(EntityKind.DEVICE, UUID(int=100 + number))


def from_house(number: int, kind: str = "Contains") -> Relation:
    return Relation(RelationKey(HOUSE, lamp(number), kind))


async def fill(bench: SQLiteBench) -> None:
    """Let the house contain many lamps."""

    async def work(stores: Stores) -> None:
        for number in range(MANY):
            await stores.relations.put(TENANT, from_house(number))

    await bench.storage.write(work)


async def count(bench: SQLiteBench) -> int:
    connection = sqlite3.connect(bench.storage.path)
    (found,) = connection.execute("select count(*) from entity_relation").fetchone()
    connection.close()
    return int(found)


async def test_a_relation_is_stored_once(bench: SQLiteBench) -> None:
    async def work(stores: Stores) -> list[Relation | None]:
        store, changed = stores.relations, Relation(from_house(1).key, '{"floor":1}')
        put = [await store.put(TENANT, from_house(1)), await store.put(TENANT, changed)]
        other_type = await store.relation(TENANT, from_house(1, "Lights").key)
        return [*put, await store.relation(TENANT, changed.key), other_type]

    first, second, stored, other_type = await bench.storage.write(work)
    assert first == from_house(1)
    assert second == stored == Relation(from_house(1).key, '{"floor":1}', 2)
    assert (other_type, await count(bench)) == (None, 1)


async def test_another_tenant_finds_and_deletes_nothing(bench: SQLiteBench) -> None:
    """Attacks A12."""

    async def work(stores: Stores) -> list[object]:
        store, key = stores.relations, from_house(1).key
        await store.put(TENANT, from_house(1))
        await store.delete(OTHER_TENANT, key)
        await store.delete_of_group(OTHER_TENANT, HOUSE, Group.COMMON)
        found = await store.relations(OTHER_TENANT, [HOUSE], Direction.FROM, Group.COMMON, 9)
        return [await store.relation(OTHER_TENANT, key), found, await store.relation(TENANT, key)]

    assert await bench.storage.write(work) == [None, [], from_house(1)]


async def test_many_ends_are_asked_at_once(bench: SQLiteBench) -> None:
    await fill(bench)

    async def work(stores: Stores) -> list[int]:
        store, lamps = stores.relations, [lamp(number) for number in range(MANY)]
        backwards = await store.relations(TENANT, lamps, Direction.TO, Group.COMMON, MANY)
        forwards = await store.relations(TENANT, [HOUSE], Direction.FROM, Group.COMMON, MANY)
        assert {it.key for it in backwards} == {it.key for it in forwards}
        bounded = await store.relations(TENANT, [HOUSE], Direction.FROM, Group.COMMON, 7)
        counted = [await store.count(HOUSE, Direction.FROM, most) for most in (7, 2 * MANY)]
        return [len(forwards), len(bounded), *counted, await store.count(HOUSE, Direction.TO, 7)]

    assert await bench.storage.write(work) == [MANY, 7, 7, MANY, 0]


async def test_relations_of_deleted_things_go_in_one_step(bench: SQLiteBench) -> None:
    """Behaviour §5.6: what has the same id and is of another kind keeps its own."""
    await fill(bench)
    namesake = RelationKey(Reference(EntityKind.CUSTOMER, lamp(1).id), HOUSE, "Knows")

    async def work(stores: Stores) -> None:
        await stores.relations.put(TENANT, Relation(namesake))
        await forget_relations(stores.transaction, "DEVICE", [lamp(number).id for number in range(MANY - 1)])

    await bench.storage.write(work)
    assert await count(bench) == 2
    await bench.storage.write(lambda stores: forget_relations(stores.transaction, "ASSET", [HOUSE.id]))
    assert await count(bench) == 0


async def test_relations_of_a_tenant_go_in_pieces(bench: SQLiteBench) -> None:
    await fill(bench)
    await bench.storage.write(lambda stores: stores.relations.put(OTHER_TENANT, from_house(MANY)))
    pieces: list[int] = []
    while not pieces or pieces[-1] == 600:
        pieces.append(
            await bench.storage.write(
                lambda stores: forget_relations_of_tenant(stores.transaction, TENANT, 600)
            )
        )
    assert (pieces, await count(bench)) == ([600, 400], 1)


@pytest.mark.parametrize(
    "statement",
    [
        "relations_from",
        "relations_to",
        "relation_by_key",
        "count_relations_from",
        "count_relations_to",
        "forget_relations_from",
        "forget_relations_to",
        "some_relations_of_tenant",
        "erase_relations",
        "entities_asset",
        "entities_user",
        "assets_by_id",
        "some_assets_of_customer",
    ],
)
def test_no_statement_looks_at_every_row(tmp_path: Path, statement: str) -> None:
    sql, _ = _compile(statements()[statement], 2)
    connection = sqlite3.connect(new_database(tmp_path))
    steps = [row[3] for row in connection.execute(f"explain query plan {sql}", [b""] * sql.count("?"))]
    connection.close()
    tables = ("entity_relation", "asset ", "r ", "a ", "user_account", "u ")
    scans = [it for it in steps if it.startswith("SCAN") and it[5:].startswith(tables)]
    assert not scans, steps
