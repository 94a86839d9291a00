"""Several questions about one thing's time series at once, as newer clients ask them."""

from typing import Any

from deedbox.api.history_parameters import HistoryParameters
from deedbox.api.shapes.entities import Wire
from deedbox.core.telemetry import Point
from deedbox.core.values import Value, value_text


class CutShape(Wire):
    """How points become one value for each interval."""

    aggregation: str | None = None
    interval_type: str | None = None
    tz_id: str | None = None
    interval: int | None = None


class SeriesQueryShape(Wire):
    """A question about one series; `id` comes back with its answer. `aggregation` may stand on its own."""

    key: str
    start_ts: int
    end_ts: int
    id: int = 0
    agg_parameters: CutShape | None = None
    aggregation: str | None = None
    interval: int | None = None
    limit: int = 100
    order: str = "DESC"


class SeriesPointShape(Wire):
    """A point; `value` is what it is, `valueAsString` its text."""

    ts: int
    key: str
    value: Any
    value_as_string: str
    data_type: str


class SeriesAnswerShape(Wire):
    """The answer to the question of that id; `lastEntryTs` is the newest moment in it, else `startTs`."""

    query_id: int
    data: list[SeriesPointShape]
    last_entry_ts: int


def parameters_of(it: SeriesQueryShape) -> HistoryParameters:
    """Return the question in the words of a history's address."""
    cut = it.agg_parameters or CutShape()
    return HistoryParameters(
        start_ts=str(it.start_ts),
        end_ts=str(it.end_ts),
        interval_type=cut.interval_type or "MILLISECONDS",
        interval=str(cut.interval or it.interval or 0),
        time_zone=cut.tz_id,
        limit=it.limit,
        agg=cut.aggregation or it.aggregation or "NONE",
        order_by=it.order,
    )


def series_answer(it: SeriesQueryShape, points: list[Point]) -> SeriesAnswerShape:
    """Return the wire form of the points that answer a question."""
    newest = max((point.ts for point in points), default=it.start_ts)
    return SeriesAnswerShape(query_id=it.id, data=[_point(it) for it in points], last_entry_ts=newest)


def _point(it: Point) -> SeriesPointShape:
    text = value_text(it.value)
    return SeriesPointShape(
        ts=it.ts, key=it.key, value=it.value, value_as_string=text, data_type=_data_type(it.value)
    )


def _data_type(value: Value) -> str:
    names = {bool: "BOOLEAN", int: "LONG", float: "DOUBLE", str: "STRING"}
    return names.get(type(value), "JSON")
