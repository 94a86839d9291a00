"""JSON as devices write it: strict JSON first; else bare names, bare words and single quotes are understood.

Published command lines lose their inner quotes in the shell (`--data "{"temperature":42}"` sends
`{temperature:42}`), and the reference server accepts what arrives, so firmware relies on it.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec

from deedbox.core.errors import InvalidValue

_DEEPEST = 64
_SPACE = re.compile(r"[ \t\r\n]*")
_DOUBLE_QUOTED = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SINGLE_QUOTED = re.compile(r"'((?:[^'\\\x00-\x1f]|\\.)*)'")
_WORD = re.compile(r"[^\s{}\[\]:;,/\\=#\"'\x00-\x1f]+")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None}
_NOT_NUMBERS = ("nan", "infinity", "-infinity", "inf", "-inf")


def decode(body: bytes) -> Any:
    """Return the value that `body` holds. Raises InvalidValue, which names a position, never the text."""
    return decode_and_tell(body)[0]


def decode_and_tell(body: bytes) -> tuple[Any, bool]:
    """Return the value, and whether `body` was strict JSON. Raises InvalidValue."""
    try:
        return msgspec.json.decode(body), True
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Reader(_text(body), _number).read(), False


def decode_keeping_numbers_as_text(body: bytes) -> Any:
    """Return the value; a number becomes the text that it was written as. Raises InvalidValue."""
    text = _text(body)
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return _Reader(text, str).read()


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise InvalidValue(f"The body is not UTF-8 text: look at byte {error.start}.") from None


def _number(text: str) -> int | float:
    if not re.fullmatch("-?[0-9]{1,19}", text):
        return float(text)
    return int(text)


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError


class _Reader:
    """Reads one value from the beginning of a text to its end."""

    def __init__(self, text: str, number: Callable[[str], Any]) -> None:
        self._text = text
        self._number = number
        self._at = 0
        self._skip_space()

    def read(self) -> Any:
        value = self._value(_DEEPEST)
        if self._at != len(self._text):
            self._refuse("more text than one value")
        return value

    def _value(self, levels: int) -> Any:
        if not levels:
            self._refuse(f"more than {_DEEPEST} levels of brackets")
        if self._take("{"):
            return self._object(levels - 1)
        if self._take("["):
            return self._array(levels - 1)
        quoted = self._quoted()
        return self._word() if quoted is None else quoted

    def _object(self, levels: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self._take("}"):
            return found
        while True:
            name = self._name()
            if not self._take(":"):
                self._refuse("no colon after a name")
            found[name] = self._value(levels)
            if self._take("}"):
                return found
            if not self._take(","):
                self._refuse("neither a comma nor a closing brace")

    def _array(self, levels: int) -> list[Any]:
        found: list[Any] = []
        if self._take("]"):
            return found
        while True:
            found.append(self._value(levels))
            if self._take("]"):
                return found
            if not self._take(","):
                self._refuse("neither a comma nor a closing bracket")

    def _name(self) -> str:
        quoted = self._quoted()
        return self._bare_word() if quoted is None else quoted

    def _quoted(self) -> str | None:
        start = self._at
        if match := _DOUBLE_QUOTED.match(self._text, start):
            return self._unescaped(match.group(), match.end())
        if match := _SINGLE_QUOTED.match(self._text, start):
            inside = re.sub(r"\\'|\"", lambda it: {"\\'": "'", '"': '\\"'}[it.group()], match.group(1))
            return self._unescaped(f'"{inside}"', match.end())
        return None

    def _unescaped(self, quoted: str, end: int) -> str:
        try:
            value: str = json.loads(quoted)
            value.encode()
        except ValueError:
            self._refuse("a text with an unknown escape or half a surrogate pair")
        self._go_to(end)
        return value

    def _word(self) -> Any:
        start = self._at
        word = self._bare_word()
        if word.lower() in _WORDS:
            return _WORDS[word.lower()]
        if word.lower() in _NOT_NUMBERS:
            self._at = start
            self._refuse("a number that is not finite")
        number = self._number(word) if _NUMBER.fullmatch(word) else word
        if number in (math.inf, -math.inf):
            self._refuse("a number that is out of range")
        return number

    def _bare_word(self) -> str:
        match = _WORD.match(self._text, self._at)
        if not match:
            self._refuse("neither a value nor a name")
        self._go_to(match.end())
        return match.group()

    def _take(self, mark: str) -> bool:
        if not self._text.startswith(mark, self._at):
            return False
        self._go_to(self._at + 1)
        return True

    def _go_to(self, position: int) -> None:
        self._at = position
        self._skip_space()

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _refuse(self, found: str) -> NoReturn:
        raise InvalidValue(f"The body is not JSON: at character {self._at + 1} there is {found}.")
