"""The claim's very statements on a real PostgreSQL, so that they are portable when its store comes."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from deedbox.core.ids import IdSequence
from deedbox.core.ownership import WindowKind
from deedbox.storage.postgresql_statements import compiled
from deedbox.storage.statements import statements
from tests.storage.postgresql_bench import connections, drop_postgresql, new_postgresql, run

NOW_MS = 1_700_000_000_000
KEY, OTHER_KEY = b"\1" * 33, b"\2" * 33
TENANT, PROFILE, ACME, GLOBEX, USER = (UUID(int=number) for number in range(1, 6))
_ids = IdSequence(os.urandom)


@pytest.fixture
def url() -> Iterator[str]:
    """A database of its own, with the newest schema."""
    address = new_postgresql()
    yield address
    drop_postgresql(address)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Any]:
    async with connections(url, 1) as [connection]:
        await connection.execute(
            "insert into tenant (id, title, slug, created_at) values ($1, 'Maker', 'maker', 0)", TENANT
        )
        await connection.execute(
            "insert into device_profile (id, tenant_id, name, created_at) values ($1, $2, 'default', 0)",
            PROFILE, TENANT,
        )  # fmt: skip
        await connection.executemany(
            "insert into customer (id, tenant_id, title, created_at) values ($1, $2, $3, 0)",
            [(ACME, TENANT, "Acme"), (GLOBEX, TENANT, "Globex")],
        )
        yield connection


async def new_device(database: Any, name: str, key: bytes = KEY) -> UUID:
    device_id = uuid4()
    await database.execute(
        "insert into device (id, tenant_id, profile_id, name, type, created_at) "
        "values ($1, $2, $3, $4, '', 0)",
        device_id, TENANT, PROFILE, name,
    )  # fmt: skip
    await database.execute("insert into device_state (device_id) values ($1)", device_id)
    await run(database, "open_windows", [(device_id, WindowKind.ANNOUNCED, key, None, NOW_MS, NOW_MS - 5)])
    return device_id


def asked(
    device_id: UUID, customer_id: UUID = ACME, key: bytes | None = KEY, now_ms: int = NOW_MS
) -> tuple[Any, ...]:
    """Return a row for `open_deeds`; without a key the opening is not guarded by a window."""
    kind = None if key is None else int(WindowKind.ANNOUNCED)
    return (
        _ids.new_id(now_ms),
        device_id,
        TENANT,
        customer_id,
        USER,
        "claim",
        now_ms,
        kind,
        key,
        KEY + OTHER_KEY,
        None,
    )


async def open_deeds(connection: Any, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    opened = await run(connection, "open_deeds", rows)
    await run(connection, "raise_epochs", [(it[1], it[2]) for it in opened])
    return opened


async def test_every_statement_is_understood(database: Any) -> None:
    """Parsed and planned by PostgreSQL, types and all."""
    refused = []
    for name in statements():
        try:
            await database.prepare(compiled(name)[0])
        except asyncpg.PostgresError as error:
            refused.append(f"{name}: {error}")
    assert not refused


async def test_fifty_connections_make_one_deed(url: str, database: Any) -> None:
    """Attacks A06, behaviour §4: N simultaneous right claims, one owner, nobody gets an error."""
    device_id = await new_device(database, "contested")

    async def claims(connection: Any) -> int:
        async with connection.transaction():
            await run(connection, "lock_devices_by_name", [(TENANT, "contested")])
            return len(await open_deeds(connection, [asked(device_id)]))

    async with connections(url, 50) as crowd:
        won = await asyncio.gather(*(claims(it) for it in crowd))
    assert sum(won) == 1
    assert await database.fetchval("select count(*) from deed") == 1
    assert await database.fetchval("select epoch from device_state where device_id = $1", device_id) == 1


async def test_the_index_alone_keeps_deeds_apart(url: str, database: Any) -> None:
    """Even where somebody forgets to lock, the statement itself opens one deed and fails for nobody."""
    device_id = await new_device(database, "unlocked")
    async with connections(url, 50) as crowd:
        opened = await asyncio.gather(*(run(it, "open_deeds", [asked(device_id)]) for it in crowd))
    assert sum(len(it) for it in opened) == 1


async def test_two_openings_in_one_batch_make_one_deed(database: Any) -> None:
    """Behaviour §4."""
    device_id, other_id = await new_device(database, "one"), await new_device(database, "two")
    first, second, other = asked(device_id), asked(device_id, GLOBEX), asked(other_id)
    opened = await open_deeds(database, [first, second, other])
    assert {it[0] for it in opened} == {first[0], other[0]}


async def test_batches_in_any_order_do_not_deadlock(url: str, database: Any) -> None:
    """Behaviour §4: device rows are locked in id order."""
    names = [f"device-{number}" for number in range(10)]
    ids = [await new_device(database, name) for name in names]

    async def claims(connection: Any, backwards: bool) -> int:
        order = list(zip(ids, names, strict=True))[:: -1 if backwards else 1]
        async with connection.transaction():
            await run(connection, "lock_devices_by_name", [(TENANT, name) for _, name in order])
            return len(await open_deeds(connection, [asked(device_id) for device_id, _ in order]))

    async with connections(url, 20) as crowd:
        won = await asyncio.gather(*(claims(it, bool(n % 2)) for n, it in enumerate(crowd)))
    assert sorted(won) == [0] * 19 + [10]


@pytest.mark.parametrize(
    ("key", "now_ms", "blocked", "opens"),
    [
        (KEY, NOW_MS, False, True),
        (KEY, NOW_MS + 1, False, False),
        (OTHER_KEY, NOW_MS, False, False),
        (KEY, NOW_MS, True, False),
        (None, NOW_MS, True, True),
    ],
)
async def test_guards_hold(database: Any, key: bytes | None, now_ms: int, blocked: bool, opens: bool) -> None:
    """Behaviour §4.4: equal is still open; blocking overrides every key but not the tenant's assignment."""
    device_id = await new_device(database, "guarded")
    await run(database, "set_blocked", device_id=device_id, blocked=blocked)
    assert bool(await open_deeds(database, [asked(device_id, key=key, now_ms=now_ms)])) == opens


async def test_a_lapsed_window_stays_shut(database: Any) -> None:
    """Attacks A08: clock rollback safe."""
    device_id = await new_device(database, "lapsed")
    await run(database, "lapse_windows", [(device_id,)], now_ms=NOW_MS + 1)
    assert not await open_deeds(database, [asked(device_id)])


async def test_a_deed_closes_once_and_the_next_owner_reads_from_there(database: Any) -> None:
    """Behaviour §5.3."""
    device_id = await new_device(database, "handed on")
    [(deed_id, _, epoch)] = await open_deeds(database, [asked(device_id)])
    closing = (deed_id, device_id, USER, "reclaim", NOW_MS)
    closed = await run(database, "close_deeds", [closing])
    await run(database, "raise_epochs", [(it[1], it[2]) for it in closed])
    assert (epoch, closed, await run(database, "close_deeds", [closing])) == (
        1,
        [(deed_id, device_id, 2)],
        [],
    )
    assert len(await open_deeds(database, [asked(device_id, GLOBEX, key=None)])) == 1
    assert (await run(database, "open_deed", device_id=device_id))[0][-1] == 2
    [locked] = await run(database, "lock_devices", [(device_id,)])
    [beside] = await run(database, "offers_and_deeds", [(device_id,)])
    assert (locked[9], beside[7], beside[8]) == (3, GLOBEX, "Globex")


async def test_announced_windows_do_not_open_on_owned_devices(database: Any) -> None:
    """Behaviour §2.5; the tenant's keys do open (§5.2), and the newest replaces the older (§2.1)."""
    device_id = await new_device(database, "owned")
    await open_deeds(database, [asked(device_id)])
    again = [(device_id, kind, OTHER_KEY, None, NOW_MS + 9, NOW_MS) for kind in (0, 1)]
    assert await run(database, "open_windows", again) == [(device_id,)]
    kept = {(row[2], bytes(row[3])) for row in await run(database, "offers_and_deeds", [(device_id,)])}
    assert kept == {(0, KEY), (1, OTHER_KEY)}


async def test_guesses_that_are_counted_at_once_are_all_counted(url: str, database: Any) -> None:
    """Behaviour §6.1: each total is returned once, so that one transaction sees it cross a threshold."""
    rows = [(TENANT, 1), (ACME, 2)]

    async def counts(connection: Any, backwards: bool) -> int:
        async with connection.transaction():
            found = await run(connection, "add_guesses", rows[:: -1 if backwards else 1], window_start=0)
            totals: dict[Any, Any] = dict(found)
            return int(totals[TENANT])

    async with connections(url, 20) as crowd:
        totals = await asyncio.gather(*(counts(it, bool(n % 2)) for n, it in enumerate(crowd)))
    assert sorted(totals) == list(range(1, 21))
    assert await database.fetchval("select total from guess_count where owner_id = $1", ACME) == 40


async def test_of_many_nodes_one_takes_a_command(url: str, database: Any) -> None:
    """Behaviour §2.2's like for commands: whichever nodes ask, a command is handed out once."""
    device_id = await new_device(database, "commanded")
    await run(
        database, "add_command",
        id=uuid4(), tenant_id=TENANT, device_id=device_id, delivery_id=2**30, created_at=0, expires_at=2**50,
        method="m", params="null", one_way=True, additional_info="null", retries=None, attempts_left=6,
        reply_timeout_ms=None, status="QUEUED",
    )  # fmt: skip
    async with connections(url, 20) as crowd:
        takes = (run(it, "take_command", device_id=device_id, due_at=NOW_MS) for it in crowd)
        taken = await asyncio.gather(*takes)
    assert sorted(len(it) for it in taken) == [0] * 19 + [1]
    await run(database, "time_out_commands", device_id=device_id, response="{}", now_ms=NOW_MS)
    again = await run(database, "take_command", device_id=device_id, due_at=NOW_MS)
    assert again == [(2**30, 0, "m", "null", True, 2**50)]
    await run(database, "end_commands", [(device_id, 1)], response="{}", now_ms=NOW_MS)
    assert await database.fetchval("select status from command where device_id = $1", device_id) == "FAILED"
