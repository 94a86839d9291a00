"""Buckets: how much passes, when the next may, and that nothing passes in part."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deedbox.core.device_limits import DeviceLimits
from deedbox.core.rates import Bucket, Kind, Rate, Whose, take
from deedbox.transports.rates import budget_of

NOW_MS = 1_700_000_000_000


def bucket(count: int, seconds: int) -> Bucket:
    return Bucket(Rate(count, seconds * 1000), Kind.MESSAGES, Whose.DEVICE)


def passes(it: Bucket, now_ms: int, count: int = 1) -> bool:
    return take((it,), count, (), 0, now_ms) is None


@pytest.mark.parametrize(("count", "seconds"), [(1, 1), (3, 1), (7, 60), (1000, 1), (999, 7)])
def test_as_many_pass_at_once_as_the_limit_says(count: int, seconds: int) -> None:
    it = bucket(count, seconds)
    assert [passes(it, NOW_MS) for _ in range(count + 1)] == [True] * count + [False]


def test_it_fills_up_evenly() -> None:
    it = bucket(4, 1)
    assert passes(it, NOW_MS, 4)
    assert not passes(it, NOW_MS + 249)
    assert passes(it, NOW_MS + 250)
    assert not passes(it, NOW_MS + 251)
    assert passes(it, NOW_MS + 10_000, 4) and not passes(it, NOW_MS + 10_000)


def test_a_refusal_says_how_long_to_wait_and_that_is_enough() -> None:
    it = bucket(3, 10)
    assert passes(it, NOW_MS, 3)
    hindrance = take((it,), 2, (), 0, NOW_MS)
    assert hindrance and hindrance.wait_ms == 6_667
    assert not passes(it, NOW_MS + 6_666, 2)
    assert passes(it, NOW_MS + 6_667, 2)


def test_what_no_full_bucket_lets_through_never_passes() -> None:
    it = bucket(3, 10)
    hindrance = take((it,), 4, (), 0, NOW_MS)
    assert hindrance and hindrance.wait_ms is None
    assert passes(it, NOW_MS, 3)


def test_nothing_is_taken_unless_all_lets_it_pass() -> None:
    wide, narrow, points = bucket(10, 1), bucket(1, 60), bucket(5, 1)
    assert take((wide, narrow), 1, (points,), 6, NOW_MS) is not None
    assert take((wide, narrow), 1, (points,), 5, NOW_MS) is None
    hindrance = take((wide, narrow), 1, (points,), 1, NOW_MS)
    assert hindrance and hindrance.bucket is narrow, "the one that takes longest is told"
    assert passes(wide, NOW_MS, 9) and not passes(wide, NOW_MS)


def test_a_clock_that_is_set_back_does_not_lock_out() -> None:
    it = bucket(2, 10)
    assert passes(it, NOW_MS, 2)
    earlier_ms = NOW_MS - 86_400_000
    assert not passes(it, earlier_ms)
    assert passes(it, earlier_ms + 5_000) and not passes(it, earlier_ms + 5_000)


def test_without_limits_everything_passes() -> None:
    messages, telemetry, points = budget_of(DeviceLimits(), Whose.DEVICE)
    assert (messages, telemetry, points) == ((), (), ())
    assert take(messages, 10**9, points, 10**9, NOW_MS) is None


def test_each_limit_makes_its_own_buckets() -> None:
    texts = [f"{number}:1,{number * 10}:60" for number in range(1, 7)]
    limits = msgspec.convert(dict(zip(DeviceLimits.__struct_fields__, texts, strict=False)), DeviceLimits)
    tenants, devices = budget_of(limits, Whose.TENANT), budget_of(limits, Whose.DEVICE)
    assert [[it.rate.count for it in kind] for kind in tenants] == [[1, 10], [2, 20], [3, 30]]
    assert [[it.rate.count for it in kind] for kind in devices] == [[4, 40], [5, 50], [6, 60]]
    joined = devices.joined(tenants)
    assert [(it.whose, it.kind) for it in joined.telemetry_messages] == [
        (Whose.DEVICE, Kind.TELEMETRY_MESSAGES),
        (Whose.DEVICE, Kind.TELEMETRY_MESSAGES),
        (Whose.TENANT, Kind.TELEMETRY_MESSAGES),
        (Whose.TENANT, Kind.TELEMETRY_MESSAGES),
    ]


@given(
    st.integers(1, 50),
    st.integers(1, 20),
    st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 5)), max_size=60),
)
def test_no_stretch_of_time_lets_more_pass_than_it_may(
    count: int, seconds: int, steps: list[tuple[int, int]]
) -> None:
    it, now_ms = bucket(count, seconds), NOW_MS
    passed: list[tuple[int, int]] = []
    for pause_ms, wanted in steps:
        now_ms += pause_ms
        if passes(it, now_ms, wanted):
            passed.append((now_ms, wanted))
    for first, (begin_ms, _) in enumerate(passed):
        total = 0
        for end_ms, many in passed[first:]:
            total += many
            # a full bucket, and what flows in meanwhile
            assert total * seconds * 1000 <= count * (seconds * 1000 + end_ms - begin_ms)
