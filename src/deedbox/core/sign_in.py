"""Sign-in: a password or a refresh token becomes a session; wrong ones cost their source address an attempt.

Hashing is slow, so it stands between two transactions: the first reserves the attempt and reads the hash,
the second decides. An unknown address and a wrong password are the same to whoever asks.
"""

from collections.abc import Collection, Sequence
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from deedbox.core import attempts
from deedbox.core.accounts.callers import Caller
from deedbox.core.attempts import Budget
from deedbox.core.emails import canonical
from deedbox.core.errors import AccountNotActive, NotSignedIn, Refusal, TooManyAttempts, WrongPassword
from deedbox.core.ids import NULL_ID
from deedbox.core.passwords import Verdict
from deedbox.core.permissions import Principal
from deedbox.core.records import Actor, Subject, audit_entry
from deedbox.core.sessions import Session
from deedbox.core.tokens import RefreshClaims
from deedbox.core.users import Account, User, UserStore, actor_of, audit


class SignInPolicy(msgspec.Struct, frozen=True):
    """Section `sign_in`."""

    access_token_s: Annotated[int, Meta(ge=60, le=86_400, description="How long a sign-in token works.")] = (
        9000
    )
    refresh_token_s: Annotated[
        int, Meta(ge=60, le=31_536_000, description="How long a session lasts that nobody refreshes.")
    ] = 604_800
    attempts_per_address: Annotated[
        int,
        Meta(ge=1, le=100_000, description="Failed sign-ins per IPv4 address or IPv6 /64, then 429."),
    ] = 20
    attempts_window_s: Annotated[
        int, Meta(ge=1, le=86_400, description="The sliding window that failed sign-ins are counted in.")
    ] = 300
    attempts_per_account: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="Failed sign-ins to one account in an hour from all browsers and networks together "
            "that it has not signed in from, then 429 for these.",
        ),
    ] = 60
    attempts_per_device: Annotated[
        int,
        Meta(ge=1, le=100_000, description="Failed sign-ins from a browser that an account knows."),
    ] = 10
    sessions_per_user: Annotated[
        int, Meta(ge=1, le=10_000, description="Sessions of one user; a further one ends the oldest.")
    ] = 100
    api_keys_per_user: Annotated[int, Meta(ge=0, le=10_000, description="API keys of one user.")] = 50
    activation_link_s: Annotated[
        int, Meta(ge=60, le=2_592_000, description="How long an activation link works.")
    ] = 86_400
    reset_link_s: Annotated[
        int, Meta(ge=60, le=86_400, description="How long a link works that resets a password.")
    ] = 3600

    def budget(self, purpose: bytes, network: str) -> Budget:
        """Return the budget of one source (a network, a user) for one purpose."""
        scope = attempts.address_scope(purpose, network)
        return Budget(scope, self.attempts_per_address, self.attempts_window_s * 1000)


class Reservation(msgspec.Struct, frozen=True):
    """A sign-in between its two transactions: whose it may be, and the attempt that it holds.

    `is_familiar`: the account has signed in from this browser or network before.
    """

    account: Account | None
    budgets: Sequence[Budget]
    spent_at: int
    is_familiar: bool = True

    @property
    def password_hash(self) -> str | None:
        """What to compare the password with; None for an unknown or not activated user."""
        return self.account.password_hash if self.account else None


class SignedIn(msgspec.Struct, frozen=True):
    """A new session of a user; `ended` are sessions that made room for it or ended with a password.

    `device_nonce` is for the browser's next device token, empty where a session just goes on.
    """

    user: User
    session: Session
    ended: Collection[UUID] = ()
    device_nonce: bytes = b""


async def reserve(store: UserStore, email: str, budget: Budget) -> Reservation:
    """Take an attempt before the password is compared. Raises TooManyAttempts when none is left."""
    now_ms = await spend(store, [budget])
    return Reservation(await store.find_account(canonical(email)), [budget], now_ms)


async def spend(store: UserStore, budgets: Sequence[Budget]) -> int:
    """Spend an attempt of each; return when (epoch ms). Raises TooManyAttempts when one has none left."""
    now_ms = await store.now_ms()
    held = await attempts.hold(store, budgets, now_ms)
    if wait_ms := held.wait_ms(budgets):
        raise TooManyAttempts(wait_ms)
    held.spend(budgets)
    await store.spend_attempts(held.newly_spent)
    return now_ms


async def give_back(store: UserStore, reservation: Reservation) -> None:
    """Return the attempt of a sign-in that was right, or was never decided."""
    for budget in reservation.budgets:
        await store.return_attempt(budget.scope, reservation.spent_at)


async def finish(
    store: UserStore, held: Reservation, verdict: Verdict, policy: SignInPolicy, caller: Caller
) -> SignedIn | Refusal:
    """Decide; a refusal is returned, not raised, so that its audit entry and its attempt are stored."""
    # Read again: the password may have been changed, or the user disabled, while it was hashed. Who does so
    # from now on waits for the lock, and finds the session that starts here.
    account = await store.lock_account(held.account.user.email) if held.account else None
    if account is None or not verdict.matches or account.password_hash != held.password_hash:
        return await _refuse(store, account, caller.address)
    await give_back(store, held)
    if not account.user.enabled:
        actor = actor_of(account.user, caller.address)
        await audit(store, actor, account.user, "LOGIN", failure="the account is disabled")
        return AccountNotActive()
    if verdict.renewed and account.password_hash:
        await store.renew_hash(account.user.id, account.password_hash, verdict.renewed)
    return await start_session(store, account.user, policy, caller)


async def start_session(store: UserStore, user: User, policy: SignInPolicy, caller: Caller) -> SignedIn:
    """Start a session of a user who has proven to be it, and say so in the audit log."""
    now_ms = await store.now_ms()
    session = Session(
        id=store.new_id(),
        user_id=user.id,
        created_at=now_ms,
        expires_at=now_ms + policy.refresh_token_s * 1000,
        refresh_id=store.random_bytes(16).hex(),
        source_address=caller.address,
        network=caller.network,
        client=caller.shown_client,
        used_at=now_ms,
    )
    ended = await store.add_session(session, policy.sessions_per_user)
    await audit(store, actor_of(user, caller.address), user, "LOGIN", clientAddress=caller.address)
    return SignedIn(user, session, ended, store.random_bytes(16))


async def refresh(
    store: UserStore, claims: RefreshClaims, policy: SignInPolicy, source_address: str
) -> SignedIn | Refusal:
    """Continue a session with the next refresh id. A refresh token that was used before ends its session."""
    session, now_ms = await store.find_session(claims.session_id), await store.now_ms()
    user = await store.find_user(session.user_id) if session else None
    if session is None or user is None or not user.enabled or now_ms >= session.expires_at:
        return NotSignedIn()
    expires_at = now_ms + policy.refresh_token_s * 1000
    refresh_id = store.random_bytes(16).hex()
    renewed = msgspec.structs.replace(session, expires_at=expires_at, refresh_id=refresh_id, used_at=now_ms)
    if await store.renew_session(renewed, claims.refresh_id):
        return SignedIn(user, renewed)
    await store.end_session(session.id)
    failure = "a refresh token was used twice; its session was ended"
    await audit(store, actor_of(user, source_address), user, "LOGOUT", failure=failure)
    return NotSignedIn()


async def sign_out(store: UserStore, principal: Principal, source_address: str) -> None:
    """End the session that a request came with."""
    user = await store.find_user(principal.user_id)
    await store.end_session(principal.session_id)
    if user is not None:
        actor = principal.actor(source_address)
        await audit(store, actor, user, "LOGOUT", clientAddress=source_address)


async def _refuse(store: UserStore, account: Account | None, source_address: str) -> Refusal:
    if account is not None:
        user = account.user
        await audit(store, actor_of(user, source_address), user, "LOGIN", failure="wrong password")
        return WrongPassword()
    # The address that was typed is left out: people type passwords into that field.
    actor = Actor(NULL_ID, None, None, "", source_address)
    subject, now_ms = Subject("USER", None, ""), await store.now_ms()
    failure = "unknown e-mail address"
    await store.add_audit_entries(
        [audit_entry(store, actor, subject, "LOGIN", now_ms=now_ms, failure=failure)]
    )
    return WrongPassword()
