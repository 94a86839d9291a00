"""Cutting time into buckets: fixed lengths, calendars, daylight saving time, limits."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from deedbox.core.buckets import Aggregation, Bucket, BucketTotals, Cut, IntervalType, aggregated, buckets
from deedbox.core.errors import InvalidValue

BERLIN = ZoneInfo("Europe/Berlin")
EMPTY = BucketTotals(0, 0, 0, 0, 0.0)


def ms(text: str, zone: ZoneInfo = BERLIN) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def starts(from_text: str, to_text: str, kind: IntervalType) -> list[str]:
    cut = buckets(ms(from_text), ms(to_text), Cut(0, kind, BERLIN), 100)
    return [datetime.fromtimestamp(it.from_ts / 1000, BERLIN).strftime("%m-%d %H") for it in cut]


def test_fixed_lengths_begin_at_the_start_and_end_at_the_end() -> None:
    assert buckets(5, 48, Cut(20), 10) == [Bucket(5, 25), Bucket(25, 45), Bucket(45, 48)]
    assert [it.middle for it in buckets(5, 48, Cut(20), 10)] == [15, 35, 46]
    assert buckets(5, 8, Cut(1000), 10) == [Bucket(5, 8)]
    assert buckets(5, 5, Cut(10), 10) == []


def test_too_many() -> None:
    assert len(buckets(0, 700, Cut(1), 700)) == 700
    with pytest.raises(InvalidValue, match="More than 700 intervals"):
        buckets(0, 701, Cut(1), 700)


def test_calendars() -> None:
    """Sunday begins a WEEK, Monday a WEEK_ISO; 2024-03-31 has 23 hours in Berlin."""
    dates = "2024-03-27T10:00", "2024-04-09T00:00"
    assert starts(*dates, IntervalType.WEEK) == ["03-27 10", "03-31 00", "04-07 00"]
    assert starts(*dates, IntervalType.WEEK_ISO) == ["03-27 10", "04-01 00", "04-08 00"]
    assert starts(*dates, IntervalType.MONTH) == ["03-27 10", "04-01 00"]
    assert starts("2023-11-30T00:00", "2024-07-01T00:01", IntervalType.QUARTER) == [
        "11-30 00", "01-01 00", "04-01 00", "07-01 00",
    ]  # fmt: skip
    assert starts("2023-12-31T00:00", "2024-01-01T00:01", IntervalType.MONTH) == ["12-31 00", "01-01 00"]


def test_a_day_that_begins_a_week_begins_a_bucket() -> None:
    sunday = "2024-04-07T00:00", "2024-04-14T00:00"
    assert starts(*sunday, IntervalType.WEEK) == ["04-07 00"]


def test_the_calendar_ends() -> None:
    end = int(datetime(9999, 12, 31, 12, tzinfo=UTC).timestamp() * 1000)
    assert buckets(end, end + 10, Cut(0, IntervalType.MONTH), 5) == [Bucket(end, end + 10)]


@pytest.mark.parametrize("aggregation", [Aggregation.MIN, Aggregation.MAX, Aggregation.SUM, Aggregation.AVG])
def test_without_numbers_and_texts_there_is_no_value(aggregation: Aggregation) -> None:
    assert aggregated(aggregation, EMPTY) is None


def test_sums_beyond_64_bit_become_doubles() -> None:
    total = BucketTotals(2, 2, 0, 2**64, 0.0, 2**63 - 1, 2**63 - 1)
    assert aggregated(Aggregation.SUM, total) == float(2**64)
    assert isinstance(aggregated(Aggregation.SUM, total), float)
