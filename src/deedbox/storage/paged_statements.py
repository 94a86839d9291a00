"""Statements of lists in all their orders, made from one that says what it can be sorted by.

`-- pages by: createdTime id, email email, firstName first_name?` under a statement's name lists properties of
the API and output columns (`?`: text that may be null). The statement must put out `id` as well.
"""

import re
from collections.abc import Iterator, Mapping

_HEADER = re.compile(r"^-- pages by: (.+)\n", re.MULTILINE)


def variants(name: str, sql: str) -> Iterator[tuple[str, str]]:
    """Yield the statement itself and, for a list, its counting and its pages (see `page_statement`)."""
    header = _HEADER.search(sql)
    if header is None:
        yield name, sql
        return
    plain = _HEADER.sub("", sql)
    yield name, plain
    # Nothing that a request brings gets into these texts: they are made of our own files alone.
    counted = f"select count(*) from (select 1 from ({plain}) as listed limit :most) as counted"  # noqa: S608
    yield f"{name}.count", counted
    for sort_property, column in _columns(header[1]).items():
        for descending in (False, True):
            for keyed in (False, True):
                statement = page_statement(name, sort_property, descending=descending, keyed=keyed)
                yield statement, _page(plain, column, descending, keyed)


def page_statement(name: str, sort_property: str, *, descending: bool, keyed: bool) -> str:
    """Return the name of the statement for a page; `keyed` when it continues after a known row."""
    return f"{name}.{sort_property}.{'desc' if descending else 'asc'}.{'after' if keyed else 'first'}"


def sort_columns(name: str, sources: Mapping[str, str]) -> Mapping[str, str]:
    """Return the output columns that a list can be sorted by, by property; `sources` as they were written."""
    header = _HEADER.search(sources[name])
    return _columns(header[1]) if header else {}


def _columns(header: str) -> dict[str, str]:
    return {pair.split()[0]: pair.split()[1] for pair in header.split(", ")}


def _page(plain: str, column: str, descending: bool, keyed: bool) -> str:
    direction, beyond = ("desc", "<") if descending else ("asc", ">")
    by_id = column == "id"
    value = f"coalesce(listed.{column[:-1]}, '')" if column.endswith("?") else f"listed.{column}"
    order = f"listed.id {direction}" if by_id else f"{value} {direction}, listed.id {direction}"
    place = f"listed.id {beyond} :after_id"
    if not by_id:
        place = f"({value}, listed.id) {beyond} (:after_value, :after_id)"
    condition = f"where {place} " if keyed else ""
    listed = f"select listed.* from ({plain}) as listed"  # noqa: S608  # as above
    return f"{listed} {condition}order by {order} limit :size offset :skip"
