"""Sign-in sessions: who a request comes from, until when, and how a session goes on or ends."""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.errors import NotSignedIn
from deedbox.core.permissions import Principal


class Session(msgspec.Struct, frozen=True):
    """A session; it may be refreshed with the token that names `refresh_id` until `expires_at` (epoch ms).

    `client` is what the program called itself, `network` where the sign-in came from as budgets count it,
    `used_at` when it was begun or refreshed last.
    """

    id: UUID
    user_id: UUID
    created_at: int
    expires_at: int
    refresh_id: str
    source_address: str = ""
    network: str = ""
    client: str = ""
    used_at: int = 0


class Authenticator(Protocol):
    """Turns what a request carries into who sent it."""

    async def authenticate(self, token: str) -> Principal:
        """Return who the sign-in token stands for.

        Raises TokenExpired, or NotSignedIn for a token that is wrong, revoked or of a disabled user.
        """
        ...

    def forget(self, subject_id: UUID) -> None:
        """Look tokens up anew that belong to this session, user, customer or tenant, on every node.

        To be called after the commit that ended a session, or changed or deleted one of the others.
        """
        ...

    def watch(self, receive: Callable[[UUID | None], None]) -> None:
        """Call `receive` with each of these from now on, once its tokens are looked up anew.

        With None, when it may be anybody.
        """
        ...


class SessionStore(Protocol):
    """Sessions, inside one transaction."""

    async def add_session(self, session: Session, most: int) -> Collection[UUID]:
        """Store a session; a user has the newest `most` only. Return those that ended for that."""
        ...

    async def renew_session(self, renewed: Session, refresh_id: str) -> bool:
        """Give a session its next refresh id and expiry, if `refresh_id` is its current one."""
        ...

    async def find_session(self, session_id: UUID) -> Session | None:
        """Return a session, expired or not."""
        ...

    async def sessions_of(self, user_id: UUID) -> Sequence[Session]:
        """Return a user's sessions, the newest first, expired ones too."""
        ...

    async def has_session_from(self, user_id: UUID, network: str) -> bool:
        """Tell whether a session of this user began in that network."""
        ...

    async def end_session(self, session_id: UUID) -> None:
        """Delete a session."""
        ...

    async def end_sessions(self, user_id: UUID) -> None:
        """Delete all sessions of a user."""
        ...

    async def signed_in(self, session_id: UUID) -> Principal | None:
        """Return who an unexpired session belongs to; None for nobody or a disabled user."""
        ...

    async def public_visitor(self, customer_id: UUID) -> Principal | None:
        """Return whoever looks at what a public customer shows; None when it is not public."""
        ...


async def known_visitor(store: SessionStore, session_id: UUID, is_public: bool) -> Principal:
    """Return who a token's session belongs to now. Raises NotSignedIn."""
    found = await (store.public_visitor(session_id) if is_public else store.signed_in(session_id))
    if found is None:
        raise NotSignedIn
    return found
