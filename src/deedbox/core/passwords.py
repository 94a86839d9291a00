"""Passwords: what may be one, and what is asked of whoever keeps their hashes."""

import unicodedata
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from deedbox.core.errors import InvalidValue

SHORTEST = 8
LONGEST = 128


class Verdict(msgspec.Struct, frozen=True):
    """Whether a password was right; `renewed` is a new hash where the stored one has old parameters."""

    matches: bool
    renewed: str | None = None


class PasswordHasher(Protocol):
    """Hashes passwords slowly, away from whoever waits for other things."""

    def turn(self, network: str) -> AbstractAsyncContextManager[None]:
        """Let few from one source network in at a time, so that it does not fill the queue of all others.

        Entering waits; it raises TooBusy when too many from there wait already.
        """
        ...

    async def hash(self, password: str) -> str:
        """Return a hash to store. Raises TooBusy when too many wait."""
        ...

    async def verify(self, stored: str | None, password: str) -> Verdict:
        """Compare with a stored hash; None, for a user who is unknown, costs the same work.

        Raises TooBusy when too many wait.
        """
        ...

    def is_common(self, password: str) -> bool:
        """Tell whether this is one of the passwords that are tried first."""
        ...


def normalised(password: str) -> bytes:
    """Return what is hashed: the same bytes however a keyboard composes its accents."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def check_password(password: str, email: str, hasher: PasswordHasher, pointer: str = "/password") -> None:
    """Raise InvalidValue, saying why, when this can't be the password of the user with that address."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidValue(
            f"The password has {len(password)} characters; it must have {SHORTEST} to {LONGEST}.", pointer
        )
    if password.casefold() in (email.casefold(), email.partition("@")[0].casefold()):
        raise InvalidValue("The password is the e-mail address. Choose another one.", pointer)
    if hasher.is_common(password) or len(set(password)) < 3:
        raise InvalidValue("This password is one of the first that are guessed. Choose another one.", pointer)
