"""The page about refusals has every refusal as it is on the wire."""

from collections.abc import Iterator

from deedbox.api.errors import TABLE
from deedbox.core import errors
from deedbox.core.errors import Refusal
from deedbox.transports.http import answers
from tests.documentation.pages import REFERENCE, table_rows

PAGE = REFERENCE / "refusals.md"
COLUMNS = 5


def _refusals(base: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for refusal in base.__subclasses__():
        if refusal.__module__ == errors.__name__:
            yield refusal
        yield from _refusals(refusal)


def _documented() -> dict[str, list[str]]:
    rows = [row for row in table_rows(PAGE) if len(row) == COLUMNS and row[0].startswith("`")]
    return {row[0].strip("`"): row[1:] for row in rows if row[0] != "`code`"}


def test_every_refusal_has_a_row_in_both_tables() -> None:
    assert set(_refusals()) == set(TABLE) == set(answers.TABLE)


def test_every_refusal_is_documented_as_it_is_answered() -> None:
    wanted = {
        refusal.code: [str(status), str(number), (refusal.__doc__ or "").strip().splitlines()[0]]
        for refusal, (status, number) in TABLE.items()
    }
    assert {code: row[:3] for code, row in _documented().items()} == wanted


def test_every_refusal_says_what_to_do() -> None:
    assert all(row[3].endswith(".") or ": `" in row[3] for row in _documented().values())


def test_the_page_names_what_devices_are_answered_differently() -> None:
    differing = {it for it in TABLE if TABLE[it][0] != answers.TABLE[it][0]}
    assert differing == {errors.NotFound, errors.LimitReached}
