"""Hands the pages what they need; sign-in there is the same as over REST, its token in a cookie."""

from collections.abc import Awaitable, Callable

from deedbox.core import sign_in
from deedbox.core.errors import Refusal
from deedbox.core.passwords import PasswordHasher
from deedbox.core.permissions import Principal
from deedbox.core.sessions import Authenticator
from deedbox.core.sign_in import Reservation, SignInPolicy
from deedbox.core.sign_in import SignedIn as NewSession
from deedbox.core.storage import Storage, Stores
from deedbox.core.tokens import TokenIssuer
from deedbox.web.context import SignedIn

_PURPOSE = b"sign-in"


def page_sign_in(
    storage: Storage,
    hasher: PasswordHasher,
    tokens: TokenIssuer,
    authenticator: Authenticator,
    policy: SignInPolicy,
) -> Callable[[str, str, str], Awaitable[SignedIn]]:
    """Return the function that opens a session for the pages."""

    async def open_session(email: str, password: str, source_address: str) -> SignedIn:
        budget = policy.budget(_PURPOSE, sign_in.network_of(source_address))

        async def reserve(stores: Stores) -> Reservation:
            return await sign_in.reserve(stores.users, email, budget)

        held = await storage.write(reserve)
        verdict = await hasher.verify(held.password_hash, password)

        async def finish(stores: Stores) -> NewSession | Refusal:
            return await sign_in.finish(stores.users, held, verdict, policy, source_address)

        opened = await storage.write(finish)
        if isinstance(opened, Refusal):
            raise opened
        for session_id in opened.ended:
            authenticator.forget(session_id)
        return SignedIn(tokens.issue(opened.user, opened.session).token, policy.access_token_s)

    return open_session


def page_sign_out(
    storage: Storage, authenticator: Authenticator
) -> Callable[[Principal, str], Awaitable[None]]:
    """Return the function that ends a session."""

    async def end_session(principal: Principal, source_address: str) -> None:
        await storage.write(lambda stores: sign_in.sign_out(stores.users, principal, source_address))
        authenticator.forget(principal.session_id)

    return end_session
