"""Attributes and points of time series as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from deedbox.api.shapes.entities import Wire
from deedbox.core.attributes import Attribute
from deedbox.core.telemetry import Point
from deedbox.core.values import value_text


class AttributeShape(Wire):
    """An attribute; `lastUpdateTs` in milliseconds since 1970."""

    last_update_ts: int
    key: str
    value: Any


class PointShape(Wire):
    """A value at a moment; a text unless strict data types were asked for."""

    ts: int
    value: Any


SeriesShape = dict[str, list[PointShape]]


def attribute_shape(it: Attribute) -> AttributeShape:
    """Return the wire form of an attribute."""
    return AttributeShape(last_update_ts=it.updated_at, key=it.name, value=it.value)


def series_shape(series: Mapping[str, Sequence[Point]], strict: bool) -> SeriesShape:
    """Return the wire form of points by key; `strict` keeps numbers and booleans what they are."""
    return {key: [_point(point, strict) for point in points] for key, points in series.items()}


def latest_shape(points: Sequence[Point], keys: Sequence[str], strict: bool, now_ms: int) -> SeriesShape:
    """Return latest points by key: all without `keys`, else those, with null at `now_ms` for unknown ones."""
    found = {point.key: [_point(point, strict)] for point in points}
    nothing = [PointShape(ts=now_ms, value=None)]
    return {key: found.get(key, nothing) for key in keys} if keys else found


def _point(it: Point, strict: bool) -> PointShape:
    return PointShape(ts=it.ts, value=it.value if strict else value_text(it.value))
