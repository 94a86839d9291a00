"""Reads a page of any list that `paged_statements` knows, with the list's total."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from deedbox.core.errors import InvalidValue
from deedbox.core.paging import COUNTED_AT_MOST, Listing, PageKey, PageSlice
from deedbox.storage.paged_statements import page_statement
from deedbox.storage.statements import Row, Transaction, sortable
from deedbox.storage.tallies import total_of

T = TypeVar("T")


async def listing(
    transaction: Transaction,
    statement: str,
    asked: PageSlice,
    shape: type[T],
    *,
    tally: tuple[UUID, str] | None,
    among: Sequence[Row] = (),
    **values: Any,
) -> Listing[T]:
    """Return a page of the list that `statement` names; its rows become structs of `shape`.

    `tally` (owner id, noun) holds the total of the whole list; None counts, at most COUNTED_AT_MOST rows: so
    must it be where a filter is on. A search is handed to the statement as `:search`, a pattern for
    `lower(column) like :search escape '!'`, or "" for none; `among` are rows for a statement with a
    mark for them, more of the same doing no harm. Raises InvalidValue for an unknown sort property.
    """
    columns = sortable(statement)
    wanted = asked.request
    if wanted.sort_property not in columns:
        known = ", ".join(columns)
        message = f"sortProperty can't be {wanted.sort_property!r}; use one of {known}."
        raise InvalidValue(message, "/sortProperty")
    values["search"] = search_pattern(wanted.search)
    values["among"] = _padded(among)
    rows = await _rows(transaction, statement, asked, shape, values)
    has_next = len(rows) > wanted.size
    items = rows[: wanted.size]
    total = await _total(transaction, statement, None if wanted.search else tally, values)
    seen = wanted.number * wanted.size + len(items) + has_next if items else 0
    column = columns[wanted.sort_property].removesuffix("?")
    return Listing(items, max(total, seen), has_next, _end(items[-1], column) if has_next else None)


def search_pattern(search: str) -> str:
    """Return a pattern that finds `search` anywhere in lower-case text; "" stays ""."""
    escaped = search.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%" if search else ""


def _padded(among: Sequence[Row]) -> list[Row]:
    """Repeat the last row up to a power of two: each number of rows makes another statement."""
    wanted = 1 << (len(among) - 1).bit_length() if among else 0
    return [*among, *(among[-1] for _ in range(wanted - len(among)))]


async def _rows(
    transaction: Transaction, statement: str, asked: PageSlice, shape: type[T], values: dict[str, Any]
) -> list[T]:
    wanted, after = asked.request, asked.after
    name = page_statement(
        statement, wanted.sort_property, descending=wanted.descending, keyed=after is not None
    )
    if after is not None:
        values = values | {"after_value": after.value, "after_id": after.id}
    # One row more than the page tells whether there is a next one.
    return await transaction.structs(name, shape, **values, size=wanted.size + 1, skip=asked.skip)


async def _total(
    transaction: Transaction, statement: str, tally: tuple[UUID, str] | None, values: dict[str, Any]
) -> int:
    if tally is not None:
        return await total_of(transaction, *tally)
    counted = await transaction.rows(f"{statement}.count", **values, most=COUNTED_AT_MOST)
    return int(counted[0][0])


def _end(last: Any, column: str) -> PageKey:
    value = getattr(last, column)
    return PageKey("" if value is None else value, last.id)
