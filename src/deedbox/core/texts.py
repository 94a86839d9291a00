"""Names and other texts that people give to things: how long they may be and what may not be in them."""

import re

import msgspec

from deedbox.core.errors import InvalidValue

LONGEST_NAME = 255

#: Begins a tag, a closing tag, a comment or a declaration; "a < b" and "<3" are no HTML.
_HTML = re.compile(r"<[a-zA-Z/!?]")
#: Control characters, and lone surrogates, which no database can store.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def required_name(text: str | None, noun: str, field: str) -> str:
    """Return the name of a `noun` ("Customer") from its `field` ("title"), as it was sent.

    Raises InvalidValue, naming the field, for an empty, too long or unprintable name and for HTML.
    """
    if text is None or not text.strip():
        raise InvalidValue(f"{noun} {field} should be specified!", f"/{field}")
    return checked_text(text, field)


def checked_text(text: str, field: str, longest: int = LONGEST_NAME) -> str:
    """Return a one-line text. Raises InvalidValue, naming the field, when it can't be taken."""
    if len(text) > longest:
        raise InvalidValue(
            f"Validation error: {field} length must be equal or less than {longest}", f"/{field}"
        )
    if _HTML.search(text):
        raise InvalidValue(f"Validation error: {field} is malformed: it may not contain HTML", f"/{field}")
    if _UNPRINTABLE.search(text):
        raise InvalidValue(
            f"Validation error: {field} is malformed: it may not contain control characters", f"/{field}"
        )
    return text


def checked_json(value: object, field: str, longest: int) -> str:
    """Return a JSON value as compact text. Raises InvalidValue when it is too large or can't be stored."""
    try:
        text = msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        raise _unstorable(field) from None
    if len(text) > longest:
        raise InvalidValue(
            f"{field} is {len(text)} characters long; at most {longest} are accepted.", f"/{field}"
        )
    if r"\u0000" in text or _UNSTORABLE.search(text):
        raise _unstorable(field)
    return text


def _unstorable(field: str) -> InvalidValue:
    return InvalidValue(
        f"{field} holds a character that can't be stored (NUL or half of a pair).", f"/{field}"
    )
