"""Counts what devices send against rates: buckets that fill up evenly, in whole numbers, by anybody's clock.

Our own, since every message passes here: libraries take two to eight microseconds per rate, under locks and
by the system's clock. All is done on the event loop, so that nothing comes between asking and taking.
"""

from enum import StrEnum
from typing import NamedTuple

from deedbox.core.device_limits import DeviceLimits, Rate, rates_from


class Kind(StrEnum):
    """What is counted; the names are on the metrics."""

    MESSAGES = "messages"
    TELEMETRY_MESSAGES = "telemetry_messages"
    TELEMETRY_DATA_POINTS = "telemetry_data_points"


class Whose(StrEnum):
    """Whose limit it is; the names are on the metrics."""

    TENANT = "tenant"
    DEVICE = "device"


class Bucket:
    """One rate of one limit, full in the beginning. Ask `lacks` first; `take` says that it passed."""

    __slots__ = ("_count", "_duration_ms", "_full_at", "_next_full_at", "_span", "kind", "rate", "whose")

    def __init__(self, rate: Rate, kind: Kind, whose: Whose) -> None:
        self.rate, self.kind, self.whose = rate, kind, whose
        self._count, self._duration_ms = rate.count, rate.duration_ms
        # Moments are in milliseconds times `count`: one more costs `duration_ms`, and nothing is rounded.
        self._span = rate.count * rate.duration_ms
        self._full_at = self._next_full_at = 0

    def lacks(self, wanted: int, now_ms: int) -> int:
        """Return 0 when so many may pass now, else what is missing, to be understood by `wait_ms`."""
        now, begin = now_ms * self._count, self._full_at
        latest = now + self._span
        if begin < now:
            begin = now
        elif begin > latest:  # the clock was set back; that must not keep the bucket empty for long
            self._full_at = begin = latest
        self._next_full_at = end = begin + wanted * self._duration_ms
        return end - latest if end > latest else 0

    def take(self) -> None:
        """Let pass what was asked for last."""
        self._full_at = self._next_full_at

    def wait_ms(self, lacking: int) -> int:
        """Return the milliseconds until what lacks now is there."""
        return -(-lacking // self._count)


class Hindrance(NamedTuple):
    """The bucket that stops something; `wait_ms` is None when even a full one would not let it pass."""

    bucket: Bucket
    wait_ms: int | None


Buckets = tuple[Bucket, ...]


class Budget(NamedTuple):
    """The buckets of all kinds that count for somebody."""

    messages: Buckets = ()
    telemetry_messages: Buckets = ()
    telemetry_data_points: Buckets = ()

    def joined(self, other: "Budget") -> "Budget":
        """Return a budget in which the buckets of both count."""
        return Budget(*(own + others for own, others in zip(self, other, strict=True)))


def budget_of(limits: DeviceLimits, whose: Whose) -> Budget:
    """Return full buckets for a tenant or for one of its devices."""
    texts = ((kind, getattr(limits, f"{whose}_{kind}")) for kind in Kind)
    return Budget(*(tuple(Bucket(rate, kind, whose) for rate in rates_from(text)) for kind, text in texts))


def take(ones: Buckets, count: int, others: Buckets, other_count: int, now_ms: int) -> Hindrance | None:
    """Let `count` pass through the ones and `other_count` through the others, all or nothing.

    Return None, or what hinders it the longest.
    """
    for bucket in ones:
        if bucket.lacks(count, now_ms):
            return _longest([(it, count) for it in ones] + [(it, other_count) for it in others], now_ms)
    for bucket in others:
        if bucket.lacks(other_count, now_ms):
            return _longest([(it, count) for it in ones] + [(it, other_count) for it in others], now_ms)
    for bucket in ones:
        bucket.take()
    for bucket in others:
        bucket.take()
    return None


def _longest(asked: list[tuple[Bucket, int]], now_ms: int) -> Hindrance:
    found = [(bucket, wanted, bucket.lacks(wanted, now_ms)) for bucket, wanted in asked]
    waits = [_hindrance(*it) for it in found if it[2]]
    return max(waits, key=lambda it: float("inf") if it.wait_ms is None else it.wait_ms)


def _hindrance(bucket: Bucket, wanted: int, lacking: int) -> Hindrance:
    return Hindrance(bucket, None if wanted > bucket.rate.count else bucket.wait_ms(lacking))
