"""What ended deeds left behind is out of sight at once and deleted in bites, over the real storage."""

from uuid import UUID

from deedbox.core import attributes, value_erasure
from deedbox.core.attributes import Attribute, NewAttribute, Scope, Writer
from deedbox.core.holders import tenant_extent
from deedbox.core.permissions import Resource
from deedbox.core.telemetry import Point, Recording, Span
from deedbox.storage.stores import Stores
from deedbox.testing.claim_bench import PreparedDevice
from deedbox.testing.claim_scene import ACME, GLOBEX, ClaimScene, made_device
from tests.storage.sqlite_bench import StorageBench

DEVICE = made_device(1).id
EVERYTHING = Span(0, 2**53, 10_000, False)
SOON_MS = 11_000


async def measure(bench: StorageBench, *values: int) -> None:
    """The device measures each value at a moment of the same number."""

    async def work(stores: Stores) -> None:
        await stores.time_series.write_points([Recording(DEVICE, [Point("t", it, it) for it in values])])

    await bench.storage.write(work)


async def describe(bench: StorageBench, name: str) -> None:
    """Tenant, owner and device write an attribute each."""

    async def work(stores: Stores) -> None:
        await attributes.write(
            stores.attributes,
            [
                NewAttribute(DEVICE, Scope.SHARED_SCOPE, f"{writer.name} {name}", writer, 1, 5)
                for writer in Writer
            ],
        )

    await bench.storage.write(work)


async def seen_by_tenant(bench: StorageBench) -> tuple[list[int], list[int], list[str]]:
    """Points, latest values and names of attributes of owners and devices that the tenant may see."""

    async def work(stores: Stores) -> tuple[list[Point], list[Point], list[Attribute]]:
        store = stores.time_series
        holder = await store.holder(Resource.DEVICE, DEVICE)
        assert holder
        extent = tenant_extent(holder)
        return (
            await store.points(DEVICE, "t", extent, EVERYTHING),
            await store.latest_points(DEVICE, extent),
            await stores.attributes.attributes_of(DEVICE, [Scope.SHARED_SCOPE], extent),
        )

    points, latest, shared = await bench.storage.read(work)
    return [it.ts for it in points], [it.ts for it in latest], sorted(it.name for it in shared)


async def stored(bench: StorageBench) -> tuple[list[int], list[str]]:
    """Moments of points and names of attributes that the database holds."""
    points = bench.sql("select ts from time_series order by ts")
    names = bench.sql("select name from attribute order by name")
    return [ts for (ts,) in points], [name for (name,) in names]


async def bites(bench: StorageBench, most: int) -> int:
    """Erase until nothing is due; return how many bites it took."""
    count = 0
    while await bench.storage.look(lambda stores: value_erasure.is_due(stores.value_erasure)):
        count += await bench.storage.write(lambda stores: value_erasure.erase(stores.value_erasure, most))
    return count


async def owned_and_given_back(bench: StorageBench, owner: UUID, value: int, *, erases: bool) -> None:
    """A customer owns the device for a while, in which it measures."""
    scene = ClaimScene(bench)
    await bench.add_device(PreparedDevice(made_device(1), erases_values=erases))
    await scene.assign(made_device(1), owner)
    await measure(bench, value, value + 1, value + 2)
    await describe(bench, str(value))
    await scene.unassign(made_device(1))


async def test_it_is_out_of_sight_at_once_and_deleted_soon(either_bench: StorageBench) -> None:
    """Behaviour §5.3, `erase on reclaim`: the tenant's own attributes stay, the rest of that time goes."""
    await ClaimScene(either_bench).prepare()
    await owned_and_given_back(either_bench, ACME, 10, erases=True)
    assert await seen_by_tenant(either_bench) == ([], [], ["TENANT 10"])
    assert await bites(either_bench, 100) == 0, "the device is told first which attributes ended"
    await measure(either_bench, 20)
    either_bench.now_ms += SOON_MS
    assert await bites(either_bench, 2) == 3
    assert await stored(either_bench) == ([20], ["TENANT 10"])
    assert await seen_by_tenant(either_bench) == ([20], [20], ["TENANT 10"])


async def test_a_time_that_was_not_to_be_erased_comes_back_into_sight(either_bench: StorageBench) -> None:
    """Only the readable epochs of the deed that ended under the setting are erased."""
    await ClaimScene(either_bench).prepare()
    await owned_and_given_back(either_bench, ACME, 10, erases=False)
    await owned_and_given_back(either_bench, GLOBEX, 20, erases=True)
    assert (await seen_by_tenant(either_bench))[0] == []
    either_bench.now_ms += SOON_MS
    await bites(either_bench, 4)
    assert (await seen_by_tenant(either_bench))[0] == [10, 11, 12]


async def test_nothing_is_erased_without_the_setting(either_bench: StorageBench) -> None:
    await ClaimScene(either_bench).prepare()
    await owned_and_given_back(either_bench, ACME, 10, erases=False)
    either_bench.now_ms += SOON_MS
    assert await bites(either_bench, 100) == 0
    assert (await seen_by_tenant(either_bench))[0] == [10, 11, 12]


async def test_erasing_goes_on_when_the_device_is_gone(either_bench: StorageBench) -> None:
    """Several erasures, one of a device that was deleted meanwhile, all come to their end."""
    await ClaimScene(either_bench).prepare()
    await owned_and_given_back(either_bench, ACME, 10, erases=True)
    await owned_and_given_back(either_bench, GLOBEX, 20, erases=True)
    await either_bench.storage.write(lambda stores: stores.devices.remove_device(made_device(1)))
    either_bench.now_ms += SOON_MS
    assert await bites(either_bench, 100) == 2
