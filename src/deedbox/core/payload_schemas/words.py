"""Divides the text of a schema into words, each with its line."""

import re
from typing import NamedTuple, NoReturn

_WORD = re.compile(
    r"""
      (?P<space> [ \t\r\n\f\v]+ | //[^\n]* | /\*.*?\*/ )
    | (?P<number> [-+]?(?:0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?) )
    | (?P<name> \.?[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)* )
    | (?P<text> "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' )
    | (?P<mark> [{}()\[\]<>=;,] )
    """,
    re.VERBOSE | re.DOTALL,
)
_LONGEST_SHOWN = 40


class BadSchema(Exception):
    """A schema can't be used: in which line, and why."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")


class Word(NamedTuple):
    """A word of a schema; `kind` is number, name, text, mark or end."""

    kind: str
    text: str
    line: int


def words_of(schema: str) -> list[Word]:
    """Return the words, with one of the kind `end` behind the last. Raises BadSchema."""
    words: list[Word] = []
    at, line = 0, 1
    while at < len(schema):
        match = _WORD.match(schema, at)
        if match is None:
            raise BadSchema(line, f"{shown(schema[at])} can't stand here.")
        kind, text = match.lastgroup or "", match.group()
        if kind != "space":
            words.append(Word(kind, text, line))
        line += text.count("\n")
        at = match.end()
    words.append(Word("end", "", line))
    return words


def shown(text: str) -> str:
    """Return what stood in a schema as messages show it."""
    cut = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
    return f"“{cut}”" if cut.isprintable() else "a character that can't be shown"


class WordReader:
    """Goes through the words of a schema."""

    def __init__(self, words: list[Word]) -> None:
        self._words = words
        self._at = 0

    @property
    def next(self) -> Word:
        """The word that comes next."""
        return self._words[self._at]

    def take(self) -> Word:
        """Return the next word and go on; the end stays where it is."""
        word = self._words[self._at]
        if word.kind != "end":
            self._at += 1
        return word

    def takes(self, text: str) -> bool:
        """Go on if the next word is this one, and tell so."""
        is_it = self.next.text == text and self.next.kind != "text"
        if is_it:
            self._at += 1
        return is_it

    def expect(self, text: str, expected: str) -> None:
        """Go on behind this word. Raises BadSchema, saying what was expected."""
        if not self.takes(text):
            self.refuse(expected)

    def name(self, expected: str) -> Word:
        """Return a name without dots. Raises BadSchema."""
        if self.next.kind != "name" or "." in self.next.text:
            self.refuse(expected)
        return self.take()

    def number(self, expected: str) -> int:
        """Return a whole number. Raises BadSchema."""
        word = self.next
        try:
            # A zero before other digits means octal, as protoc reads it.
            digits = word.text.lstrip("+-")
            is_octal = len(digits) > 1 and digits[0] == "0" and digits.isdigit()
            number = int(word.text, 8 if is_octal else 0) if word.kind == "number" else None
        except ValueError:
            number = None
        if number is None:
            self.refuse(expected)
        self.take()
        return number

    def refuse(self, expected: str) -> NoReturn:
        """Say what was expected in the place of the next word. Raises BadSchema."""
        found = shown(self.next.text) if self.next.kind != "end" else "the end of the schema"
        raise BadSchema(self.next.line, f"{expected} was expected, and there is {found}.")
