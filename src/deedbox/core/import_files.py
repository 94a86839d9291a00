"""Files of devices, as CSV in whatever dialect they come: split into lines, each line read by itself."""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated

import msgspec

from deedbox.core.errors import InvalidValue, PayloadTooLarge
from deedbox.core.import_rows import Column, ImportRow, check_columns, import_row

_DELIMITERS = (",", ";", "\t", "|")
#: Only line feeds end lines; other separators of Unicode are text.
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


class ImportLimits(msgspec.Struct, frozen=True):
    """How much one file may bring."""

    most_lines: Annotated[
        int, msgspec.Meta(ge=1, le=1_000_000, description="Lines of one file of devices.")
    ] = 100_000
    most_characters: Annotated[
        int, msgspec.Meta(ge=1, le=16_777_216, description="Characters of one file of devices.")
    ] = 16_000_000


class LineError(msgspec.Struct, frozen=True):
    """A line that can't be taken, and why."""

    line: int
    message: str

    @property
    def text(self) -> str:
        """The error as the answer lists it."""
        return f"Line {self.line}: {self.message}"


class Reading(msgspec.Struct, frozen=True):
    """How a file is to be read. `delimiter` "" means: find out; `has_header`: its first line has titles."""

    columns: Sequence[Column]
    delimiter: str = ""
    has_header: bool = True


def read_file(file: str, reading: Reading, limits: ImportLimits) -> Iterator[ImportRow | LineError]:
    """Return what each line wants, or why it can't be taken; titles are line 1.

    Lines are read when they are asked for: all at once would take ten times the file's room. Raises, at
    once, InvalidValue for columns or a delimiter that nothing can be read by; PayloadTooLarge.
    """
    check_columns(reading.columns)
    if len(file) > limits.most_characters:
        raise PayloadTooLarge(
            f"The file has {len(file)} characters; at most {limits.most_characters} are accepted at once."
        )
    text = file.removeprefix("\ufeff")
    if sum(1 for _ in islice(_lines(text, reading), limits.most_lines + 1)) > limits.most_lines:
        raise PayloadTooLarge(
            f"The file has more than {limits.most_lines} lines. Send it in parts; nothing was imported."
        )
    return (_read(line, cells, reading.columns) for line, cells in _lines(text, reading))


def _read(line: int, cells: list[str] | csv.Error, columns: Sequence[Column]) -> ImportRow | LineError:
    try:
        return import_row(line, _split(cells), columns)
    except InvalidValue as refusal:
        return LineError(line, refusal.message)


def _lines(file: str, reading: Reading) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Yield number and cells of each line that is not blank, or what is wrong with its quotes."""
    text = file if "\n" in file else file.replace("\r", "\n")
    reader = _reader(text, _delimiter(text, reading))
    number = 0
    while True:
        number += 1
        cells: list[str] | csv.Error
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells = error
        blank = isinstance(cells, list) and not any(cell.strip() for cell in cells)
        if not blank and not (number == 1 and reading.has_header):
            yield number, cells


def _split(cells: list[str] | csv.Error) -> list[str]:
    if isinstance(cells, csv.Error):
        raise InvalidValue(f"its cells can't be told apart: {cells}.")
    return cells


def _reader(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader((it[0] for it in _LINE.finditer(text)), delimiter=delimiter, strict=True)


def _delimiter(text: str, reading: Reading) -> str:
    if reading.delimiter:
        if len(reading.delimiter) != 1 or reading.delimiter in '"\r\n':
            raise InvalidValue("mapping.delimiter must be one character, as ','.", "/mapping/delimiter")
        return reading.delimiter
    # The one by which the first line has as many cells as there are columns.
    wanted = len(reading.columns)
    fitting = (it for it in _DELIMITERS if _width(text, it) == wanted)
    return next(fitting, _DELIMITERS[0])


def _width(text: str, delimiter: str) -> int:
    try:
        return len(next(_reader(text, delimiter), []))
    except csv.Error:
        return 0
