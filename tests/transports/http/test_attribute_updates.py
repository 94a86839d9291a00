"""Devices that poll learn which shared attributes changed."""

import asyncio

from deedbox.core.attributes import Writer
from deedbox.testing.claim_scene import ACME, ALICE
from tests.transports.device_site import PATIENCE_MS
from tests.transports.http.device_bench import DeviceBench


async def waiting_poll(bench: DeviceBench) -> "asyncio.Task[object]":
    async def poll() -> object:
        answer = await bench.get("attributes/updates", timeout=PATIENCE_MS)
        assert answer.status_code == 200
        return answer.json()

    polled = asyncio.create_task(poll())
    await bench.until_polls(1)
    return polled


async def test_a_new_value_and_a_deletion(bench: DeviceBench) -> None:
    """See thingsboard §3.3"""
    polled = await waiting_poll(bench)
    await bench.share(interval=30, mode={"night": True})
    assert await polled == {"interval": 30, "mode": {"night": True}}
    polled = await waiting_poll(bench)
    await bench.drop_shared("mode")
    assert await polled == {"deleted": ["mode"]}


async def test_every_waiting_poll_ends(bench: DeviceBench) -> None:
    polled = await waiting_poll(bench)
    await bench.share(interval=30)
    assert await polled == {"interval": 30}


async def test_what_changes_between_two_polls_is_not_lost(bench: DeviceBench) -> None:
    polled = await waiting_poll(bench)
    await bench.share(first=1)
    assert await polled == {"first": 1}
    await bench.share(second=2)
    await bench.share(second=3, third=4)
    again = await bench.get("attributes/updates", timeout=PATIENCE_MS)
    assert again.json() == {"second": 3, "third": 4}
    assert (await bench.get("attributes/updates", timeout=5)).status_code == 408


async def test_another_devices_changes_are_not_told(bench: DeviceBench) -> None:
    polled = await waiting_poll(bench)
    bench.changes.tell(bench.other.id, ["interval"])
    await bench.share(mine=1)
    assert await polled == {"mine": 1}


async def test_the_value_of_a_former_owner_is_not_told_any_more(bench: DeviceBench) -> None:
    """See behaviour §5.3: a hint that comes after the deed ended tells what counts then"""
    await bench.scene.assign(bench.device, ACME)
    polled = await waiting_poll(bench)
    await bench.store_shared(Writer.CUSTOMER, wish="warm")
    await bench.scene.reclaim(ALICE, bench.device)
    bench.changes.tell(bench.device.id, ["wish"])
    assert await polled == {"deleted": ["wish"]}


async def test_the_device_learns_which_wishes_ended_with_the_deed(bench: DeviceBench) -> None:
    """See behaviour §5.3: what a former customer wrote ends with the deed, also towards the device"""
    await bench.scene.assign(bench.device, ACME)
    await bench.store_shared(Writer.TENANT, limit=5, colour="red")
    await bench.store_shared(Writer.CUSTOMER, wish="warm", colour="blue")
    polled = await waiting_poll(bench)
    await bench.scene.reclaim(ALICE, bench.device)
    await bench.follow_deed_end()
    assert await polled == {"colour": "red", "deleted": ["wish"]}
