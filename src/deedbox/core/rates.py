"""Rates: how much of something may pass, written as text, and buckets that count it by anybody's clock.

A limit is a text as the reference server has it: "100:1,2000:60" lets 100 through in a second and 2,000 in a
minute. Buckets fill up evenly, in whole numbers. They are our own, since every message passes here: libraries
take two to eight microseconds per rate, under locks and by the system's clock. All is done on the event loop,
so that nothing comes between asking and taking.
"""

from enum import StrEnum
from typing import NamedTuple

import msgspec

MOST_RATES = 8
_HIGHEST_COUNT = 10**9
_LONGEST_S = 31_622_400
_FORM = "COUNT:SECONDS pairs with commas between, as 100:1,2000:60, or nothing for no limit"


class Kind(StrEnum):
    """What is limited; the names are on the metrics."""

    MESSAGES = "messages"
    TELEMETRY_MESSAGES = "telemetry_messages"
    TELEMETRY_DATA_POINTS = "telemetry_data_points"
    CONNECTIONS = "connections"
    PAYLOAD_BYTES = "payload_bytes"
    REQUESTS = "requests"


class Whose(StrEnum):
    """Whose limit it is; the names are on the metrics. A gateway's is what all devices behind it share."""

    TENANT = "tenant"
    DEVICE = "device"
    GATEWAY = "gateway"
    GATEWAY_DEVICE = "gateway_device"
    CUSTOMER = "customer"


class Rate(msgspec.Struct, frozen=True):
    """At most `count` at once, and as many again spread evenly over each `duration_ms`."""

    count: int
    duration_ms: int


def rates_from(text: str) -> tuple[Rate, ...]:
    """Return the rates of a limit, none for an empty one. Raises ValueError that says what is expected."""
    parts = [part.strip() for part in text.split(",")]
    rates = tuple(_rate(part) for part in parts if part)
    if len(rates) > MOST_RATES:
        raise ValueError(f"at most {MOST_RATES} {_FORM}")
    if len({rate.duration_ms for rate in rates}) < len(rates):
        raise ValueError(f"{_FORM}; each number of seconds once")
    return rates


def limit_text(text: str) -> str:
    """Return a limit without blanks and needless commas. Raises ValueError as `rates_from` does."""
    return ",".join(f"{rate.count}:{rate.duration_ms // 1000}" for rate in rates_from(text))


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

    def room(self, now_ms: int) -> int:
        """Return how many may pass now."""
        now = now_ms * self._count
        return max(0, now + self._span - max(self._full_at, now)) // self._duration_ms

    def charge(self, count: int, at_ms: int) -> None:
        """Count what passed at a moment that is over, within the room that there was."""
        self._full_at = max(self._full_at, at_ms * self._count) + count * self._duration_ms

    def wait_ms(self, lacking: int) -> int:
        """Return the milliseconds until what lacks now is there."""
        return -(-lacking // self._count)


class Hindrance(NamedTuple):
    """The bucket that stops something; `wait_ms` is None when even a full one would not let it pass."""

    bucket: Bucket
    wait_ms: int | None


Buckets = tuple[Bucket, ...]


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


def _rate(part: str) -> Rate:
    count, _, seconds = part.partition(":")
    rate = Rate(_number(count, _HIGHEST_COUNT), _number(seconds, _LONGEST_S) * 1000)
    if not (rate.count and rate.duration_ms):
        raise ValueError(
            f"{_FORM}; {part[:40]!r} is none (COUNT up to {_HIGHEST_COUNT}, SECONDS up to {_LONGEST_S})"
        )
    return rate


def _number(text: str, most: int) -> int:
    """Return a whole number from 1 to `most`, 0 for everything else."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(most))):
        return 0
    return int(digits) if int(digits) <= most else 0
