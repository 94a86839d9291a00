"""Attributes in SQLite: whose row counts for whom, and when it stops counting (behaviour §5.3)."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from deedbox.core.attributes import NewAttribute, Scope, Writer
from deedbox.core.holders import Extent
from deedbox.core.values import Value
from tests.storage.values_bench import DATABASES, ValuesBench, opened_values_bench

SHARED, SERVER, CLIENT = Scope.SHARED_SCOPE, Scope.SERVER_SCOPE, Scope.CLIENT_SCOPE
TENANT, CUSTOMER = Writer.TENANT, Writer.CUSTOMER


@pytest.fixture(params=DATABASES)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ValuesBench]:
    async with opened_values_bench(request.param, tmp_path) as bench:
        yield bench


async def write(
    bench: ValuesBench, device_id: UUID, writer: Writer, value: Value, scope: Scope = SHARED
) -> None:
    await bench.write_attributes([NewAttribute(device_id, scope, "a", writer, value, bench.now_ms)])


async def test_an_owners_value_shadows_the_tenants_while_its_deed_is_open(bench: ValuesBench) -> None:
    device_id = bench.device()
    await write(bench, device_id, TENANT, "factory")
    bench.set_epoch(device_id, 1)
    await write(bench, device_id, CUSTOMER, "mine")
    assert await bench.attributes(device_id, SHARED, Extent(0, 1)) == {"a": "mine"}
    bench.set_epoch(device_id, 2)
    assert await bench.attributes(device_id, SHARED, Extent(0, 2)) == {"a": "factory"}
    bench.set_epoch(device_id, 3)
    assert await bench.attributes(device_id, SHARED, Extent(0, 3)) == {"a": "factory"}


async def test_the_tenants_write_takes_the_place_of_the_owners(bench: ValuesBench) -> None:
    device_id = bench.device()
    bench.set_epoch(device_id, 1)
    await write(bench, device_id, CUSTOMER, "mine")
    await write(bench, device_id, TENANT, "recall")
    assert await bench.attributes(device_id, SHARED, Extent(0, 1)) == {"a": "recall"}
    await write(bench, device_id, CUSTOMER, "mine again")
    assert await bench.attributes(device_id, SHARED, Extent(0, 1)) == {"a": "mine again"}


async def test_the_tenants_server_attribute_leaves_shared_ones_alone(bench: ValuesBench) -> None:
    device_id = bench.device()
    bench.set_epoch(device_id, 1)
    await write(bench, device_id, CUSTOMER, "mine")
    await write(bench, device_id, TENANT, "server", SERVER)
    assert await bench.attributes(device_id, SHARED, Extent(0, 1)) == {"a": "mine"}


async def test_what_the_device_reported_is_hidden_until_it_reports_again(bench: ValuesBench) -> None:
    device_id = bench.device()
    for epoch, values in ((0, {"fw": "1", "ip": "old"}), (2, {"fw": "2"})):
        bench.set_epoch(device_id, epoch)
        await bench.report(device_id, dict(values))
    assert await bench.attributes(device_id, CLIENT, Extent(0, 2)) == {"fw": "2", "ip": "old"}
    assert await bench.attributes(device_id, CLIENT, Extent(1, 2)) == {"fw": "2"}
    assert await bench.attributes(device_id, CLIENT, Extent(3, 3)) == {}


async def test_deleting(bench: ValuesBench) -> None:
    """The tenant deletes whoever wrote it, an owner what it wrote in its own deed."""
    device_id = bench.device()
    for epoch in (1, 3):
        bench.set_epoch(device_id, epoch)
        await write(bench, device_id, CUSTOMER, epoch)
    for left in ({"a": 1}, {}):
        now = Extent(0, 3 if left else 1)
        await bench.storage.write(lambda it: it.attributes.drop_owner_attributes(device_id, SHARED, ["a"]))
        assert await bench.attributes(device_id, SHARED, now) == {}
        bench.set_epoch(device_id, 1)
        assert await bench.attributes(device_id, SHARED, Extent(0, 1)) == left
    await write(bench, device_id, TENANT, "t")
    await write(bench, device_id, CUSTOMER, "c")
    await bench.storage.write(lambda it: it.attributes.drop_attributes(device_id, SHARED, ["a", "none"]))
    assert await bench.attributes(device_id, SHARED, Extent(0, 1)) == {}


async def test_devices_that_are_gone_store_nothing(bench: ValuesBench) -> None:
    gone = uuid4()
    await bench.report(gone, {"a": 1})
    await write(bench, gone, TENANT, 1)
    for scope in Scope:
        assert await bench.attributes(gone, scope, Extent(0, 0)) == {}
    on_customer = NewAttribute(gone, SERVER, "a", TENANT, 1, 0, on_device=False)
    await bench.write_attributes([on_customer])
    assert await bench.attributes(gone, SERVER, Extent(0, 0)) == {"a": 1}
