"""Answers questions about many things: finds those that somebody may see, with their fields and values.

In two steps, each on a snapshot of its own: `candidates` says which things it may be about; once what they
sent has settled (`Storage.settle`), `answer` reads their values. Whoever lost a thing in between gets nothing
of it: the second step asks again.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from deedbox.core.access.lookup import all_with_groups
from deedbox.core.entity_fields import fields_of
from deedbox.core.entity_lists import LISTED, all_ids, page_of_ids, profile_ids
from deedbox.core.entity_queries import (
    SCOPES,
    EntityKey,
    EntityQuery,
    KeyKind,
    Known,
    Latest,
    check_size,
    in_order,
    is_met,
    name_fits,
)
from deedbox.core.errors import InvalidValue
from deedbox.core.holders import Extent, Holder, extent, target
from deedbox.core.paging import Listing, PageRequest, PageSlice
from deedbox.core.permissions import Operation, Principal, Resource, check_somewhere, may
from deedbox.core.storage import Stores

_KINDS = (*LISTED, Resource.CUSTOMER, Resource.TENANT)


class Candidates(msgspec.Struct, frozen=True):
    """Ids of things that a question may be about. `page`: they are its answer already, in its order."""

    ids: Sequence[UUID]
    page: Listing[UUID] | None = None


class EntityRow(msgspec.Struct, frozen=True):
    """A thing in an answer, with what is known of what was asked for."""

    kind: Resource
    id: UUID
    latest: Latest


class Readable(msgspec.Struct, frozen=True):
    """A thing that somebody may see, and how much of its values."""

    holder: Holder
    extent: Extent


async def candidates(
    stores: Stores, principal: Principal, query: EntityQuery, asked: PageSlice
) -> Candidates:
    """Return the things that may be in the answer; `asked` is the slice of `list_request(query)`.

    Raises NotPermitted, InvalidValue for a question that is too large.
    """
    check_size(query)
    chosen = query.chosen
    if chosen.ids is not None:
        return Candidates(tuple(dict.fromkeys(chosen.ids)))
    if chosen.kind not in LISTED:
        raise InvalidValue(
            f"Lists of all are there for entities of type {' or '.join(LISTED)}. Name others by their ids."
        )
    check_somewhere(principal, Operation.READ, chosen.kind)
    profiles = await profile_ids(stores, principal, chosen.kind, chosen.types)
    if list_request(query) is not None and len(profiles) <= 1:
        profile_id = profiles[0] if profiles else None
        page = await page_of_ids(stores, principal, chosen.kind, profile_id, asked)
        return Candidates(page.items, page)
    return Candidates(await all_ids(stores, principal, query, profiles))


async def answer(
    stores: Stores, principal: Principal, query: EntityQuery, found: Candidates
) -> Listing[EntityRow]:
    """Return the page of the answer. Raises NotPermitted."""
    reader = _Reader(stores, principal, query.chosen.kind)
    seen = await readable(stores, principal, query.chosen.kind, found.ids)
    if found.page is not None:
        rows = await reader.rows(list(seen), seen, query.shown)
        return Listing(rows, found.page.total, found.page.has_next)
    latest = await reader.latest(seen, _tested(query))
    met = [(it, latest[it]) for it in seen if _is_chosen(query, latest[it]) and is_met(query, latest[it])]
    ordered, start = in_order(query, met), query.page.number * query.page.size
    rows = await reader.rows(ordered[start : start + query.page.size], seen, query.shown)
    return Listing(rows, len(ordered), len(ordered) > start + query.page.size)


async def readable(
    stores: Stores, principal: Principal, kind: Resource, ids: Sequence[UUID]
) -> dict[UUID, Readable]:
    """Return those that there are and that may be seen, in the order of `ids`. Raises InvalidValue."""
    if kind not in _KINDS:
        raise InvalidValue(f"Entities of type {kind} can't be asked for; {', '.join(_KINDS)} can.")
    holders = await stores.entity_data.holders(kind, ids)
    seen = await permitted_of(stores, principal, Operation.READ, holders)
    return {it: Readable(holders[it], extent(holders[it], principal)) for it in ids if it in seen}


def list_request(query: EntityQuery) -> PageRequest | None:
    """Return the page of a plain list that answers the question, None where things must be tried."""
    order = query.order
    plain_orders = ("createdTime", "name", "type", "label")
    if query.chosen.ids is not None or query.conditions or query.chosen.name_pattern:
        return None
    if order is None:
        return query.page
    if order.key.kind is not KeyKind.ENTITY_FIELD or order.key.name not in plain_orders:
        return None
    return msgspec.structs.replace(query.page, sort_property=order.key.name, descending=order.descending)


async def permitted_of(
    stores: Stores, principal: Principal, operation: Operation, holders: Mapping[UUID, Holder]
) -> set[UUID]:
    """Return those that the principal may do that to."""
    targets = [target(it) for it in holders.values()]
    known = await all_with_groups(stores.entity_data, principal, operation, targets)
    return {it.id for it in known if may(principal, operation, it)}


class _Reader:
    """Reads what somebody may see of things of one kind."""

    def __init__(self, stores: Stores, principal: Principal, kind: Resource) -> None:
        self.stores, self.principal, self.kind = stores, principal, kind

    async def rows(
        self, ids: Sequence[UUID], readable: Mapping[UUID, Readable], keys: Sequence[EntityKey]
    ) -> list[EntityRow]:
        """Return rows in the order of `ids`."""
        latest = await self.latest({it: readable[it] for it in ids}, keys)
        return [EntityRow(self.kind, it, latest[it]) for it in ids]

    async def latest(
        self, readable: Mapping[UUID, Readable], keys: Sequence[EntityKey]
    ) -> dict[UUID, dict[EntityKey, Known]]:
        """Return what is known of these keys, by thing."""
        found: dict[UUID, dict[EntityKey, Known]] = {it: {} for it in readable}
        names = {kind: [it.name for it in keys if it.kind is kind] for kind in KeyKind}
        if names[KeyKind.ENTITY_FIELD]:
            fields = await fields_of(self.stores, self.principal, self.kind, list(readable))
            _put(found, KeyKind.ENTITY_FIELD, names[KeyKind.ENTITY_FIELD], fields)
        if names[KeyKind.TIME_SERIES]:
            extents = await self._extents(readable, Operation.READ_TELEMETRY)
            series = await self.stores.entity_data.latest_of(extents, names[KeyKind.TIME_SERIES])
            _put(found, KeyKind.TIME_SERIES, names[KeyKind.TIME_SERIES], series)
        extents = await self._extents(readable, Operation.READ_ATTRIBUTES)
        for kind, scopes in SCOPES.items():
            for scope in scopes if names[kind] else ():
                values = await self.stores.entity_data.attributes_of_all(extents, scope, names[kind])
                _put(found, kind, names[kind], values)
        return found

    async def _extents(self, readable: Mapping[UUID, Readable], operation: Operation) -> dict[UUID, Extent]:
        holders = {it: found.holder for it, found in readable.items()}
        seen = await permitted_of(self.stores, self.principal, operation, holders)
        return {it: found.extent for it, found in readable.items() if it in seen}


def _put(
    found: dict[UUID, dict[EntityKey, Known]],
    kind: KeyKind,
    names: Sequence[str],
    values: Mapping[UUID, Mapping[str, Known]],
) -> None:
    """Add values; where a key has one already, the newer counts."""
    for entity_id, known in values.items():
        for name in names:
            key, before = EntityKey(kind, name), found[entity_id].get(EntityKey(kind, name))
            if name in known and (before is None or known[name].ts > before.ts):
                found[entity_id][key] = known[name]


_NAMING = tuple(EntityKey(KeyKind.ENTITY_FIELD, name) for name in ("name", "label", "type"))


def _tested(query: EntityQuery) -> tuple[EntityKey, ...]:
    named = query.chosen.name_pattern or query.page.search
    return tuple(dict.fromkeys([*query.tested, *(_NAMING if named else ())]))


def _is_chosen(query: EntityQuery, latest: Latest) -> bool:
    """Tell whether the name is as asked for, and the search finds something."""
    if not query.chosen.name_pattern and not query.page.search:
        return True
    name, *others = [str(latest[key].value) if key in latest else "" for key in _NAMING]
    search = query.page.search.lower()
    return name_fits(query.chosen.name_pattern, name) and any(search in it.lower() for it in (name, *others))
