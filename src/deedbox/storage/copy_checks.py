"""Whether a copy is equal to its source: a sum over all rows, and what in a row a column can't hold."""

from collections.abc import Callable, Iterable
from hashlib import blake2b

import msgspec

from deedbox.storage.copy_source import CopyRefused, SourceTable, shown
from deedbox.storage.statements import Row

_BITS = 128
_LONGEST = {"int4": 31, "int8": 63}
_encode = msgspec.msgpack.Encoder().encode


class TableSum(msgspec.Struct, frozen=True):
    """How many rows a table has and a checksum of them, which no order changes."""

    rows: int = 0
    total: int = 0

    def plus(self, rows: Iterable[Row]) -> "TableSum":
        """Return the sum with these rows added: of each a digest over all of its columns."""
        total, count = self.total, self.rows
        for row in rows:
            count += 1
            total += int.from_bytes(blake2b(_encode(row), digest_size=_BITS // 8).digest(), "big")
        return TableSum(count, total % (1 << _BITS))

    @property
    def checksum(self) -> str:
        """The checksum as hexadecimal digits."""
        return f"{self.total:032x}"


def check_row(table: SourceTable, row: Row, kinds: dict[str, tuple[str, bool]]) -> None:
    """Raise CopyRefused, naming the row, when a column can't hold its value.

    `kinds` are PostgreSQL's type of each column, and whether it must have a value.
    """
    for name, value in zip(table.columns, row, strict=True):
        kind, is_required = kinds[name]
        wrong = ("no value" if is_required else "") if value is None else _CHECKS[kind](value)
        if wrong:
            raise CopyRefused(
                f"Table {table.name}, row {shown(table, table.key_of(row))}: column {name} has {wrong}, and "
                "PostgreSQL can't keep that. Correct or delete the row, then begin anew: --restart"
            )


def _text(value: object) -> str:
    if not isinstance(value, str):
        return "bytes or a number in place of text"
    return "text with the character NUL" if "\0" in value else ""


def _bytes(value: object) -> str:
    return "" if isinstance(value, bytes) else "text or a number in place of bytes"


def _identifier(value: object) -> str:
    return "" if isinstance(value, bytes) and len(value) == 16 else "no identifier of 16 bytes"


def _number(bits: int) -> Callable[[object], str]:
    def check(value: object) -> str:
        fits = isinstance(value, int) and -(1 << bits) <= value < 1 << bits
        return "" if fits else f"no whole number of {bits + 1} bits"

    return check


def _flag(value: object) -> str:
    return "" if isinstance(value, int) and value in (0, 1) else "neither 0 nor 1"


def _fraction(value: object) -> str:
    return "" if isinstance(value, float) else "no number"


_CHECKS: dict[str, Callable[[object], str]] = {
    "text": _text,
    "varchar": _text,
    "bytea": _bytes,
    "uuid": _identifier,
    "bool": _flag,
    "float8": _fraction,
    **{kind: _number(bits) for kind, bits in _LONGEST.items()},
}
