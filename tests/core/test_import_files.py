"""Reading files of devices: limits, quotes that never end, what a random text does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deedbox.core.errors import InvalidValue, PayloadTooLarge
from deedbox.core.import_files import ImportLimits, Reading, read_file
from deedbox.core.import_rows import Column

NAME = Reading([Column("NAME"), Column("TYPE")])


def test_limits_on_lines_and_characters() -> None:
    """Thingsboard §6.8: the refusal says how much is accepted."""
    limits = ImportLimits(most_lines=2, most_characters=30)
    assert len(read_file("n,t\na,b\nc,d\n", NAME, limits)[0]) == 2
    with pytest.raises(PayloadTooLarge, match="more than 2 lines"):
        read_file("n,t\na,b\nc,d\ne,f\n", NAME, limits)
    with pytest.raises(PayloadTooLarge, match="31 characters"):
        read_file("x" * 31, NAME, limits)


def test_a_quote_that_never_ends_is_that_lines_error() -> None:
    """Thingsboard §6.8."""
    rows, errors = read_file('n,t\nD1,a\n"D2,b\nD3,c\n', NAME, ImportLimits())
    assert [row.name for row in rows] == ["D1"]
    assert [error.line for error in errors] == [3]


def test_a_cell_beyond_what_the_reader_takes_costs_its_line() -> None:
    """Thingsboard §6.8: the lines behind it are read."""
    rows, errors = read_file(f"n,t\nD1,{'x' * 200_000}\nD2,b\n", NAME, ImportLimits())
    assert [row.name for row in rows] == ["D2"]
    assert [error.line for error in errors] == [2]


def test_lines_are_counted_with_blank_ones() -> None:
    """So that the number leads to the line in an editor."""
    rows, errors = read_file("n,t\n\nD1,a\n   \n,b\n", NAME, ImportLimits())
    assert [row.line for row in rows] == [3]
    assert [error.line for error in errors] == [5]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Attacks: whatever comes in a file, each line is a row or an error."""
    rows, errors = read_file(text, NAME, ImportLimits())
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
        rows, errors = read_file(",".join(cells), Reading(columns, ",", has_header=False), ImportLimits())
    except InvalidValue:
        pytest.fail("a cell is never the whole file's error")
    assert len(rows) + len(errors) <= 1
