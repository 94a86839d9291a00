"""Pages of lists: people count them by number, the database reads them by key, so walking on stays cheap."""

from collections import OrderedDict
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from deedbox.core.errors import InvalidValue

T = TypeVar("T")

LARGEST_PAGE = 1000
LONGEST_SEARCH = 255
#: A list with a filter is counted up to here; its total then says "at least".
COUNTED_AT_MOST = 10_000
#: Rows that are stepped over at most when nobody remembers where the pages before ended.
SKIPPED_AT_MOST = 1_000_000

_MOST_WALKS = 2048
_KEYS_PER_WALK = 64


class PageRequest(msgspec.Struct, frozen=True):
    """Which page somebody wants: `number` from 0, `search` a part of a name in any case, "" for all."""

    number: int = 0
    size: int = 100
    sort_property: str = "createdTime"
    descending: bool = False
    search: str = ""


class PageKey(msgspec.Struct, frozen=True):
    """Where a page ends: the last row's value in the sort column, and its id."""

    value: Any
    id: UUID


class PageSlice(msgspec.Struct, frozen=True):
    """What to read: the page's rows, beginning after `after` (None: at the start) and `skip` more rows."""

    request: PageRequest
    after: PageKey | None = None
    skip: int = 0


class Listing(msgspec.Struct, Generic[T]):
    """The rows of a page; `total` of the whole list; `end` is where the next page continues."""

    items: list[T]
    total: int
    has_next: bool
    end: PageKey | None = None


def page_request(number: int, size: int, sort_property: str, sort_order: str, search: str) -> PageRequest:
    """Return a request within the limits. Raises InvalidValue, naming the query parameter."""
    if number < 0:
        raise InvalidValue(f"page is {number}; pages are counted from 0.", "/page")
    if not 1 <= size <= LARGEST_PAGE:
        raise InvalidValue(f"pageSize is {size}; it must be between 1 and {LARGEST_PAGE}.", "/pageSize")
    if sort_order.upper() not in ("", "ASC", "DESC"):
        raise InvalidValue("sortOrder must be ASC or DESC.", "/sortOrder")
    if len(search) > LONGEST_SEARCH:
        raise InvalidValue(f"textSearch must have at most {LONGEST_SEARCH} characters.", "/textSearch")
    descending = sort_order.upper() == "DESC"
    return PageRequest(number, size, sort_property or "createdTime", descending, search.strip())


class PageMemory:
    """Remembers where pages ended, for the walks (somebody's way through one list) that moved last.

    It is a shortcut only: without a remembered key the rows before the page are stepped over.
    """

    def __init__(self, most_walks: int = _MOST_WALKS) -> None:
        self._most_walks = most_walks
        self._walks: OrderedDict[bytes, OrderedDict[int, PageKey]] = OrderedDict()

    def slice_of(self, walk: bytes, request: PageRequest) -> PageSlice:
        """Return what to read for a page. Raises InvalidValue when it is too far from any known place."""
        ends = self._walks.get(walk) or OrderedDict()
        nearest = max((number for number in ends if number <= request.number), default=0)
        skip = (request.number - nearest) * request.size
        if skip > SKIPPED_AT_MOST:
            raise InvalidValue(
                f"Page {request.number} is too far to jump to. Narrow the list with textSearch, "
                "or read its pages one after the other.",
                "/page",
            )
        return PageSlice(request, ends.get(nearest), skip)

    def remember(self, walk: bytes, request: PageRequest, end: PageKey | None) -> None:
        """Keep where this page ended; None, at the end of the list, keeps nothing."""
        if end is None:
            return
        ends = self._walks.setdefault(walk, OrderedDict())
        ends[request.number + 1] = end
        ends.move_to_end(request.number + 1)
        self._walks.move_to_end(walk)
        if len(ends) > _KEYS_PER_WALK:
            ends.popitem(last=False)
        if len(self._walks) > self._most_walks:
            self._walks.popitem(last=False)
