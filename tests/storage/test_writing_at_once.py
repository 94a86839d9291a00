"""Single statements without a transaction around them on PostgreSQL, and transactions that need not last."""

from collections.abc import AsyncIterator
from typing import cast
from uuid import UUID

import pytest

from deedbox.storage.pool_options import PoolOptions
from deedbox.storage.postgresql import PostgreSQLStorage
from deedbox.storage.postgresql_transactions import PostgreSQLTransaction
from deedbox.storage.statements import UniqueViolation
from deedbox.storage.stores import Stores
from tests.storage.postgresql_bench import database_name, drop_postgresql, new_postgresql, run_plainly

DEVICE = UUID(int=7)
_KILL = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"


@pytest.fixture
async def url() -> AsyncIterator[str]:
    address = new_postgresql()
    yield address
    drop_postgresql(address)


@pytest.fixture(params=[True, False], ids=["prepared", "unprepared"])
async def storage(request: pytest.FixtureRequest, url: str) -> AsyncIterator[PostgreSQLStorage]:
    """One connection, so that whatever is left in it shows."""
    opened = await PostgreSQLStorage.open(url, PoolOptions(1, request.param))
    yield opened
    await opened.close()


async def note(stores: Stores) -> int:
    return await stores.transaction.run("note_removed_device", device_id=DEVICE)


def noted(url: str) -> int:
    return len(run_plainly(url, "select device_id from removed_device", ()))


async def test_it_is_stored_when_it_has_answered(storage: PostgreSQLStorage, url: str) -> None:
    assert await storage.write_at_once(note) == 1
    assert noted(url) == 1


async def test_what_the_database_refuses_is_said_and_spoils_nothing(
    storage: PostgreSQLStorage, url: str
) -> None:
    await storage.write_at_once(note)
    with pytest.raises(UniqueViolation):
        await storage.write_at_once(note)
    assert await storage.write_at_once(lambda it: it.transaction.rows("journal_index")) == []
    assert noted(url) == 1


async def test_a_lost_connection_is_replaced(storage: PostgreSQLStorage, url: str) -> None:
    """Issue 4: connections are killed, the statement is tried again."""
    tries = []

    async def work(stores: Stores) -> int:
        tries.append(stores)
        if len(tries) == 1:
            run_plainly(url, f"{_KILL} and pid <> pg_backend_pid()", ())
        return await note(stores)

    assert await storage.write_at_once(work) == 1
    assert len(tries) == 2
    assert noted(url) == 1


async def test_only_what_need_not_last_does_not_wait_for_the_disk(url: str) -> None:
    """Acknowledged means on the disk: the setting must not stay in the connection."""
    run_plainly(url, f"alter database {database_name(url)} set synchronous_commit = on", ())
    storage = await PostgreSQLStorage.open(url, PoolOptions(1))

    async def setting(stores: Stores) -> str:
        transaction = cast(PostgreSQLTransaction, stores.transaction)
        return str(await transaction._connection.fetchval("show synchronous_commit"))

    assert await storage.write_beside(setting, must_last=False) == "off"
    for way in (storage.write_at_once, storage.write_beside, storage.write):
        assert await way(setting) == "on"
    await storage.close()
