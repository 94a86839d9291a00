"""Subscriptions to time series of one entity: latest values or a history first, then points as they come."""

from collections.abc import Iterable, Sequence

from deedbox.api.history_parameters import HistoryParameters, Order, history_query
from deedbox.api.live.commands import HistoryCommand, HistoryShape, TimedCommand, TimeSeriesCommand
from deedbox.api.live.following import Following, Wishes
from deedbox.api.live.outbox import Told, Values
from deedbox.api.live.subscriptions import Listener
from deedbox.api.live.updates import SeriesUpdate, series_update, told_point, told_points
from deedbox.api.values import entity, named_keys
from deedbox.core import histories, holders
from deedbox.core.errors import InvalidValue
from deedbox.core.histories import HistoryQuery
from deedbox.core.holders import Extent
from deedbox.core.live import AttributesChanged, PointsArrived
from deedbox.core.permissions import Operation
from deedbox.core.storage import Stores
from deedbox.core.telemetry import Point

_DEFAULT_LIMIT = 100
_NOTHING = Told(-1, "")


class SeriesSubscription:
    """Hears of time series of one entity."""

    weight = 1
    is_asking = False

    def __init__(self, listener: Listener, command: TimeSeriesCommand) -> None:
        self._listener = listener
        self._id = command.cmd_id
        self._kind, self._entity_id = entity(command.entity_type, command.entity_id)
        self._keys = named_keys(command.keys, None)
        self._history: HistoryQuery | None = None
        if command.time_window > 0:
            end_ts = command.start_ts + command.time_window
            self._history = window_query(_named(self._keys), command, end_ts)
        self._known: dict[str, Told] = {}
        self._is_answered = False
        wishes = Wishes(self._look, self._take, _does_not_concern, lambda why: listener.lost(self._id, why))
        self._following = Following(listener.context.live, self._kind, self._entity_id, wishes)

    async def begin(self) -> None:
        """Send what there is, then follow it. Raises NotFound, NotPermitted, InvalidValue."""
        await self._following.begin()

    async def refresh(self) -> None:
        """All points are told."""

    def stop(self) -> None:
        """Hear no more."""
        self._following.stop()

    async def _look(self) -> Extent:
        context, principal = self._listener.context, self._listener.principal
        past = None if self._is_answered else self._history

        async def work(stores: Stores) -> tuple[Extent, list[Point]]:
            store = stores.time_series
            named = (self._kind, self._entity_id)
            holder = await holders.permitted(store, principal, Operation.READ_TELEMETRY, *named)
            extent = holders.extent(holder, principal)
            if past is None:
                return extent, await histories.latest(store, principal, *named)
            found = await histories.history(store, principal, *named, past, context.reading_limits)
            return extent, [point for points in found.values() for point in points]

        await context.storage.settle([self._entity_id])
        read = context.storage.read if past is None else context.storage.read_history
        extent, found = await read(work, context.reading_limits.longest_s)
        await self._send(found)
        return extent

    async def _send(self, found: Iterable[Point]) -> None:
        if self._is_answered:
            self._pass_on(found)
            return
        self._is_answered = True
        values = told_points(self._wanted(found))
        self._known = {str(key): told[-1] for key, told in values.items()}
        await self._listener.outbox.answer(self._shape(values))

    def _take(self, change: PointsArrived) -> None:
        self._pass_on(change.points)

    def _pass_on(self, points: Iterable[Point]) -> None:
        """Send points that are wanted and not known yet; older ones than the newest for a history only."""
        for point in self._wanted(points):
            told, known = told_point(point), self._known.get(point.key, _NOTHING)
            if told == known or (self._history is None and told.ts < known.ts):
                continue
            if told.ts >= known.ts:
                self._known[point.key] = told
            is_latest = self._history is None
            self._listener.outbox.update(self._id, self._shape, point.key, told, only_newest=is_latest)

    def _wanted(self, points: Iterable[Point]) -> list[Point]:
        from_ts = self._history.span.from_ts if self._history else 0
        return [it for it in points if it.ts >= from_ts and (not self._keys or it.key in self._keys)]

    def _shape(self, values: Values) -> SeriesUpdate:
        return series_update(self._id, values)


async def history_update(listener: Listener, command: HistoryCommand) -> SeriesUpdate:
    """Return a history. Raises NotFound, NotPermitted, InvalidValue."""
    kind, entity_id = entity(command.entity_type, command.entity_id)
    query = window_query(_named(named_keys(command.keys, None)), command, command.end_ts)
    context = listener.context

    async def work(stores: Stores) -> histories.Series:
        return await histories.history(
            stores.time_series, listener.principal, kind, entity_id, query, context.reading_limits
        )

    await context.storage.settle([entity_id])
    found = await context.storage.read_history(work, context.reading_limits.longest_s)
    return series_update(command.cmd_id, told_points(point for points in found.values() for point in points))


def window_query(keys: Sequence[str], asked: HistoryShape | TimedCommand, end_ts: int) -> HistoryQuery:
    """Return the question for a history up to a moment. Raises InvalidValue, naming what is wrong."""
    parameters = HistoryParameters(
        start_ts=str(asked.start_ts),
        end_ts=str(end_ts),
        interval_type=asked.interval_type or "MILLISECONDS",
        interval=str(asked.interval),
        time_zone=asked.time_zone_id,
        limit=asked.limit or _DEFAULT_LIMIT,
        agg=asked.agg or "NONE",
        order_by=Order.DESC,
    )
    return history_query(keys, parameters)


def _named(keys: list[str]) -> list[str]:
    if not keys:
        raise InvalidValue('keys are missing: name time series with commas between, as "keys": "a,b".')
    return keys


def _does_not_concern(_: AttributesChanged) -> bool:
    return False
