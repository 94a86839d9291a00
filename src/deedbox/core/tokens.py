"""Sign-in tokens: what a session is shown by, to be signed and read where the keys are."""

from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.permissions import Principal
from deedbox.core.sessions import Session
from deedbox.core.users import User


class TokenPair(msgspec.Struct, frozen=True):
    """What a sign-in gives: a token for requests, and one to get the next pair.

    `device_token` is for a browser to be known by at its next sign-in, "" where there was none.
    """

    token: str
    refresh_token: str
    device_token: str = ""


class RefreshClaims(msgspec.Struct, frozen=True):
    """What a refresh token says. A public customer's has no session: `session_id` is the customer."""

    session_id: UUID
    refresh_id: str
    is_public: bool


class TokenIssuer(Protocol):
    """Signs and reads sign-in tokens."""

    def issue(self, user: User, session: Session) -> TokenPair:
        """Return tokens for a session of this user."""
        ...

    def issue_public(self, visitor: Principal) -> TokenPair:
        """Return tokens for anybody who knows a public customer."""
        ...

    def read_refresh(self, token: str) -> RefreshClaims:
        """Return what a refresh token says. Raises TokenExpired, NotSignedIn."""
        ...
