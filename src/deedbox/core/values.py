"""Values that devices and people write: booleans, 64-bit integers, doubles, strings, JSON; and their names.

Numeric strings become numbers and integers beyond 64 bit become strings, as in the reference server.
"""

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

import msgspec

from deedbox.core.errors import InvalidValue

#: What is stored: what JSON can say, but for null.
Value = bool | int | float | str | list[Any] | dict[str, Any]

LONGEST_NAME = 255
#: Deeper JSON could be stored by one edge and be too deep for another that has to show it.
MOST_LEVELS = 64

_LONG = range(-(2**63), 2**63)
_NUMERIC = re.compile(r"-?(\d+|\d*\.\d+)", re.ASCII)
_LONGEST_NUMBER = 64


def named_values(data: object, what: str) -> dict[str, Value]:
    """Return the members of a JSON object as values; `what` names the object in refusals.

    Raises InvalidValue for anything but an object with a member or more; for blank and long names, and null.
    """
    if not isinstance(data, Mapping):
        raise InvalidValue(f'{what} must be a JSON object of names and values, as {{"name": 1}}.')
    if not data:
        raise InvalidValue(f'{what} has no values. Send at least one, as {{"name": 1}}.')
    return {checked_name(name): as_value(name, value) for name, value in data.items()}


def checked_name(name: str) -> str:
    """Return the name of an attribute or a series. Raises InvalidValue when it is blank or too long."""
    if not name.strip() or "\0" in name:
        raise InvalidValue("A key is blank. Give each value a name.")
    if len(name) > LONGEST_NAME:
        raise InvalidValue(f"A key has {len(name)} characters; at most {LONGEST_NAME} are accepted.")
    return name


def as_value(name: str, raw: object) -> Value:
    """Return the value as it is stored. Raises InvalidValue for null."""
    if isinstance(raw, float) and not isfinite(raw):
        raise InvalidValue(f"The value of '{name}' is not a number that can be stored.", f"/{name}")
    if isinstance(raw, list | dict) and is_deeper(raw, MOST_LEVELS):
        raise InvalidValue(
            f"The value of '{name}' has more than {MOST_LEVELS} levels of brackets.", f"/{name}"
        )
    if isinstance(raw, bool | float | list | dict):
        return raw
    if isinstance(raw, int):
        return raw if raw in _LONG else str(raw)
    if isinstance(raw, str):
        if "\0" in raw:
            raise InvalidValue(
                f"The value of '{name}' holds a NUL character, which can't be stored.", f"/{name}"
            )
        return _number(raw) if len(raw) <= _LONGEST_NUMBER and _NUMERIC.fullmatch(raw) else raw
    raise InvalidValue(f"The value of '{name}' is null. Send a value, or delete the key.", f"/{name}")


def is_deeper(raw: object, levels: int) -> bool:
    """Tell whether JSON has more than so many levels of brackets."""
    if not isinstance(raw, list | dict):
        return False
    inside = raw.values() if isinstance(raw, dict) else raw
    return not levels or any(is_deeper(it, levels - 1) for it in inside)


def value_text(value: Value) -> str:
    """Return a value as texts show it: JSON, but for strings, which are themselves."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _number(text: str) -> Value:
    if "." in text:
        return float(text)
    number = int(text)
    return number if number in _LONG else text
