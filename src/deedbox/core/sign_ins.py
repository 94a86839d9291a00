"""All ways to sign in and to set a password, from what somebody presents to the tokens that it gets.

Each way reads in one transaction, hashes outside of any, and decides in a second one that looks again.
"""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from deedbox.core import invitations, sign_in
from deedbox.core.accounts.callers import Caller, new_device_token
from deedbox.core.accounts.link_mail import LinkMail
from deedbox.core.accounts.mails import Postbox
from deedbox.core.accounts.notices import Notices
from deedbox.core.accounts.sign_in_places import reserve_sign_in
from deedbox.core.emails import canonical
from deedbox.core.errors import InvalidValue, NotFound, NotSignedIn, Refusal, TokenExpired
from deedbox.core.keys import KeyRing
from deedbox.core.passwords import PasswordHasher, Verdict, check_password
from deedbox.core.permissions import Operation, Principal, check_in_person
from deedbox.core.sessions import Authenticator
from deedbox.core.sign_in import Reservation, SignedIn, SignInPolicy
from deedbox.core.source_networks import network_of
from deedbox.core.storage import Storage
from deedbox.core.tokens import TokenIssuer, TokenPair
from deedbox.core.users import Account, User, UserStore, audit, permitted_user

T = TypeVar("T")
UserWork = Callable[[UserStore], Coroutine[Any, Any, T]]

_SIGN_IN = b"sign-in"
_PASSWORD = b"password"
_REFRESH = b"refresh"
_LINK = b"link"


class SignIns:
    """Signs people in. Every method raises the refusal that it found, after it was stored."""

    def __init__(
        self,
        storage: Storage,
        postbox: Postbox,
        hasher: PasswordHasher,
        tokens: TokenIssuer,
        authenticator: Authenticator,
        policy: SignInPolicy,
    ) -> None:
        self.policy = policy
        self.keys = postbox.keys
        self.postbox = postbox
        self.link_mail = LinkMail(postbox, policy)
        self.notices = Notices(postbox)
        self._storage = storage
        self._hasher = hasher
        self._tokens = tokens
        self._authenticator = authenticator

    async def by_password(self, email: str, password: str, caller: Caller) -> TokenPair:
        """Start a session. Raises WrongPassword, AccountNotActive, TooManyAttempts, TooBusy."""
        async with self._hasher.turn(caller.network):
            held = await self._write_beside(
                lambda it: reserve_sign_in(it, self.keys, self.policy, email, caller)
            )
            try:
                verdict = await self._hasher.verify(held.password_hash, password)
            except BaseException:
                await self._write_beside(lambda it: sign_in.give_back(it, held))
                raise
            return self._pair(await self._write_beside(lambda it: self._decide(it, held, verdict, caller)))

    async def by_refresh_token(self, token: str, source_address: str) -> TokenPair:
        """Continue a session. Raises TokenExpired, NotSignedIn, TooManyAttempts."""
        try:
            claims = self._tokens.read_refresh(token)
            if claims.is_public:
                return await self._public_pair(claims.session_id)
            return self._pair(
                await self._write_beside(lambda it: sign_in.refresh(it, claims, self.policy, source_address)),
                claims.session_id,
            )
        except (NotSignedIn, TokenExpired):
            await self._count_failure(_REFRESH, source_address)
            raise

    async def of_public_customer(self, public_id: str, source_address: str) -> TokenPair:
        """Return tokens for anybody who knows a public customer's id. Raises NotSignedIn, TooManyAttempts."""
        try:
            return await self._public_pair(UUID(public_id))
        except (ValueError, NotSignedIn):
            await self._count_failure(_SIGN_IN, source_address)
            raise NotSignedIn from None

    async def instead_of(self, principal: Principal, user_id: UUID, caller: Caller) -> TokenPair:
        """Start a session as somebody below; the audit log says who did. Raises NotFound, NotPermitted."""
        check_in_person(principal)

        async def work(store: UserStore) -> SignedIn:
            user = await permitted_user(store, principal, Operation.IMPERSONATE, user_id)
            if not (user.enabled and user.activated):
                raise InvalidValue("This user can't sign in, so nobody can in its place.")
            actor = principal.actor(caller.address)
            await audit(store, actor, user, "CREDENTIALS_READ", credentials="token")
            return await sign_in.start_session(store, user, self.policy, caller)

        return self._pair(await self._write(work))

    async def sign_out(self, principal: Principal, source_address: str) -> None:
        """End the session that a request came with. Raises NotPermitted for an API key."""
        check_in_person(principal)
        if not principal.is_public:
            await self._write_beside(lambda it: sign_in.sign_out(it, principal, source_address))
            self._authenticator.forget(principal.session_id)

    async def change_password(
        self, principal: Principal, current: str, new: str, caller: Caller
    ) -> TokenPair:
        """Replace somebody's own password: all sessions end but a new one.

        Raises InvalidValue; NotPermitted for an API key.
        """
        check_in_person(principal)
        if new == current:
            raise InvalidValue("New password should be different from existing!", "/newPassword")
        check_password(new, principal.email, self._hasher, "/newPassword")
        # Whoever found a signed-in browser must not guess on; the budget is the user's own.
        budget = self.policy.budget(_PASSWORD, str(principal.user_id))
        held = await self._write(lambda it: sign_in.reserve(it, principal.email, budget))
        if held.account is None:
            raise NotFound
        if not (await self._hasher.verify(held.password_hash, current)).matches:
            raise InvalidValue("Current password doesn't match!", "/currentPassword")
        new_hash, user = await self._hasher.hash(new), held.account.user

        async def work(store: UserStore) -> SignedIn:
            account = await store.find_account(user.email)
            if account is None or account.password_hash != held.password_hash:
                raise InvalidValue("Current password doesn't match!", "/currentPassword")
            await sign_in.give_back(store, held)
            await invitations.replace_password(store, self.notices, account.user, new_hash, caller.address)
            return await sign_in.start_session(store, account.user, self.policy, caller)

        signed_in = await self._write(work)
        self._authenticator.forget(user.id)
        return self._pair(signed_in)

    async def check_activation(self, token: str, source_address: str) -> Account:
        """Return whom an activation link is for. Raises InvalidValue, TooManyAttempts."""
        return await self._linked(invitations.find_activation, token, source_address)

    async def activate(self, token: str, password: str, caller: Caller) -> TokenPair:
        """Set the first password and sign in. Raises InvalidValue, AccountNotActive, TooManyAttempts."""
        account = await self.check_activation(token, caller.address)
        check_password(password, account.user.email, self._hasher)
        new_hash = await self._hasher.hash(password)
        return self._pair(
            await self._write(
                lambda it: invitations.activate(it, self.keys, self.policy, token, new_hash, caller)
            )
        )

    async def check_reset(self, token: str, source_address: str) -> Account:
        """Return whose password a link resets. Raises InvalidValue, TooManyAttempts."""
        return await self._linked(invitations.find_reset, token, source_address)

    async def reset_password(self, token: str, password: str, source_address: str) -> str:
        """Set a new password; all sessions end. Raises InvalidValue, TooManyAttempts.

        Return a device token: whoever gets the account's mail is not kept out by strangers who guess.
        """
        account = await self.check_reset(token, source_address)
        check_password(password, account.user.email, self._hasher)
        new_hash = await self._hasher.hash(password)

        async def work(store: UserStore) -> tuple[User | Refusal, bytes]:
            outcome = await invitations.reset_password(
                store, self.notices, self.keys, token, new_hash, source_address
            )
            return outcome, store.random_bytes(16)

        user, nonce = await self._write(work)
        user_id = _or_raise(user).id
        self._authenticator.forget(user_id)
        return new_device_token(self.keys, user_id, nonce)

    async def wish_for_reset(self, email: str, source_address: str) -> None:
        """Note that somebody forgot a password, and send a link where mail is sent.

        The same for every address, known or not. Raises TooManyAttempts.
        """
        budget = self.policy.budget(_LINK, network_of(source_address))

        async def work(store: UserStore) -> None:
            held = await sign_in.reserve(store, email, budget)
            await invitations.note_reset_wish(store, held.account, source_address)
            await self.link_mail.reset(store, canonical(email), held.account)

        await self._write(work)

    async def _decide(
        self, store: UserStore, held: Reservation, verdict: Verdict, caller: Caller
    ) -> SignedIn | Refusal:
        outcome = await sign_in.finish(store, held, verdict, self.policy, caller)
        if isinstance(outcome, SignedIn) and not held.is_familiar:
            await self.notices.new_sign_in(store, outcome.user, caller)
        return outcome

    async def _public_pair(self, customer_id: UUID) -> TokenPair:
        visitor = await self._storage.look(lambda stores: stores.users.public_visitor(customer_id))
        if visitor is None:
            raise NotSignedIn
        return self._tokens.issue_public(visitor)

    async def _linked(
        self,
        find: Callable[[UserStore, KeyRing, str], Coroutine[Any, Any, Account | Refusal]],
        token: str,
        source_address: str,
    ) -> Account:
        found = await self._storage.look(lambda stores: find(stores.users, self.keys, token))
        if isinstance(found, Refusal):
            await self._count_failure(_LINK, source_address)
        return _or_raise(found)

    async def _count_failure(self, purpose: bytes, source_address: str) -> None:
        """Spend an attempt of the address. Raises TooManyAttempts, the answer then, when it has none."""
        budget = self.policy.budget(purpose, network_of(source_address))
        await self._write_beside(lambda it: sign_in.spend(it, [budget]))

    def _pair(self, outcome: SignedIn | Refusal, session_id: UUID | None = None) -> TokenPair:
        if isinstance(outcome, Refusal) and session_id is not None:
            self._authenticator.forget(session_id)
        signed_in = _or_raise(outcome)
        for ended in signed_in.ended:
            self._authenticator.forget(ended)
        pair, user_id = self._tokens.issue(signed_in.user, signed_in.session), signed_in.user.id
        nonce = signed_in.device_nonce
        device_token = new_device_token(self.keys, user_id, nonce) if nonce else ""
        return msgspec.structs.replace(pair, device_token=device_token)

    async def _write(self, work: UserWork[T]) -> T:
        return await self._storage.write(lambda stores: work(stores.users))

    async def _write_beside(self, work: UserWork[T]) -> T:
        """Write without keeping all others waiting, for what is frequent.

        It may: an attempt is taken with its budget locked, a sign-in is decided with the account locked, a
        session is renewed by one guarded statement and ended by another.
        """
        return await self._storage.write_beside(lambda stores: work(stores.users))


def _or_raise(outcome: T | Refusal) -> T:
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome
