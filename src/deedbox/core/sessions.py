"""Sign-in sessions: who a request comes from."""

from typing import Protocol

from deedbox.core.permissions import Principal


class Authenticator(Protocol):
    """Turns what a request carries into who sent it."""

    async def authenticate(self, token: str) -> Principal:
        """Return who the sign-in token stands for.

        Raises TokenExpired, or NotSignedIn for a token that is wrong, revoked or of a disabled user.
        """
        ...
