"""Pages of lists over HTTP: `page`, `pageSize`, `sortProperty`, `sortOrder` and `textSearch`."""

import hashlib
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar

from litestar.params import QueryParameter

from deedbox.api.context import ApiRequest, context_of
from deedbox.api.shapes.entities import Page
from deedbox.core.paging import Listing, PageRequest, PageSlice, page_request
from deedbox.core.permissions import Principal
from deedbox.core.storage import Stores

T = TypeVar("T")
S = TypeVar("S")


def page_parameters(
    page: Annotated[int, QueryParameter(name="page", description="From 0.")] = 0,
    page_size: Annotated[int, QueryParameter(name="pageSize", description="1 to 1000.")] = 100,
    sort_property: Annotated[str, QueryParameter(name="sortProperty")] = "",
    sort_order: Annotated[str, QueryParameter(name="sortOrder", description="ASC or DESC.")] = "",
    text_search: Annotated[str, QueryParameter(name="textSearch", description="Part of a name.")] = "",
) -> PageRequest:
    """Return the page that a request asks for: the dependency `wanted` of every list."""
    return page_request(page, page_size, sort_property, sort_order, text_search)


async def page_of(
    request: ApiRequest,
    principal: Principal,
    wanted: PageRequest,
    work: Callable[[Stores, PageSlice], Coroutine[Any, Any, Listing[T]]],
    shape: Callable[[T], S],
) -> Page[S]:
    """Read the page with `work`, on a snapshot, and return it with its items in their wire form."""
    context, walk = context_of(request), _walk(request, principal)
    asked = context.pages.slice_of(walk, wanted)
    found = await context.storage.read(lambda stores: work(stores, asked))
    context.pages.remember(walk, wanted, found.end)
    return Page(
        data=[shape(it) for it in found.items],
        total_pages=-(-found.total // wanted.size),
        total_elements=found.total,
        has_next=found.has_next,
    )


def _walk(request: ApiRequest, principal: Principal) -> bytes:
    """Name somebody's way through one list: whatever but the page's number makes it another one."""
    query = sorted(pair for pair in request.query_params.multi_items() if pair[0] != "page")
    return walk_of(principal, repr((request.url.path, query)))


def walk_of(principal: Principal, subject: str) -> bytes:
    """Name somebody's way through the list that `subject` describes."""
    whole = repr((principal.user_id, principal.customer_id, subject))
    return hashlib.blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=16).digest()
