"""Named statements as PostgreSQL takes them: numbered values, a batch as an array per column, row locks."""

import re
from functools import cache
from typing import NamedTuple

from deedbox.storage.statements import PLACEHOLDER, ROWS, statements

#: What SQLite has no use for stands in comments: its only writer needs no row locks, nor an order in which
#: they are taken, and conditions that leave partitions alone would mislead its planner.
_FOR_POSTGRESQL = re.compile(r"/\*((?:for update|order by|and )[^*]*)\*/")


class Compiled(NamedTuple):
    """SQL, the names of the values that come first, and how many columns the batch after them has."""

    sql: str
    names: tuple[str, ...]
    width: int


@cache
def compiled(statement: str) -> Compiled:
    """Return a named statement. Raises KeyError when there is none of that name."""
    source = _FOR_POSTGRESQL.sub(r"\1", statements()[statement])
    names = tuple(dict.fromkeys(m[1] for m in PLACEHOLDER.finditer(source) if m[1]))
    numbers = {name: number for number, name in enumerate(names, start=1)}
    sql = PLACEHOLDER.sub(lambda m: f"${numbers[m[1]]}" if m[1] else m[0], source)
    mark = ROWS.search(sql)
    types = [it.strip() for it in mark[1].split(",")] if mark else []
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(types, start=len(names) + 1))
    rows = f"select * from unnest({arrays})"  # noqa: S608 - made of our own files alone
    return Compiled(ROWS.sub(rows, sql), names, len(types))
