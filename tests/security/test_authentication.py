"""Tokens and who they stand for, at moments of our choosing, on a real database."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from deedbox.core.errors import NotSignedIn, TokenExpired
from deedbox.core.ids import NULL_ID
from deedbox.core.keys import KeyRing, RingKey
from deedbox.core.permissions import Authority, Principal
from deedbox.core.sessions import Session
from deedbox.core.sign_in import SignInPolicy
from deedbox.core.storage import Stores
from deedbox.core.tokens import TokenPair
from deedbox.core.users import User
from deedbox.security.authentication import SessionAuthenticator
from deedbox.security.tokens import SignInTokens
from deedbox.storage.sqlite import SQLiteStorage
from tests.storage.sqlite_bench import new_database

START_MS = 1_700_000_000_000
FIRST, SECOND = (RingKey(*(bytes([number]) * 32 for _ in range(3))) for number in (1, 2))


class Desk:
    """Storage, tokens and an authenticator with one clock; `sign_in` makes a user and its session."""

    def __init__(self, folder: Path) -> None:
        self.now_ms = START_MS
        self.storage = SQLiteStorage(new_database(folder), self.clock)
        self.tokens = self.tokens_with(KeyRing({1: FIRST}))
        self.authenticator = SessionAuthenticator(self.tokens, self.storage, self.clock, most_tokens=3)

    def clock(self) -> int:
        return self.now_ms

    def tokens_with(self, keys: KeyRing) -> SignInTokens:
        return SignInTokens(keys, SignInPolicy(), self.clock)

    async def sign_in(self, email: str = "alice@home.test") -> tuple[Session, TokenPair]:
        async def work(stores: Stores) -> tuple[Session, TokenPair]:
            user = User(
                id=stores.users.new_id(), tenant_id=NULL_ID, customer_id=None, email=email,
                authority=Authority.SYS_ADMIN, first_name="A", last_name=None, phone=None,
                additional_info="{}", enabled=True, activated=True, created_at=self.now_ms, version=1,
            )  # fmt: skip
            session = Session(stores.users.new_id(), user.id, self.now_ms, self.now_ms + 10**12, "first")
            await stores.users.add_user(user)
            await stores.users.add_session(session, 10)
            return session, self.tokens.issue(user, session)

        return await self.storage.write(work)

    async def end(self, session_id: UUID) -> None:
        await self.storage.write(lambda stores: stores.users.end_session(session_id))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path)
    yield made
    await made.storage.close()


async def test_a_token_stands_for_who_the_database_says(desk: Desk) -> None:
    session, pair = await desk.sign_in()
    expected = Principal(session.user_id, Authority.SYS_ADMIN, NULL_ID, None, "alice@home.test", session.id)
    assert await desk.authenticator.authenticate(pair.token) == expected


async def test_a_token_expires_to_the_second_known_or_not(desk: Desk) -> None:
    _, pair = await desk.sign_in()
    desk.now_ms += 8_999_999
    await desk.authenticator.authenticate(pair.token)
    desk.now_ms += 1
    with pytest.raises(TokenExpired):
        await desk.authenticator.authenticate(pair.token)
    with pytest.raises(TokenExpired):
        desk.tokens.read_access(pair.token)


async def test_a_refresh_token_expires_later(desk: Desk) -> None:
    session, pair = await desk.sign_in()
    desk.now_ms += 604_799_999
    assert desk.tokens.read_refresh(pair.refresh_token).session_id == session.id
    desk.now_ms += 1
    with pytest.raises(TokenExpired):
        desk.tokens.read_refresh(pair.refresh_token)


async def test_a_clock_that_steps_back_refuses_nobody(desk: Desk) -> None:
    _, pair = await desk.sign_in()
    desk.now_ms -= 3_600_000
    await desk.authenticator.authenticate(pair.token)


@pytest.mark.parametrize("subject", [lambda s: s.id, lambda s: s.user_id, lambda _: NULL_ID])
async def test_what_is_known_is_looked_up_anew_when_told(
    desk: Desk, subject: Callable[[Session], UUID]
) -> None:
    session, pair = await desk.sign_in()
    await desk.authenticator.authenticate(pair.token)
    await desk.end(session.id)
    desk.authenticator.forget(subject(session))
    with pytest.raises(NotSignedIn):
        await desk.authenticator.authenticate(pair.token)


async def test_forgetting_somebody_else_changes_nothing(desk: Desk) -> None:
    session, pair = await desk.sign_in()
    await desk.authenticator.authenticate(pair.token)
    await desk.end(session.id)
    desk.authenticator.forget(uuid4())
    await desk.authenticator.authenticate(pair.token)


async def test_a_token_that_is_forgotten_while_it_is_looked_up_is_not_kept(desk: Desk) -> None:
    session, pair = await desk.sign_in()
    look = desk.storage.look

    async def slow_look(work: Any) -> Any:
        found: Any = await look(work)
        await desk.end(session.id)
        desk.authenticator.forget(session.id)
        return found

    desk.storage.look = slow_look  # type: ignore[method-assign]
    await desk.authenticator.authenticate(pair.token)
    desk.storage.look = look  # type: ignore[method-assign]
    with pytest.raises(NotSignedIn):
        await desk.authenticator.authenticate(pair.token)


async def test_only_the_tokens_that_were_used_last_are_known(desk: Desk) -> None:
    pairs = [(await desk.sign_in(f"{number}@home.test"))[1] for number in range(5)]
    for pair in pairs:
        await desk.authenticator.authenticate(pair.token)
    assert list(desk.authenticator._known) == [pair.token for pair in pairs[2:]]
    assert set().union(*desk.authenticator._tokens_of.values()) == {pair.token for pair in pairs[2:]}


async def test_tokens_of_older_generations_work_until_the_generation_is_removed(desk: Desk) -> None:
    _, pair = await desk.sign_in()
    assert desk.tokens_with(KeyRing({1: FIRST, 2: SECOND})).read_access(pair.token)
    with pytest.raises(NotSignedIn):
        desk.tokens_with(KeyRing({2: SECOND})).read_access(pair.token)
    with pytest.raises(NotSignedIn):
        desk.tokens_with(KeyRing({1: SECOND})).read_access(pair.token)


async def test_a_session_that_another_node_ended_is_believed_for_seconds_only(desk: Desk) -> None:
    """Attacks A18: nobody tells this node, and it must not go on for the hours that a token works."""
    desk.storage.is_shared = True
    session, pair = await desk.sign_in()
    await desk.authenticator.authenticate(pair.token)
    await desk.end(session.id)
    desk.now_ms += 5_000
    with pytest.raises(NotSignedIn):
        await desk.authenticator.authenticate(pair.token)


async def test_while_nodes_tell_each_other_tokens_are_believed_for_longer(desk: Desk) -> None:
    """A message may get lost: then this node finds out by itself, half a minute later."""
    desk.storage.is_shared = True
    is_told = True
    desk.authenticator.tell_by(desk.authenticator.forget_here, lambda: is_told)
    session, pair = await desk.sign_in()
    await desk.authenticator.authenticate(pair.token)
    await desk.end(session.id)
    desk.now_ms += 29_999
    await desk.authenticator.authenticate(pair.token)
    is_told = False
    with pytest.raises(NotSignedIn):
        await desk.authenticator.authenticate(pair.token)
    is_told = True
    session, pair = await desk.sign_in("bob@home.test")
    await desk.authenticator.authenticate(pair.token)
    await desk.end(session.id)
    desk.now_ms += 30_000
    with pytest.raises(NotSignedIn):
        await desk.authenticator.authenticate(pair.token)


async def test_what_is_forgotten_is_told_to_other_nodes_and_what_they_tell_is_forgotten(desk: Desk) -> None:
    """Behaviour §5.4."""
    told: list[UUID] = []
    heard: list[UUID | None] = []
    desk.authenticator.watch(heard.append)
    desk.authenticator.tell_by(told.append, lambda: True)
    session, pair = await desk.sign_in()
    await desk.authenticator.authenticate(pair.token)
    await desk.end(session.id)
    desk.authenticator.forget(session.id)
    assert (told, heard) == ([session.id], [])
    desk.authenticator.forget_here(session.id)
    assert (told, heard) == ([session.id], [session.id])
    with pytest.raises(NotSignedIn):
        await desk.authenticator.authenticate(pair.token)


async def test_a_node_that_may_have_missed_something_looks_all_tokens_up_anew(desk: Desk) -> None:
    heard: list[UUID | None] = []
    desk.authenticator.watch(heard.append)
    session, pair = await desk.sign_in()
    _, other = await desk.sign_in("bob@home.test")
    for it in (pair, other):
        await desk.authenticator.authenticate(it.token)
    await desk.end(session.id)
    desk.authenticator.forget_all_here()
    assert heard == [None]
    await desk.authenticator.authenticate(other.token)
    with pytest.raises(NotSignedIn):
        await desk.authenticator.authenticate(pair.token)
