"""Users and sign-in at the moments between their transactions, on a real database with a clock of ours."""

from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from deedbox.core import invitations, sign_in
from deedbox.core.accounts.callers import Caller
from deedbox.core.emails import checked_email
from deedbox.core.errors import (
    AccountNotActive,
    InvalidValue,
    NameTaken,
    Refusal,
    TooManyAttempts,
    WrongPassword,
)
from deedbox.core.ids import NULL_ID
from deedbox.core.keys import KeyRing, RingKey
from deedbox.core.passwords import Verdict
from deedbox.core.permissions import Authority, Principal
from deedbox.core.sign_in import Reservation, SignedIn, SignInPolicy
from deedbox.core.source_networks import network_of
from deedbox.core.tokens import RefreshClaims
from deedbox.core.user_changes import UserDraft, create, ensure_first_administrator
from deedbox.core.users import User, UserStore
from deedbox.storage.sqlite import SQLiteStorage
from tests.storage.sqlite_bench import new_database

T = TypeVar("T")
EMAIL, HASH, HERE = "root@home.test", "hash 1", "192.0.2.1"
RIGHT = Verdict(matches=True)
POLICY = SignInPolicy(attempts_per_address=2, sessions_per_user=2)
KEYS = KeyRing({1: RingKey(b"d" * 32, b"e" * 32, b"s" * 32)})


class Office:
    """A database with one user, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.now_ms = 1_700_000_000_000
        self.storage = SQLiteStorage(new_database(folder), lambda: self.now_ms)

    async def do(self, work: Callable[[UserStore], Coroutine[Any, Any, T]]) -> T:
        return await self.storage.write(lambda stores: work(stores.users))

    async def reserve(self, email: str = EMAIL) -> Reservation:
        budget = POLICY.budget(b"sign-in", HERE)
        return await self.do(lambda it: sign_in.reserve(it, email, budget))

    async def finish(self, held: Reservation, verdict: Verdict = RIGHT) -> SignedIn | Refusal:
        return await self.do(lambda it: sign_in.finish(it, held, verdict, POLICY, Caller(HERE)))

    async def sign_in(self) -> SignedIn:
        found = await self.finish(await self.reserve())
        assert isinstance(found, SignedIn)
        return found

    async def user(self) -> User:
        account = await self.do(lambda it: it.find_account(EMAIL))
        assert account
        return account.user


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    made = Office(tmp_path)
    await made.do(lambda it: ensure_first_administrator(it, EMAIL, HASH))
    yield made
    await made.storage.close()


async def test_there_is_one_first_administrator(office: Office) -> None:
    assert await office.do(lambda it: ensure_first_administrator(it, "other@home.test", HASH)) is None
    user = await office.user()
    assert (user.authority, user.tenant_id, user.activated) == (Authority.SYS_ADMIN, NULL_ID, True)


async def test_a_password_that_changed_meanwhile_is_wrong(office: Office) -> None:
    held, user = await office.reserve(), await office.user()
    await office.do(lambda it: it.set_password(user.id, "hash 2"))
    assert isinstance(await office.finish(held), WrongPassword)


async def test_a_user_who_was_disabled_meanwhile_stays_out(office: Office) -> None:
    held, user = await office.reserve(), await office.user()
    await office.do(lambda it: it.set_enabled(user.id, False))
    assert isinstance(await office.finish(held), AccountNotActive)


async def test_a_user_who_was_deleted_meanwhile_stays_out(office: Office) -> None:
    held, user = await office.reserve(), await office.user()
    await office.do(lambda it: it.delete_users([user]))
    assert isinstance(await office.finish(held), WrongPassword)


async def test_a_renewed_hash_is_stored(office: Office) -> None:
    await office.finish(await office.reserve(), Verdict(matches=True, renewed="hash 2"))
    assert (await office.reserve()).password_hash == "hash 2"


async def test_an_attempt_is_reserved_before_anything_is_compared(office: Office) -> None:
    """Promised by behaviour §6.1."""
    first = await office.reserve()
    await office.reserve("nobody@home.test")
    with pytest.raises(TooManyAttempts) as refused:
        await office.reserve()
    assert refused.value.retry_after_ms == 300_000
    await office.finish(first)
    await office.reserve()


async def test_attempts_come_back_when_their_window_has_passed(office: Office) -> None:
    await office.reserve()
    await office.reserve()
    office.now_ms += 300_000
    await office.reserve()


async def test_a_user_has_so_many_sessions_and_the_oldest_ends(office: Office) -> None:
    sessions = []
    for _ in range(3):
        office.now_ms += 1
        sessions.append(await office.sign_in())
    assert list(sessions[2].ended) == [sessions[0].session.id]
    assert await office.do(lambda it: it.signed_in(sessions[0].session.id)) is None
    assert await office.do(lambda it: it.signed_in(sessions[1].session.id)) is not None


async def test_a_refresh_moves_the_end_of_the_session(office: Office) -> None:
    first = (await office.sign_in()).session
    office.now_ms += 604_799_999
    claims = RefreshClaims(first.id, first.refresh_id, False)
    renewed = await office.do(lambda it: sign_in.refresh(it, claims, POLICY, HERE))
    assert isinstance(renewed, SignedIn)
    assert renewed.session.expires_at == office.now_ms + 604_800_000
    assert renewed.session.refresh_id != first.refresh_id


async def test_an_ended_session_is_not_refreshed(office: Office) -> None:
    first = (await office.sign_in()).session
    office.now_ms += 604_800_000
    claims = RefreshClaims(first.id, first.refresh_id, False)
    assert isinstance(await office.do(lambda it: sign_in.refresh(it, claims, POLICY, HERE)), Refusal)


async def test_an_invitation_survives_the_keys_that_made_it(office: Office) -> None:
    root = Principal((await office.user()).id, Authority.SYS_ADMIN, NULL_ID, None, EMAIL, NULL_ID)
    draft = UserDraft(email="new@home.test", authority=Authority.SYS_ADMIN)
    user = await office.do(lambda it: create(it, root, draft, HERE))
    old = await office.do(lambda it: invitations.invite(it, KEYS, POLICY, user))
    rotated = KeyRing({2: RingKey(b"x" * 32, b"y" * 32, b"z" * 32)})
    actor = root.actor(HERE)
    new = await office.do(lambda it: invitations.invitation(it, rotated, POLICY, actor, user))
    assert new.token != old.token
    assert not isinstance(
        await office.do(lambda it: invitations.find_activation(it, rotated, new.token)), Refusal
    )


async def test_a_taken_address_leaves_nothing_behind(office: Office) -> None:
    root = Principal((await office.user()).id, Authority.SYS_ADMIN, NULL_ID, None, EMAIL, NULL_ID)
    draft = UserDraft(email=EMAIL.upper(), authority=Authority.SYS_ADMIN)
    with pytest.raises(NameTaken):
        await office.do(lambda it: create(it, root, draft, HERE))
    assert (await office.user()).version == 1


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::2", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("a socket", "a socket"),
    ],
)
def test_budgets_are_counted_by_source_network(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (" Ada@Example.ORG ", "ada@example.org"),
        ("o'brien+deed@example.org", "o'brien+deed@example.org"),
        ("me@home", "me@home"),
        ("zoë@müller.example", "zoë@müller.example"),
        (f"{'x' * 64}@example.org", f"{'x' * 64}@example.org"),
    ],
)
def test_addresses_are_stored_in_one_form(text: str, stored: str) -> None:
    assert checked_email(text) == stored


@pytest.mark.parametrize(
    "text",
    [
        None, "", " ", "ada", "@example.org", "ada@", "a@b@c", "ada@-example.org", "ada@example..org",
        "a b@c.org", ".ada@example.org", "ada.@example.org", "<ada@example.org>", "ada@exa mple.org",
        "ada\n@example.org",
        f"{'x' * 65}@example.org", f"ada@{'x.' * 130}org", "ada@\ud800.org", "a,b@example.org",
        "ada@[192.0.2.1]",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str | None) -> None:
    with pytest.raises(InvalidValue):
        checked_email(text)
