"""Time series in SQLite: which value stays, epochs kept apart, aggregates against a model in Python."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deedbox.core.buckets import Aggregation, Bucket, Cut, aggregated, buckets
from deedbox.core.holders import Extent
from deedbox.core.telemetry import Point, Recording, Span
from deedbox.core.values import Value
from deedbox.storage.stores import Stores
from tests.storage.values_bench import DATABASES, ValuesBench, opened_values_bench

ALL = Extent(0, 0)


@pytest.fixture(params=DATABASES)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ValuesBench]:
    async with opened_values_bench(request.param, tmp_path) as bench:
        yield bench


async def history(bench: ValuesBench, device_id: UUID, extent: Extent = ALL) -> list[tuple[int, Value]]:
    points = await bench.points(device_id, "t", extent)
    return [(point.ts, point.value) for point in points]


async def test_the_newest_moment_stays_the_latest(bench: ValuesBench) -> None:
    device_id = bench.device()
    for points in ([(5, "a")], [(4, "b")], [(5, "c")], [(3, "d"), (6, "e"), (2, "f")], [(6, "g"), (6, "h")]):
        await bench.record(device_id, [Point("t", ts, value) for ts, value in points])
    assert await bench.latest(device_id) == {"t": (6, "h")}
    assert await history(bench, device_id) == [(2, "f"), (3, "d"), (4, "b"), (5, "c"), (6, "h")]


async def test_epochs_never_overwrite_each_other(bench: ValuesBench) -> None:
    """A write now can neither overwrite nor pose as a row of an earlier epoch (behaviour §5.3)."""
    device_id = bench.device()
    for epoch, ts in ((0, 9), (1, 5), (2, 5)):
        bench.set_epoch(device_id, epoch)
        await bench.record(device_id, [Point("t", ts, epoch), Point(f"only{epoch}", ts, epoch)])
    assert await history(bench, device_id) == [(5, 2), (9, 0)]
    assert await history(bench, device_id, Extent(1, 2)) == [(5, 2)]
    assert await history(bench, device_id, Extent(3, 3)) == []
    assert (await bench.latest(device_id))["t"] == (9, 0)
    assert await bench.latest(device_id, Extent(1, 2)) == {"only1": (5, 1), "only2": (5, 2), "t": (5, 2)}
    assert await bench.latest(device_id, Extent(3, 3)) == {}


async def test_devices_that_are_gone_store_nothing(bench: ValuesBench) -> None:
    gone, stays = uuid4(), bench.device()
    await bench.record_all([Recording(it, [Point("t", 1, 1)]) for it in (gone, stays)])
    assert await history(bench, gone) == []
    assert await bench.latest(gone) == {}
    assert await history(bench, stays) == [(1, 1)]


async def test_other_entities_have_epoch_0(bench: ValuesBench) -> None:
    customer_id = uuid4()
    await bench.record_all([Recording(customer_id, [Point("t", 1, 1)], on_device=False)])
    assert await history(bench, customer_id) == [(1, 1)]


async def test_one_transaction_takes_many_devices_and_keys(bench: ValuesBench) -> None:
    devices = [bench.device() for _ in range(20)]
    points = [Point(f"k{number}", number, number) for number in range(40)]
    await bench.record_all([Recording(it, points) for it in devices])
    for device_id in devices:
        assert len(await bench.latest(device_id)) == 40


async def test_every_kind_comes_back_as_it_went(bench: ValuesBench) -> None:
    device_id = bench.device()
    values: list[Value] = [
        True,
        False,
        0,
        -(2**63),
        2**63 - 1,
        1.5,
        42.0,
        -0.0,
        "",
        "Größe\n",
        [],
        {"a": [None]},
    ]
    await bench.record(device_id, [Point("t", ts, value) for ts, value in enumerate(values)])
    found = [value for _, value in await history(bench, device_id)]
    assert [(it, type(it)) for it in found] == [(it, type(it)) for it in values]


async def test_expired_points_are_deleted_a_few_at_a_time(bench: ValuesBench) -> None:
    device_id = bench.device()
    points = [Point("t", ts, ts) for ts in range(5)]
    await bench.record_all([Recording(device_id, points, expires_at=bench.now_ms + 1)])
    await bench.record(device_id, [Point("t", 9, 9)])
    bench.now_ms += 1
    assert await history(bench, device_id) == [(9, 9)]

    async def sweep(stores: Stores) -> int:
        transaction = stores.transaction
        return await transaction.run("delete_expired_points", before_ms=bench.now_ms + 1, row_limit=3)

    assert [await bench.storage.write(sweep) for _ in range(3)] == [3, 2, 0]
    assert await history(bench, device_id) == [(9, 9)]


VALUES = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.integers(-5, 5)
    | st.floats(-1e9, 1e9)
    | st.text("abcäß", max_size=3)
    | st.lists(st.none(), max_size=1)
)
POINTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 2), VALUES), max_size=30)
CUTS = st.tuples(st.integers(0, 30), st.integers(0, 70), st.integers(1, 40))


@settings(max_examples=(settings.default or settings()).max_examples // 2)
@given(points=POINTS, cut=CUTS, from_epoch=st.integers(0, 3))
async def test_aggregates_are_those_of_a_model(
    tmp_path_factory: pytest.TempPathFactory,
    points: list[tuple[int, int, Value]],
    cut: tuple[int, int, int],
    from_epoch: int,
) -> None:
    """Each aggregation over random points of three epochs, as counting in Python finds it."""
    bench = ValuesBench(tmp_path_factory.mktemp("model"))
    device_id = bench.device()
    for epoch in range(3):
        bench.set_epoch(device_id, epoch)
        await bench.record(device_id, [Point("t", ts, it) for ts, of, it in points if of == epoch])
    wanted = buckets(cut[0], cut[1], Cut(cut[2]), 100)
    found = await bench.totals(device_id, "t", Extent(from_epoch, 2), wanted)
    for aggregation in list(Aggregation)[1:]:
        model = {it: _model(points, from_epoch, it, aggregation) for it in wanted}
        answer = dict.fromkeys(wanted) | {it: aggregated(aggregation, total) for it, total in found}
        for bucket in wanted:
            assert _same(answer[bucket], model[bucket]), (aggregation, bucket)
    await bench.close()


def _model(
    points: Sequence[tuple[int, int, Value]], from_epoch: int, bucket: Bucket, aggregation: Aggregation
) -> Value | None:
    newest: dict[int, tuple[int, Value]] = {}
    for ts, epoch, value in points:
        if epoch >= from_epoch and epoch >= newest.get(ts, (0, 0))[0]:
            newest[ts] = epoch, value
    values = [value for ts, (_, value) in newest.items() if bucket.from_ts <= ts < bucket.to_ts]
    if aggregation is Aggregation.COUNT:
        return len(values) or None
    numbers = [it for it in values if isinstance(it, int | float) and not isinstance(it, bool)]
    texts = [it for it in values if isinstance(it, str)]
    if aggregation in (Aggregation.MIN, Aggregation.MAX):
        of = min if aggregation is Aggregation.MIN else max
        if not numbers:
            return of(texts) if texts else None
        return float(of(numbers)) if any(isinstance(it, float) for it in numbers) else of(numbers)
    if not numbers:
        return None
    total = sum(it for it in numbers if isinstance(it, int)) + sum(
        it for it in numbers if isinstance(it, float)
    )
    if aggregation is Aggregation.AVG:
        return total / len(numbers)
    return total if isinstance(total, float) or -(2**63) <= total < 2**63 else float(total)


def _same(one: Value | None, other: Value | None) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == pytest.approx(other, rel=1e-9, abs=1e-3)
    return one == other and type(one) is type(other)


async def test_spans_and_orders(bench: ValuesBench) -> None:
    device_id = bench.device()
    await bench.record(device_id, [Point("t", ts, ts) for ts in range(10)])
    for newest_first, expected in ((True, [6, 5, 4]), (False, [3, 4, 5])):
        found = await bench.points(device_id, "t", ALL, Span(3, 7, 3, newest_first))
        assert [point.ts for point in found] == expected
