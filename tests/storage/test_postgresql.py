"""PostgreSQL as a storage: who waits for whom, what is tried again, and what a lost connection means."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from deedbox.core.errors import InvalidValue, NameTaken, StorageUnavailable
from deedbox.storage.pool_options import PoolOptions
from deedbox.storage.postgresql import PostgreSQLStorage
from deedbox.storage.postgresql_errors import TryAgain, as_refusal, of_commit
from deedbox.storage.postgresql_pool import DatabaseClock
from deedbox.storage.statements import UniqueViolation
from deedbox.storage.stores import Stores
from deedbox.storage.tallies import total_of
from tests.storage.postgresql_bench import PlainPostgreSQL, drop_postgresql, new_postgresql

OWNER = UUID(int=7)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    address = new_postgresql()
    yield address
    drop_postgresql(address)


@pytest.fixture(params=[True, False], ids=["prepared", "unprepared"])
async def storage(request: pytest.FixtureRequest, url: str) -> AsyncIterator[PostgreSQLStorage]:
    """With prepared statements, and as behind an old PgBouncer."""
    opened = await PostgreSQLStorage.open(url, PoolOptions(4, request.param))
    yield opened
    await opened.close()


@pytest.fixture
async def other(url: str) -> AsyncIterator[PostgreSQLStorage]:
    """Another node."""
    opened = await PostgreSQLStorage.open(url, PoolOptions(4))
    yield opened
    await opened.close()


async def add_one(stores: Stores) -> None:
    """Read, wait, write: what only exclusive transactions may do."""
    rows = await stores.transaction.rows("total_of", owner_id=OWNER, noun="n")
    await asyncio.sleep(0.01)
    await stores.transaction.run("drop_tallies", owner_id=OWNER)
    total = int(rows[0][0]) + 1 if rows else 1
    await stores.transaction.run("change_tally", owner_id=OWNER, noun="n", change=total)


async def total(storage: PostgreSQLStorage) -> int:
    async def work(stores: Stores) -> int:
        rows = await stores.transaction.rows("total_of", owner_id=OWNER, noun="n")
        return int(rows[0][0]) if rows else 0

    return await storage.read(work)


async def test_writers_exclude_each_other_on_all_nodes(
    storage: PostgreSQLStorage, other: PostgreSQLStorage
) -> None:
    """Issue 4: what was read stays true until the commit, so no check is followed by a stale act."""
    await asyncio.gather(*(it.write(add_one) for it in [storage, other] * 10))
    assert await total(storage) == 20


async def test_batches_and_writers_exclude_each_other(
    storage: PostgreSQLStorage, other: PostgreSQLStorage
) -> None:
    began, may_end = asyncio.Event(), asyncio.Event()

    async def batch(_: Stores, items: Sequence[int]) -> Sequence[int]:
        began.set()
        await may_end.wait()
        return items

    claiming = asyncio.ensure_future(storage.batched(batch)(1))
    await began.wait()
    writing = asyncio.ensure_future(other.write(add_one))
    await other.write_beside(add_one)
    assert await total(other) == 1
    assert not writing.done()
    may_end.set()
    assert await claiming == 1
    await writing
    assert await total(other) == 2


async def test_what_raises_leaves_nothing(storage: PostgreSQLStorage) -> None:
    async def work(stores: Stores) -> None:
        await add_one(stores)
        raise NameTaken("taken")

    for way in (storage.write, storage.write_beside):
        with pytest.raises(NameTaken):
            await way(work)
    assert await total(storage) == 0


async def test_work_must_end_with_what_failed(storage: PostgreSQLStorage) -> None:
    """PostgreSQL keeps nothing after an error: whoever goes on must not believe otherwise."""

    async def work(stores: Stores) -> None:
        await add_one(stores)
        try:
            await stores.transaction.run("note_removed_device", device_id=OWNER)
            await stores.transaction.run("note_removed_device", device_id=OWNER)
        except UniqueViolation as violation:
            assert violation.constraint == "removed_device.device_id"

    with pytest.raises(RuntimeError, match="nothing was stored"):
        await storage.write(work)
    assert await total(storage) == 0


async def test_what_is_put_off_is_there_for_the_next_statement_and_after_the_end(
    storage: PostgreSQLStorage,
) -> None:
    """Several statements share a trip to the database, one of a kind each; nothing is lost or done twice."""

    async def work(stores: Stores) -> int:
        for change in (1, 2, 4):
            await stores.transaction.later("count_owned", [(OWNER, change)])
            await stores.claims.spend_attempts([(b"scope", change), (b"other", change)])
        seen = await stores.claims.spent_attempts([b"scope"], 1)
        await stores.claims.spend_attempts([(b"scope", 8)])
        return len(seen[b"scope"])

    assert await storage.write(work) == 2
    assert await storage.read(lambda it: total_of(it.transaction, OWNER, "device")) == 7
    spent = await storage.read(lambda it: it.claims.spent_attempts([b"scope", b"other"], 0))
    assert spent == {b"scope": [1, 2, 4, 8], b"other": [1, 2, 4]}


async def test_what_is_put_off_and_fails_undoes_all(storage: PostgreSQLStorage) -> None:
    async def work(stores: Stores) -> None:
        await add_one(stores)
        await stores.transaction.later("spend_attempts", [(b"scope", 1, OWNER), (b"scope", 1, OWNER)])

    with pytest.raises(UniqueViolation):
        await storage.write(work)
    assert await total(storage) == 0


async def test_one_bad_item_spoils_no_other(storage: PostgreSQLStorage) -> None:
    taken = uuid4()

    async def batch(stores: Stores, items: Sequence[UUID]) -> Sequence[UUID]:
        for it in items:
            await stores.transaction.run("note_removed_device", device_id=it)
        return items

    note = storage.batched(batch)
    assert await note(taken) == taken
    asked = [uuid4() for _ in range(40)]
    answers = await asyncio.gather(*(note(it) for it in [*asked, taken]), return_exceptions=True)
    assert answers[:-1] == asked
    assert isinstance(answers[-1], UniqueViolation)


async def test_items_that_wait_go_together(storage: PostgreSQLStorage) -> None:
    sizes: list[int] = []

    async def batch(_: Stores, items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        return items

    answer = storage.batched(batch)
    assert await asyncio.gather(*(answer(it) for it in range(100))) == list(range(100))
    assert len(sizes) <= 2


async def test_deadlocks_are_tried_again(
    storage: PostgreSQLStorage, other: PostgreSQLStorage, url: str
) -> None:
    owners = [UUID(int=1), UUID(int=2)]
    both = asyncio.Barrier(2)
    first_time = [True, True]

    async def crosswise(stores: Stores, backwards: int) -> None:
        one, two = owners[::-1] if backwards else owners
        await stores.transaction.run("change_tally", owner_id=one, noun="n", change=1)
        if first_time[backwards]:
            first_time[backwards] = False
            await both.wait()
        await stores.transaction.run("change_tally", owner_id=two, noun="n", change=1)

    await asyncio.gather(
        storage.write_beside(lambda it: crosswise(it, 0)), other.write_beside(lambda it: crosswise(it, 1))
    )
    plain = PlainPostgreSQL(url)
    assert plain.execute("select total from tally").fetchall() == [(2,), (2,)]
    plain.close()


async def kill_all(url: str) -> None:
    plain = PlainPostgreSQL(url)
    plain.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()"
    )
    plain.close()


async def test_killed_connections_are_replaced(storage: PostgreSQLStorage, url: str) -> None:
    """Issue 4: connections killed under load; nobody notices where nothing was committed."""
    await storage.write(add_one)
    await kill_all(url)
    assert await total(storage) == 1
    killed = [False]

    async def killed_once(stores: Stores) -> None:
        await add_one(stores)
        if not killed[0]:
            killed[0] = True
            await kill_all(url)
            await add_one(stores)

    await storage.write(killed_once)
    assert await total(storage) == 2


async def test_whoever_loses_every_connection_is_told_so(storage: PostgreSQLStorage, url: str) -> None:
    async def work(stores: Stores) -> None:
        await kill_all(url)
        await add_one(stores)

    with pytest.raises(StorageUnavailable, match="Nothing was changed"):
        await storage.write(work)
    assert await total(storage) == 0


def test_a_connection_that_ends_is_one_that_is_lost() -> None:
    """Issue 4: what asyncpg says between the farewell and the end, and sends nothing."""
    error = asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress")
    assert isinstance(as_refusal(error), TryAgain)
    assert isinstance(of_commit(error), TryAgain)
    assert isinstance(of_commit(asyncpg.ConnectionDoesNotExistError("closed")), StorageUnavailable)


@pytest.mark.parametrize("password", ["x31415926/x", "x31415926#x", "x?31415926"])
async def test_a_password_is_never_repeated(password: str) -> None:
    with pytest.raises(StorageUnavailable) as refusal:
        await PostgreSQLStorage.open(f"postgresql://deedbox:{password}@127.0.0.1/deedbox", PoolOptions())
    assert "write / as %2F" in refusal.value.message
    assert "31415926" not in refusal.value.message
    assert refusal.value.__cause__ is None


async def test_slow_reads_are_ended(storage: PostgreSQLStorage) -> None:
    async def slow(stores: Stores) -> Any:
        return await stores.transaction._fetch("select pg_sleep(30)", [])  # type: ignore[attr-defined]

    with pytest.raises(InvalidValue, match="takes too long"):
        await storage.read(slow, 1)
    assert await total(storage) == 0


async def test_the_databases_clock_counts(storage: PostgreSQLStorage, url: str) -> None:
    """Issue 4: clocks of nodes may differ; one decides."""

    async def moment(stores: Stores) -> int:
        return stores.transaction.now_ms

    plain = PlainPostgreSQL(url)
    told = [plain.execute("select (extract(epoch from now()) * 1000)::bigint").fetchone()]
    moments = [await storage.write(moment), await storage.look(moment), await storage.read(moment)]
    told.append(plain.execute("select (extract(epoch from now()) * 1000)::bigint").fetchone())
    plain.close()
    earliest, latest = (row[0] for row in told if row)
    assert all(earliest - 5 <= it <= latest + 5 for it in moments)


async def test_a_clock_that_is_heard_late_is_believed_less_than_one_heard_soon() -> None:
    """Issue 4: what a busy node hears late does not put its clock back; a clock that was put back counts."""
    own_ms = [1_000]
    clock = DatabaseClock(lambda: own_ms[0])
    clock.heard(500_000)
    for late_ms in (300, 2_000, 40):
        own_ms[0] += 1_000
        clock.heard(500_000 + own_ms[0] - 1_000 - late_ms)
        assert clock.now_ms() == 500_000 + own_ms[0] - 1_000
    own_ms[0] += 20_000
    clock.heard(100_000)
    assert clock.now_ms() == 100_000


async def test_what_was_accepted_is_stored_before_it_closes(url: str) -> None:
    opened = await PostgreSQLStorage.open(url, PoolOptions(4))
    writing = [asyncio.ensure_future(opened.write(add_one)) for _ in range(3)]
    await asyncio.sleep(0)
    await opened.close()
    await asyncio.gather(*writing)
    with pytest.raises(StorageUnavailable, match="stopping"):
        await opened.write(add_one)
    again = await PostgreSQLStorage.open(url, PoolOptions(4))
    assert await total(again) == 3
    await again.close()
