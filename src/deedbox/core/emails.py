"""E-mail addresses: checked by syntax only, never by asking the network, and the same in any case."""

import re

from deedbox.core.errors import InvalidValue

LONGEST = 254
_LONGEST_LOCAL = 64
# Quoted local parts and address literals are left out: nobody signs in with them.
_SYNTAX = re.compile(
    r"""
    (?P<local> [^\s@<>()\[\]\\,;:"\x00-\x1f\x7f.]+ (\. [^\s@<>()\[\]\\,;:"\x00-\x1f\x7f.]+)* )
    @ (?P<domain> [^\W_] ([\w-]{0,61}[^\W_])? (\. [^\W_] ([\w-]{0,61}[^\W_])?)* )
    """,
    re.VERBOSE,
)


def checked_email(text: str | None, pointer: str = "/email") -> str:
    """Return the address as it is stored. Raises InvalidValue, saying what is expected."""
    email = canonical(text or "")
    if not email:
        raise InvalidValue("User email should be specified!", pointer)
    found = _SYNTAX.fullmatch(email) if len(email) <= LONGEST else None
    if found is None or len(found["local"]) > _LONGEST_LOCAL or _has_surrogates(email):
        raise InvalidValue("This is no e-mail address; expected is one like name@example.org.", pointer)
    return email


def canonical(text: str) -> str:
    """Return an address in the form that addresses are compared in."""
    return text.strip().lower()


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
