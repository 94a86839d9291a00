"""What is read when Prometheus asks, so that it costs nothing in between: queues, places, caches, totals.

Any process can be added up with others: where there are several, limits and what is taken both grow.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Read = Callable[[], float]


class _Family(NamedTuple):
    """A metric: what it says, the one label it may have, whether it only ever goes up."""

    description: str
    label: str = ""
    is_total: bool = False


_FAMILIES: Mapping[str, _Family] = {
    "deedbox_queue_items": _Family("What waits, by queue; bytes where its name says so.", "queue"),
    "deedbox_queue_limit": _Family("How much may wait before more is refused or stopped.", "queue"),
    "deedbox_places_taken": _Family("What is open or under way, by kind.", "kind"),
    "deedbox_places": _Family("How much may be open or under way.", "kind"),
    "deedbox_cache_entries": _Family("What is remembered, by cache.", "cache"),
    "deedbox_cache_limit": _Family("How much is remembered before the oldest gives way.", "cache"),
    "deedbox_database_connection_uses": _Family("Uses of a connection to the database.", is_total=True),
    "deedbox_database_connection_wait_seconds": _Family(
        "Time that was waited for a connection to the database.", is_total=True
    ),
}


class Readings(Collector):
    """Functions that are called for each answer to `/metrics`, on the event loop: they have to be quick."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._reads: dict[str, dict[str, Read]] = {name: {} for name in _FAMILIES}
        registry.register(self)

    def queue(self, queue: str, items: Read, limit: float | None = None) -> None:
        """Show what waits in a queue, and how much may."""
        self._pair(("deedbox_queue_items", "deedbox_queue_limit"), queue, items, limit)

    def places(self, kind: str, taken: Read, limit: float | None = None) -> None:
        """Show how many of a kind are open or under way, and how many may be."""
        self._pair(("deedbox_places_taken", "deedbox_places"), kind, taken, limit)

    def cache(self, cache: str, entries: Read, limit: float) -> None:
        """Show how much is remembered, and how much may be."""
        self._pair(("deedbox_cache_entries", "deedbox_cache_limit"), cache, entries, limit)

    def connection_waits(self, uses: Read, wait_s: Read) -> None:
        """Show how often a connection to the database was used, and how long was waited for one in all."""
        self._reads["deedbox_database_connection_uses"][""] = uses
        self._reads["deedbox_database_connection_wait_seconds"][""] = wait_s

    def collect(self) -> Iterable[Metric]:
        """Read everything now."""
        for name, (description, label, is_total) in _FAMILIES.items():
            made = CounterMetricFamily if is_total else GaugeMetricFamily
            family = made(name, description, labels=[label] if label else [])
            for value, read in self._reads[name].items():
                family.add_metric([value] if label else [], read())
            yield family

    def _pair(self, names: tuple[str, str], value: str, read: Read, limit: float | None) -> None:
        self._reads[names[0]][value] = read
        if limit is not None:
            self._reads[names[1]][value] = lambda: limit
