"""Sign-ins of several nodes on one PostgreSQL: beside all else, and no session outlives its password."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from deedbox.core import invitations, sign_in, user_changes
from deedbox.core.accounts.callers import Caller
from deedbox.core.accounts.mails import Postbox
from deedbox.core.accounts.notices import Notices
from deedbox.core.errors import Refusal, WrongPassword
from deedbox.core.keys import KeyRing, RingKey
from deedbox.core.passwords import Verdict
from deedbox.core.sign_in import Reservation, SignedIn, SignInPolicy
from deedbox.core.users import User
from deedbox.storage.postgresql import PostgreSQLStorage
from deedbox.storage.stores import Stores
from tests.storage.postgresql_bench import PostgreSQLBench, opened_postgresql

_POLICY = SignInPolicy(sessions_per_user=5, attempts_per_address=100)
_EMAIL = "root@deedbox.test"
_NO_MAIL = Notices(Postbox(KeyRing({1: RingKey(b"d" * 32, b"e" * 32, b"s" * 32)})))


@pytest.fixture
async def nodes(postgresql_bench: PostgreSQLBench) -> AsyncIterator[list[PostgreSQLStorage]]:
    bench = postgresql_bench
    async with AsyncExitStack() as closing:
        opening = (opened_postgresql(bench.url, lambda: bench.now_ms) for _ in range(2))
        yield [await closing.enter_async_context(it) for it in opening]


@pytest.fixture
async def root(nodes: list[PostgreSQLStorage]) -> User:
    made = await nodes[0].write(
        lambda it: user_changes.ensure_first_administrator(it.users, _EMAIL, "the old hash")
    )
    assert made is not None
    return made


async def reserved(node: PostgreSQLStorage) -> Reservation:
    budget = _POLICY.budget(b"sign-in", "192.0.2.1")
    return await node.write_beside(lambda it: sign_in.reserve(it.users, _EMAIL, budget))


async def finish(stores: Stores, held: Reservation) -> SignedIn | Refusal:
    return await sign_in.finish(stores.users, held, Verdict(matches=True), _POLICY, Caller("192.0.2.1"))


async def replace_password(stores: Stores, user: User) -> None:
    await invitations.replace_password(stores.users, _NO_MAIL, user, "the new hash", "192.0.2.1")


def count(bench: PostgreSQLBench, table: str) -> int:
    return int(bench.sql(f"select count(*) from {table}")[0][0])


async def test_whoever_replaces_a_password_ends_the_session_of_a_sign_in_under_way(
    postgresql_bench: PostgreSQLBench, nodes: list[PostgreSQLStorage], root: User
) -> None:
    one, other = nodes
    held = await reserved(one)
    signed_in, may_end = asyncio.Event(), asyncio.Event()

    async def slowly(stores: Stores) -> SignedIn | Refusal:
        outcome = await finish(stores, held)
        signed_in.set()
        await may_end.wait()
        return outcome

    signing_in = asyncio.ensure_future(one.write_beside(slowly))
    await signed_in.wait()
    replacing = asyncio.ensure_future(other.write(lambda it: replace_password(it, root)))
    await asyncio.sleep(0.05)
    assert not replacing.done()
    may_end.set()
    assert isinstance(await signing_in, SignedIn)
    await replacing
    assert count(postgresql_bench, "user_session") == 0


async def test_a_sign_in_is_refused_when_the_password_was_replaced_meanwhile(
    postgresql_bench: PostgreSQLBench, nodes: list[PostgreSQLStorage], root: User
) -> None:
    one, other = nodes
    held = await reserved(one)
    await other.write(lambda it: replace_password(it, root))
    assert isinstance(await one.write_beside(lambda it: finish(it, held)), WrongPassword)
    assert count(postgresql_bench, "user_session") == 0


async def test_a_user_has_no_more_sessions_than_allowed_wherever_they_begin(
    postgresql_bench: PostgreSQLBench, nodes: list[PostgreSQLStorage], root: User
) -> None:
    async def sign_in_at(node: PostgreSQLStorage) -> SignedIn | Refusal:
        held = await reserved(node)
        return await node.write_beside(lambda it: finish(it, held))

    outcomes = await asyncio.gather(*(sign_in_at(it) for it in nodes * 8))
    assert all(isinstance(it, SignedIn) and it.user.id == root.id for it in outcomes)
    assert count(postgresql_bench, "user_session") == _POLICY.sessions_per_user
    assert count(postgresql_bench, "spent_attempt") == 0


async def test_sign_ins_wait_for_no_change_by_others(nodes: list[PostgreSQLStorage], root: User) -> None:
    """Issue 4: changes by people exclude each other; who only signs in goes on beside them."""
    one, other = nodes

    async def meanwhile(_: Stores) -> SignedIn | Refusal:
        held = await reserved(other)
        return await other.write_beside(lambda it: finish(it, held))

    assert isinstance(await one.write(meanwhile), SignedIn)
