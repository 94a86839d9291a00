"""Live values follow roles and groups: what is taken away ends at once."""

from typing import Any

import pytest

from tests.api.access.group_site import GroupSite, group_site
from tests.api.live.conftest import Gadget
from tests.api.live.live_site import LiveClient, LiveSite

POLICY_VIOLATION = 1008
LOOK = ["READ", "READ_TELEMETRY", "READ_ATTRIBUTES"]


@pytest.fixture
async def people(site: LiveSite) -> GroupSite:
    people = await group_site(site.deployment)
    site.deployment.tokens["clerk"] = people.tokens["clerk"]
    return people


async def _ended(client: LiveClient) -> str:
    while True:
        message = await client.next()
        if message["errorCode"]:
            return str(message["errorMsg"])


def _about(gadget: Gadget) -> dict[str, Any]:
    return {"entityType": "DEVICE", "entityId": gadget.id}


async def test_a_device_that_leaves_its_group(site: LiveSite, people: GroupSite, gadget: Gadget) -> None:
    """Its values end at once, and nothing later is heard; others of the group go on (attacks A20)."""
    other = await people.make_device("Other")
    await site.give(other["id"]["id"], "alice")
    owner, ids = people.alices, (gadget.id, other["id"]["id"])
    group = await people.group("Shown", "DEVICE", *ids, owner=owner)
    await people.given("Looking", LOOK, people.clerk, things=group)
    kept = Gadget(ids[1], await people.device_token(ids[1]))
    async with site.client("clerk") as clerk:
        for number, it in enumerate((gadget, kept), 1):
            assert (await clerk.ask("TIMESERIES", number, **_about(it)))["errorCode"] == 0
        await site.measure(gadget.token, {"ts": 1, "values": {"level": 1}})
        assert (await clerk.next())["data"] == {"level": [[1, "1"]]}
        await people.take_out(gadget.id, group)
        assert "permission" in await _ended(clerk)
        await site.measure(gadget.token, {"ts": 2, "values": {"level": 2}})
        await site.measure(kept.token, {"ts": 3, "values": {"level": 3}})
        heard = await clerk.next()
        assert (heard["subscriptionId"], heard["data"]) == (2, {"level": [[3, "3"]]})


async def test_a_claim_takes_a_device_from_the_tenants_group(site: LiveSite, people: GroupSite) -> None:
    """Thingsboard §9, behaviour §5.4."""
    device = await people.make_device("Free")
    free = Gadget(device["id"]["id"], await people.device_token(device["id"]["id"]))
    await people.given("Looking", LOOK, people.clerk, things=await people.group("Stock", "DEVICE", free.id))
    async with site.client("clerk") as clerk:
        assert (await clerk.ask("TIMESERIES", 1, **_about(free)))["errorCode"] == 0
        await people.announce(free.id)
        await people.ok("bob", "POST", "/api/customer/device/Free/claim", {})
        assert "permission" in await _ended(clerk)


async def test_a_role_that_is_taken_away(site: LiveSite, people: GroupSite, gadget: Gadget) -> None:
    """Connections that were made with it end, saying why."""
    given = await people.given("Looking", {"DEVICE": LOOK}, people.clerk)
    async with site.client("clerk") as clerk, site.client("alice") as alice:
        assert (await clerk.ask("TIMESERIES", 1, **_about(gadget)))["errorCode"] == 0
        assert (await alice.ask("TIMESERIES", 1, **_about(gadget)))["errorCode"] == 0
        await people.ok("maker", "DELETE", f"/api/groupPermission/{given}")
        assert await clerk.ended() == (POLICY_VIOLATION, "What you may do has changed. Connect again.")
        await site.measure(gadget.token, {"ts": 1, "values": {"level": 1}})
        assert (await alice.next())["data"] == {"level": [[1, "1"]]}
    async with site.client("clerk") as clerk:
        assert (await clerk.refused("TIMESERIES", 1, **_about(gadget)))[0]
