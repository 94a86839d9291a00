"""Named statements as PostgreSQL takes them: numbered values, a batch as an array per column, row locks."""

import re
from functools import cache
from typing import NamedTuple

from deedbox.storage.statements import PLACEHOLDER, ROWS, statements

#: What SQLite has no use for stands in comments: its only writer needs no row locks, nor an order in which
#: they are taken, and conditions that leave partitions alone would mislead its planner.
_FOR_POSTGRESQL = re.compile(r"/\*((?:for update|order by|and )[^*]*)\*/")
_APPENDS = re.compile(
    r"with asked\(([^)]*)\)\s+as \(/\*rows:[^*]*\*/\)\s+"
    r"insert into (\w+) \(([^)]*)\)\s+select \* from asked where true\s*"
)
_REMARK = re.compile(r"--.*")


class Compiled(NamedTuple):
    """SQL, the names of the values that come first, and how many columns the batch after them has."""

    sql: str
    names: tuple[str, ...]
    width: int


@cache
def compiled(statement: str, taken: int = 0) -> Compiled:
    """Return a named statement whose values are numbered behind those `taken` by others.

    Raises KeyError when there is none of that name.
    """
    source = _FOR_POSTGRESQL.sub(r"\1", statements()[statement])
    names = tuple(dict.fromkeys(m[1] for m in PLACEHOLDER.finditer(source) if m[1]))
    numbers = {name: number for number, name in enumerate(names, start=taken + 1)}
    sql = PLACEHOLDER.sub(lambda m: f"${numbers[m[1]]}" if m[1] else m[0], source)
    mark = ROWS.search(sql)
    types = [it.strip() for it in mark[1].split(",")] if mark else []
    first = taken + len(names) + 1
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(types, start=first))
    # The planner takes a limit that it can't know for a tenth of all: a row or so, looked up by an index.
    # Without one it expects ten rows, and reads whole tables for them where it has no statistics yet.
    rows = f"select * from unnest({arrays}) limit cardinality(${first})"  # noqa: S608 - our own files alone
    return Compiled(ROWS.sub(rows, sql), names, len(types))


class Appended(NamedTuple):
    """The table, and its columns, that a statement appends its batch to as it is."""

    table: str
    columns: tuple[str, ...]


@cache
def appended(statement: str) -> Appended | None:
    """Return what COPY can do in a statement's place; None when the statement does more than append."""
    found = _APPENDS.fullmatch(_REMARK.sub("", statements()[statement]))
    if found is None:
        return None
    asked, columns = (tuple(it.strip() for it in part.split(",")) for part in (found[1], found[3]))
    return Appended(found[2], columns) if asked == columns else None


@cache
def compiled_together(wanted: tuple[str, ...]) -> str:
    """Return SQL that runs several named statements at once; each one's values follow those of the last."""
    parts, taken = [], 0
    for statement in wanted:
        sql, names, width = compiled(statement, taken)
        # A comment may be the last thing in it.
        parts.append(f"{statement} as ({sql}\n)")
        taken += len(names) + width
    return f"with {', '.join(parts)} select"
