"""Lists of devices over REST: pages, orders, searches and filters; a walk while devices are added."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from deedbox.core.device_changes import DeviceMaking, create
from deedbox.core.devices import DeviceDraft, DeviceFilter
from deedbox.core.errors import InvalidValue
from deedbox.core.paging import PageMemory, PageRequest, PageSlice
from deedbox.core.records import Actor
from deedbox.storage.stores import Stores
from deedbox.storage.tallies import change_tally
from tests.api.deployment import Deployment
from tests.api.device_site import DeviceSite


@pytest.fixture
async def site(deployment: Deployment) -> DeviceSite:
    return await DeviceSite(deployment).fill()


async def make(site: DeviceSite, names: list[str], kind: str = "gadget") -> None:
    """Make devices of the maker's, in this order, in one transaction."""

    async def work(stores: Stores) -> None:
        actor = Actor(site.tenant_id, None, None, "maker")
        making = DeviceMaking(stores.devices, stores.device_profiles, site.keys, actor)
        for name in names:
            await create(making, DeviceDraft(name=name, type=kind))

    await site.storage.write(work)


def names(page: Any) -> list[str]:
    return [it["name"] for it in page["data"]]


async def test_pages_come_in_the_order_asked_for(site: DeviceSite) -> None:
    """Thingsboard §6.4: pages from 0; the order of making without a sort property."""
    await make(site, ["c", "a", "b"])
    page = await site.ok("maker", "GET", "/api/tenant/devices", pageSize=2, page=0)
    assert names(page) == ["c", "a"]
    assert (page["totalPages"], page["totalElements"], page["hasNext"]) == (2, 3, True)
    page = await site.ok("maker", "GET", "/api/tenant/devices", pageSize=2, page=1)
    assert (names(page), page["hasNext"]) == (["b"], False)
    orders = {
        ("name", "ASC"): ["a", "b", "c"],
        ("name", "DESC"): ["c", "b", "a"],
        ("createdTime", "DESC"): ["b", "a", "c"],
        ("type", "ASC"): ["c", "a", "b"],
        ("label", "ASC"): ["c", "a", "b"],
        ("deviceProfileName", "DESC"): ["b", "a", "c"],
    }
    for (column, order), expected in orders.items():
        query = {"sortProperty": column, "sortOrder": order}
        assert names(await site.ok("maker", "GET", "/api/tenant/devices", **query)) == expected, query
    refusal = await site.refused(400, "maker", "GET", "/api/tenant/devices", sortProperty="secret")
    assert "createdTime" in refusal["message"]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("lamp", ["Lamp one", "Other"]),
        ("LAMP", ["Lamp one", "Other"]),
        ("one", ["Lamp one"]),
        ("ÄRMEL", ["ärmel 100%_!"]),
        ("%", ["ärmel 100%_!"]),
        ("_!", ["ärmel 100%_!"]),
        ("küche", ["Other"]),
        ("' or 1=1", []),
    ],
)
async def test_a_search_finds_parts_of_name_type_and_label(
    site: DeviceSite, search: str, found: list[str]
) -> None:
    """Thingsboard §6.4: a case-insensitive substring, of letters of any script."""
    await make(site, ["Lamp one", "ärmel 100%_!"])
    await make(site, ["Other"], "Lamp")
    other = await site.ok("maker", "GET", "/api/tenant/device", deviceName="Other")
    await site.ok("maker", "POST", "/api/device", other | {"label": "KÜCHE"})
    page = await site.ok("maker", "GET", "/api/tenant/devices", textSearch=search, sortProperty="name")
    assert (names(page), page["totalElements"]) == (found, len(found))


async def test_filters_by_type_profile_and_activity(site: DeviceSite) -> None:
    """Thingsboard §6.4: type, deviceProfileId, active."""
    await make(site, ["g1", "g2"])
    await make(site, ["l1"], "lamp")
    lamp = await site.ok("maker", "GET", "/api/tenant/device", deviceName="l1")

    async def hear(stores: Stores) -> None:
        await stores.activity.note_activity({UUID(lamp["id"]["id"]): stores.transaction.now_ms})

    await site.storage.write(hear)
    queries: list[tuple[dict[str, str], list[str]]] = [
        ({"type": "lamp"}, ["l1"]),
        ({"type": "gadget"}, ["g1", "g2"]),
        ({"type": "unknown"}, []),
        ({"deviceProfileId": lamp["deviceProfileId"]["id"]}, ["l1"]),
        ({"deviceProfileId": lamp["deviceProfileId"]["id"], "type": "gadget"}, []),
        ({"active": "true"}, ["l1"]),
        ({"active": "True"}, ["l1"]),
        ({"active": "false"}, ["g1", "g2"]),
    ]
    for query, expected in queries:
        page = await site.ok("maker", "GET", "/api/tenant/deviceInfos", **query)
        assert (names(page), page["totalElements"]) == (expected, len(expected)), query


async def test_a_customers_list_shows_what_it_owns(site: DeviceSite) -> None:
    """Behaviour §5: on every path, for the customer and its tenant; the total goes with the deeds."""
    await make(site, ["free"])
    owned = [await site.claimed_device(name) for name in ("b", "a")]
    for who in ("maker", "alice"):
        page = await site.ok(who, "GET", f"/api/customer/{site.alices}/devices", sortProperty="name")
        assert (names(page), page["totalElements"]) == (["a", "b"], 2)
        page = await site.ok(who, "GET", f"/api/customer/{site.alices}/deviceInfos", type="gadget")
        assert [it["customerTitle"] for it in page["data"]] == ["Alice's home", "Alice's home"]
    for path in ("/api/user/devices", "/api/deviceInfos/all"):
        assert names(await site.ok("alice", "GET", path)) == ["b", "a"]
        assert names(await site.ok("bob", "GET", path)) == []
        assert names(await site.ok("maker", "GET", path)) == ["free", "b", "a"]
    by_ids = await site.ok("alice", "GET", "/api/devices", deviceIds=",".join(owned))
    assert [it["name"] for it in by_ids] == ["b", "a"]
    await site.ok("alice", "DELETE", "/api/customer/device/a/claim")
    page = await site.ok("alice", "GET", f"/api/customer/{site.alices}/devices")
    assert (names(page), page["totalElements"]) == (["b"], 1)


@pytest.mark.parametrize("order", [("createdTime", False), ("name", False), ("name", True)])
async def test_a_walk_loses_and_repeats_nothing_while_devices_are_added(
    site: DeviceSite, order: tuple[str, bool]
) -> None:
    """Design §3: pages by key. What was there when the walk began is seen exactly once."""
    first = [f"d{number * 7919 % 2500:05}" for number in range(2500)]
    await make(site, first)
    seen: list[str] = []
    memory, number, has_next = PageMemory(), 0, True
    while has_next:
        request = PageRequest(number, 100, *order)
        asked = memory.slice_of(b"walk", request)

        async def work(stores: Stores, asked: PageSlice = asked) -> Any:
            return await stores.devices.list_devices(DeviceFilter(site.tenant_id), asked)

        more = make(site, [f"d{number:05}-new", f"a{number}-new", f"z{number}-new"])
        page, _ = await asyncio.gather(site.storage.read(work), more)
        memory.remember(b"walk", request, page.end)
        seen += [it.name for it in page.items]
        number, has_next = number + 1, page.has_next and number < 60
    assert len(seen) == len(set(seen))
    assert set(first) <= set(seen)


async def test_a_long_list_is_not_sorted_without_an_index(site: DeviceSite) -> None:
    """Design §3: nothing sorts a million rows on a hot path; the refusal says what can be done."""

    async def work(stores: Stores) -> None:
        await change_tally(stores.transaction, site.tenant_id, "device", 10_001)
        wanted = DeviceFilter(site.tenant_id)
        with pytest.raises(InvalidValue, match="createdTime or name"):
            await stores.devices.list_devices(wanted, PageSlice(PageRequest(sort_property="label")))
        await stores.devices.list_devices(wanted, PageSlice(PageRequest(sort_property="name")))

    await site.storage.write(work)
