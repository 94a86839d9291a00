"""Reading files of devices: limits, quotes that never end, what a random text does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deedbox.core.device_import import chunks
from deedbox.core.errors import InvalidValue, PayloadTooLarge
from deedbox.core.import_files import ImportLimits, LineError, Reading, read_file
from deedbox.core.import_rows import Column, ImportRow

NAME = Reading([Column("NAME"), Column("TYPE")])


def both(file: str, reading: Reading, limits: ImportLimits) -> tuple[list[ImportRow], list[LineError]]:
    """The lines that can be taken, and the others."""
    found = [*read_file(file, reading, limits)]
    rows = [it for it in found if isinstance(it, ImportRow)]
    return rows, [it for it in found if isinstance(it, LineError)]


def test_limits_on_lines_and_characters() -> None:
    """Thingsboard §6.8: the refusal says how much is accepted."""
    limits = ImportLimits(most_lines=2, most_characters=30)
    assert len(both("n,t\na,b\nc,d\n", NAME, limits)[0]) == 2
    with pytest.raises(PayloadTooLarge, match="more than 2 lines"):
        read_file("n,t\na,b\nc,d\ne,f\n", NAME, limits)
    with pytest.raises(PayloadTooLarge, match="31 characters"):
        read_file("x" * 31, NAME, limits)


def test_pieces_hold_so_many_lines_and_each_name_once() -> None:
    """Thingsboard §6.8: a bad line counts, so that no piece takes longer than another."""
    text = "n,t\n" + "".join(f"{name},t\n" for name in ("a", "b", "", "c", "c", "d"))
    pieces = [*chunks(read_file(text, NAME, ImportLimits()), 3)]
    assert [[row.name for row in it.rows] for it in pieces] == [["a", "b"], ["c"], ["c", "d"]]
    assert [len(it.errors) for it in pieces] == [1, 0, 0]
    assert [*chunks(iter(()), 3)] == []


def test_lines_are_read_when_they_are_asked_for() -> None:
    """Performance 13: a file costs its own room, not that of all that it wants."""
    lines = read_file("n,t\nD1,a\nD2,b\n", NAME, ImportLimits())
    first = next(lines)
    assert isinstance(first, ImportRow)
    assert (first.name, len([*lines])) == ("D1", 1)


def test_a_quote_that_never_ends_is_that_lines_error() -> None:
    """Thingsboard §6.8."""
    rows, errors = both('n,t\nD1,a\n"D2,b\nD3,c\n', NAME, ImportLimits())
    assert [row.name for row in rows] == ["D1"]
    assert [error.line for error in errors] == [3]


def test_a_cell_beyond_what_the_reader_takes_costs_its_line() -> None:
    """Thingsboard §6.8: the lines behind it are read."""
    rows, errors = both(f"n,t\nD1,{'x' * 200_000}\nD2,b\n", NAME, ImportLimits())
    assert [row.name for row in rows] == ["D2"]
    assert [error.line for error in errors] == [2]


def test_lines_are_counted_with_blank_ones() -> None:
    """So that the number leads to the line in an editor."""
    rows, errors = both("n,t\n\nD1,a\n   \n,b\n", NAME, ImportLimits())
    assert [row.line for row in rows] == [3]
    assert [error.line for error in errors] == [5]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Attacks: whatever comes in a file, each line is a row or an error."""
    rows, errors = both(text, NAME, ImportLimits())
    lines = [it.line for it in rows] + [it.line for it in errors]
    assert len(lines) == len(set(lines))
    assert all(row.name.strip() for row in rows)


@given(
    st.text(max_size=50), st.sampled_from(["NAME", "X509", "IS_GATEWAY", "SERVER_ATTRIBUTE", "MQTT_PASSWORD"])
)
def test_no_cell_breaks_a_row(cell: str, kind: str) -> None:
    """Attacks: lone surrogates too, which JSON may carry."""
    quoted = cell.replace('"', '""')
    columns = [Column("NAME"), Column(kind, "key")] if kind != "NAME" else [Column("NAME")]
    cells = [f'"{quoted}"'] if kind == "NAME" else ["D1", f'"{quoted}"']
    try:
        rows, errors = both(",".join(cells), Reading(columns, ",", has_header=False), ImportLimits())
    except InvalidValue:
        pytest.fail("a cell is never the whole file's error")
    assert len(rows) + len(errors) <= 1
