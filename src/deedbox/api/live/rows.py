"""What lists of things are made of: their rows, and the wishes of a command about them."""

from collections.abc import Mapping, Sequence
from typing import cast
from uuid import UUID

import msgspec

from deedbox.api.live.commands import EntityDataCommand
from deedbox.api.live.outbox import Told, Values
from deedbox.api.live.time_series import window_query
from deedbox.api.shapes.entities import EntityId
from deedbox.api.shapes.entity_queries import EntityDataShape, TsValueShape
from deedbox.core import entity_data, histories
from deedbox.core.entity_data import Candidates, EntityRow
from deedbox.core.entity_queries import SCOPES, Chosen, EntityKey, EntityQuery, KeyKind, check_size
from deedbox.core.errors import InvalidValue
from deedbox.core.histories import HistoryQuery, ReadingLimits, Series
from deedbox.core.holders import Extent
from deedbox.core.live import AttributesChanged
from deedbox.core.paging import PageRequest
from deedbox.core.permissions import Principal, Resource
from deedbox.core.storage import Stores
from deedbox.core.values import value_text

#: Where a value goes in an update: the thing, the kind of its key (None for a series) and its name.
Place = tuple[UUID, KeyKind | None, str]


class Asked(msgspec.Struct, frozen=True):
    """What a command wants of its things: `latest` values and `series` from `series_from` on are followed.

    `past` is the history that comes first.
    """

    latest: tuple[EntityKey, ...] = ()
    series: frozenset[str] = frozenset()
    series_from: int = 0
    past: HistoryQuery | None = None

    @property
    def is_live(self) -> bool:
        """Tell whether anything is followed."""
        return bool(self.latest or self.series)

    @property
    def followed(self) -> tuple[EntityKey, ...]:
        """The newest values that are of interest."""
        newest = [EntityKey(KeyKind.TIME_SERIES, name) for name in self.series]
        return tuple(dict.fromkeys([*self.latest, *newest]))

    def concerns(self, change: AttributesChanged) -> bool:
        """Tell whether changed attributes are among the latest values that are followed."""
        return any(change.scope in SCOPES.get(it.kind, ()) and it.name in change.names for it in self.latest)


class FoundRows(msgspec.Struct, frozen=True):
    """Rows by thing, how far each may be seen, and their histories."""

    rows: dict[UUID, EntityRow]
    extents: dict[UUID, Extent]
    series: dict[UUID, Series]


def asked_of(command: EntityDataCommand) -> Asked:
    """Return what a command wants. Raises InvalidValue."""
    latest = tuple(EntityKey(it.type, it.key) for it in command.latest_cmd.keys) if command.latest_cmd else ()
    window, past = command.ts_cmd, command.history_cmd
    if window is not None:
        query = window_query(window.keys, window, window.start_ts + window.time_window)
        return Asked(latest, frozenset(window.keys), window.start_ts, query)
    if past is not None:
        return Asked(latest, past=window_query(past.keys, past, past.end_ts))
    return Asked(latest)


async def read_rows(
    stores: Stores,
    principal: Principal,
    things: tuple[Resource, Sequence[UUID]],
    keys: Sequence[EntityKey],
    past: HistoryQuery | None,
    limits: ReadingLimits,
) -> FoundRows:
    """Return those of the things that the principal may see, on one snapshot. Raises InvalidValue."""
    kind, ids = things
    query = EntityQuery(Chosen(kind, tuple(ids)), PageRequest(size=max(1, len(ids))), tuple(keys))
    check_size(query)
    listing = await entity_data.answer(stores, principal, query, Candidates(ids))
    rows = {it.id: it for it in listing.items}
    seen = await entity_data.readable(stores, principal, kind, list(rows))
    series: dict[UUID, Series] = {}
    if past is not None:
        series = await _histories(stores, principal, kind, list(rows), past, limits)
    return FoundRows(rows, {it: seen[it].extent for it in rows}, series)


async def _histories(
    stores: Stores,
    principal: Principal,
    kind: Resource,
    ids: Sequence[UUID],
    past: HistoryQuery,
    limits: ReadingLimits,
) -> dict[UUID, Series]:
    found: dict[UUID, Series] = {}
    left = limits.most_points
    for it in ids:
        found[it] = await histories.history(stores.time_series, principal, kind, it, past, limits)
        left -= sum(map(len, found[it].values()))
        if left < 0:
            raise InvalidValue(
                f"The answer would have more than {limits.most_points} points. "
                "Ask for a shorter time, fewer keys, fewer things, or an aggregation."
            )
    return found


def row_shape(row: EntityRow, keys: Sequence[EntityKey], series: Mapping[str, list[Told]]) -> EntityDataShape:
    """Return a row as it is sent, "" at 0 where there is no value; `series` oldest first."""
    shape = EntityDataShape(entity_id=EntityId(row.kind.value, row.id), latest={})
    for key in keys:
        known = row.latest.get(key)
        told = Told(known.ts, value_text(known.value)) if known else Told(0, "")
        shape.latest.setdefault(key.kind, {})[key.name] = _ts_value(told)
    shape.timeseries = {name: [_ts_value(it) for it in reversed(told)] for name, told in series.items()}
    return shape


def place_of_latest(entity_id: UUID, key: EntityKey) -> Place:
    """Return where a latest value goes in an update."""
    return entity_id, key.kind, key.name


def place_of_series(entity_id: UUID, name: str) -> Place:
    """Return where points of a series go in an update."""
    return entity_id, None, name


def changed_rows(kind: Resource, values: Values) -> list[EntityDataShape]:
    """Return what changed, as it is sent; `values` by places, each oldest first."""
    rows: dict[UUID, EntityDataShape] = {}
    for place, told in values.items():
        entity_id, key_kind, name = cast(Place, place)
        empty = EntityDataShape(entity_id=EntityId(kind.value, entity_id), latest={})
        row = rows.setdefault(entity_id, empty)
        if key_kind is None:
            row.timeseries[name] = [_ts_value(it) for it in reversed(told)]
        else:
            row.latest.setdefault(key_kind, {})[name] = _ts_value(told[-1])
    return list(rows.values())


def _ts_value(it: Told) -> TsValueShape:
    return TsValueShape(ts=it.ts, value=it.text)
