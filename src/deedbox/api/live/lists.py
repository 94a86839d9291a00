"""Subscriptions to lists of things: a page of them first, then their values as they change.

A list whose things are not all to be seen any more, since a deed ended, is found anew and sent as a whole. A
single thing that is lost ends its subscription.
"""

import asyncio
import logging
from functools import partial
from uuid import UUID

from deedbox.api.entity_queries import found_rows
from deedbox.api.live.commands import EntityDataCommand
from deedbox.api.live.following import Following, Wishes
from deedbox.api.live.outbox import Told, Values
from deedbox.api.live.rows import (
    Asked,
    FoundRows,
    asked_of,
    changed_rows,
    place_of_latest,
    place_of_series,
    read_rows,
    row_shape,
)
from deedbox.api.live.subscriptions import Listener
from deedbox.api.live.updates import EntityDataUpdate, told_point, told_points
from deedbox.api.shapes.entities import Page
from deedbox.api.shapes.entity_queries import EntityDataShape, entity_query
from deedbox.core import holders
from deedbox.core.entity_queries import EntityKey, EntityQuery, KeyKind
from deedbox.core.errors import InvalidValue, Refusal
from deedbox.core.histories import HistoryQuery
from deedbox.core.holders import Extent
from deedbox.core.live import PointsArrived
from deedbox.core.permissions import Operation
from deedbox.core.storage import Stores
from deedbox.core.values import value_text

Keys = tuple[EntityKey, ...]

_log = logging.getLogger(__name__)
_QUERY_FIRST = "This subscription has no query yet. Send the query with the first ENTITY_DATA command."


class ListSubscription:
    """Hears of a page of things; `obey` takes its first command and those that follow."""

    def __init__(self, listener: Listener, subscription_id: int) -> None:
        self._listener = listener
        self._id = subscription_id
        self._query: EntityQuery | None = None
        self._is_dynamic = False
        self._asked = Asked()
        self._followed: Keys = ()
        self._ids: list[UUID] = []
        self._total = (0, False)
        self._followings: dict[UUID, Following] = {}
        self._known: dict[tuple[UUID, EntityKey], Told] = {}
        self._renewing: asyncio.Task[None] | None = None

    @property
    def weight(self) -> int:
        """How many things it follows."""
        return max(1, len(self._followings))

    @property
    def is_asking(self) -> bool:
        """Whether the list is a dynamic one."""
        return self._is_dynamic

    async def obey(self, command: EntityDataCommand) -> None:
        """Do what a command says, and send what there is. Raises NotPermitted, InvalidValue, LimitReached."""
        asked = asked_of(command)
        self.stop()
        if command.query is None:
            if self._query is None:
                raise InvalidValue(_QUERY_FIRST)
            self._asked, self._followed = asked, asked.followed
            found = await self._look_at_all(asked.latest)
            rows = [self._shape(found, it, asked.latest) for it in found.rows]
            await self._listener.outbox.answer(EntityDataUpdate(cmd_id=self._id, update=rows))
        else:
            self._query = entity_query(command.query, self._listener.principal)
            self._asked, self._followed = asked, asked.followed
            self._is_dynamic = command.query.page_link.dynamic
            found = await self._find_page()
            await self._listener.outbox.answer(self._page(found))
        self._follow_on(found)

    async def refresh(self) -> None:
        """Find a dynamic list anew."""
        if self._query is None or not self._is_dynamic or self._renewing:
            return
        listing = await found_rows(self._listener.context, self._listener.principal, self._query)
        if [it.id for it in listing.items] != self._ids:
            self._renew_soon()

    def stop(self) -> None:
        """Hear no more."""
        self._stop_following()
        if self._renewing is not None and self._renewing is not asyncio.current_task():
            self._renewing.cancel()
            self._renewing = None

    @property
    def _found(self) -> EntityQuery:
        if self._query is None:
            raise InvalidValue(_QUERY_FIRST)
        return self._query

    @property
    def _shown(self) -> Keys:
        return tuple(dict.fromkeys([*self._found.shown, *self._asked.latest]))

    async def _find_page(self) -> FoundRows:
        listing = await found_rows(self._listener.context, self._listener.principal, self._found)
        self._ids = [it.id for it in listing.items]
        self._total = listing.total, listing.has_next
        return await self._look_at_all(self._shown)

    async def _look_at_all(self, keys: Keys) -> FoundRows:
        """Listen to each thing of the page, if anything of it is followed, then read them together."""
        self._stop_following()
        if self._asked.is_live:
            self._listener.check_room(len(self._ids) - self.weight)
            live, kind = self._listener.context.live, self._found.chosen.kind
            for it in self._ids:
                wishes = Wishes(
                    partial(self._look, it), partial(self._take, it), self._asked.concerns, self._lost
                )
                self._followings[it] = Following(live, kind, it, wishes)
                self._followings[it].listen()
        return await self._read(self._ids, keys, self._asked.past)

    async def _read(
        self, ids: list[UUID], keys: Keys, past: HistoryQuery | None, *, is_single: bool = False
    ) -> FoundRows:
        context, things = self._listener.context, (self._found.chosen.kind, ids)
        all_keys = tuple(dict.fromkeys([*keys, *self._followed]))

        async def work(stores: Stores) -> FoundRows:
            principal, limits = self._listener.principal, context.reading_limits
            if is_single:
                await holders.permitted(stores.attributes, principal, Operation.READ, things[0], ids[0])
            return await read_rows(stores, principal, things, all_keys, past, limits)

        await context.storage.settle(ids)
        return await context.storage.read(work, context.reading_limits.longest_s)

    def _follow_on(self, found: FoundRows) -> None:
        """Go on from what was read; what was lost meanwhile makes a list be found anew."""
        self._known = {}
        for entity_id, row in found.rows.items():
            for key in self._followed:
                if key in row.latest:
                    known = row.latest[key]
                    self._known[entity_id, key] = Told(known.ts, value_text(known.value))
        for entity_id, following in list(self._followings.items()):
            if entity_id in found.extents:
                following.see(found.extents[entity_id])
            else:
                self._renew_soon()

    async def _look(self, entity_id: UUID) -> Extent:
        """Look at one thing again; send what is new. Raises NotFound, NotPermitted."""
        found = await self._read([entity_id], self._followed, None, is_single=True)
        latest = found.rows[entity_id].latest
        for key in self._followed:
            if key in latest:
                self._tell(entity_id, key, Told(latest[key].ts, value_text(latest[key].value)))
            elif (entity_id, key) in self._known:
                self._tell(entity_id, key, Told(0, ""))
        return found.extents[entity_id]

    def _take(self, entity_id: UUID, change: PointsArrived) -> None:
        for point in change.points:
            self._tell(entity_id, EntityKey(KeyKind.TIME_SERIES, point.key), told_point(point))

    def _tell(self, entity_id: UUID, key: EntityKey, told: Told) -> None:
        """Send a value if it is followed and new."""
        known = self._known.get((entity_id, key))
        if key not in self._followed or told == known:
            return
        if key.kind is KeyKind.TIME_SERIES and key.name in self._asked.series:
            self._tell_series(entity_id, key, told)
        if known is None or told.ts >= known.ts or not told.ts:
            self._known[entity_id, key] = told
            if key in self._asked.latest:
                place = place_of_latest(entity_id, key)
                self._listener.outbox.update(self._id, self._changed, place, told, only_newest=True)

    def _tell_series(self, entity_id: UUID, key: EntityKey, told: Told) -> None:
        # A series that is gone has no point to tell of.
        if told.ts and told.ts >= self._asked.series_from:
            place = place_of_series(entity_id, key.name)
            self._listener.outbox.update(self._id, self._changed, place, told)

    def _lost(self, why: Exception) -> None:
        """End the subscription to a single thing; find a list anew, without what was lost."""
        if self._found.chosen.ids is not None and len(self._found.chosen.ids) == 1:
            self._listener.lost(self._id, why)
        else:
            self._renew_soon()

    def _renew_soon(self) -> None:
        if self._renewing is None:
            self._renewing = asyncio.get_running_loop().create_task(self._renew())

    async def _renew(self) -> None:
        try:
            found = await self._find_page()
            self._listener.outbox.put(self._id, self._page(found))
            self._renewing = None
            self._follow_on(found)
        except Exception as error:
            if not isinstance(error, Refusal):
                _log.exception("a live list ended by a mistake of ours")
            self._listener.lost(self._id, error)

    def _page(self, found: FoundRows) -> EntityDataUpdate:
        total, has_next = self._total
        rows = [self._shape(found, it, self._shown) for it in self._ids if it in found.rows]
        pages = -(-total // self._found.page.size)
        page = Page(data=rows, total_pages=pages, total_elements=total, has_next=has_next)
        return EntityDataUpdate(cmd_id=self._id, data=page)

    def _shape(self, found: FoundRows, entity_id: UUID, keys: Keys) -> EntityDataShape:
        past = self._asked.past
        told: dict[str, list[Told]] = {name: [] for name in past.keys} if past else {}
        for name, points in found.series.get(entity_id, {}).items():
            told[name] = told_points(points)[name]
        return row_shape(found.rows[entity_id], keys, told)

    def _changed(self, values: Values) -> EntityDataUpdate:
        return EntityDataUpdate(cmd_id=self._id, update=changed_rows(self._found.chosen.kind, values))

    def _stop_following(self) -> None:
        for following in self._followings.values():
            following.stop()
        self._followings = {}
