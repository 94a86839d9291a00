"""Pages of lists that are short by their limits: they are cut out of the whole list."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from deedbox.api.shapes.entities import Page
from deedbox.core.paging import PageRequest


class Named(Protocol):
    """Something that such a list shows."""

    @property
    def id(self) -> UUID:
        """Its identifier, which rises with time."""
        ...

    @property
    def name(self) -> str:
        """What it is searched and may be sorted by."""
        ...


T = TypeVar("T", bound=Named)
S = TypeVar("S")


def short_page(found: Sequence[T], wanted: PageRequest, shape: Callable[[T], S]) -> Page[S]:
    """Return a page of a list, by `name` or else in the order of creation."""
    search = wanted.search.lower()
    matching = [it for it in found if search in it.name.lower()]
    by_name = wanted.sort_property == "name"
    matching.sort(key=lambda it: (it.name.lower() if by_name else "", it.id), reverse=wanted.descending)
    start, end = wanted.number * wanted.size, (wanted.number + 1) * wanted.size
    return Page(
        data=[shape(it) for it in matching[start:end]],
        total_pages=-(-len(matching) // wanted.size),
        total_elements=len(matching),
        has_next=len(matching) > end,
    )
