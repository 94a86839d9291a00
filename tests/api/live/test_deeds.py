"""Subscriptions follow the deed: who loses a device hears nothing more of it, and never of its next owner."""

import asyncio
from typing import Any
from uuid import UUID

from deedbox.core.live import PointsArrived
from deedbox.core.telemetry import Point
from tests.api.live.conftest import Gadget
from tests.api.live.live_site import LiveClient, LiveSite

UNAUTHORIZED, BAD_REQUEST = 3, 2


def _about(gadget: Gadget, **more: Any) -> dict[str, Any]:
    return {"entityType": "DEVICE", "entityId": gadget.id, **more}


async def _lost(client: LiveClient, numbers: set[int]) -> list[tuple[int, str]]:
    """Read until each of these subscriptions has ended; return codes and messages."""
    ends = []
    while numbers:
        message = await client.next()
        if message["errorCode"]:
            numbers.remove(message["subscriptionId"])
            ends.append((message["errorCode"], message["errorMsg"]))
    return ends


async def test_who_loses_a_device_is_told_once_and_hears_nothing_of_the_next_owner(
    site: LiveSite, gadget: Gadget
) -> None:
    """Behaviour §5.4; attacks A18."""
    async with site.client("alice") as alice, site.client("bob") as bob:
        await alice.ask("TIMESERIES", 1, **_about(gadget))
        await alice.ask("ATTRIBUTES", 2, **_about(gadget))
        await site.give(gadget.id, "bob")
        ends = await _lost(alice, {1, 2})
        assert {code for code, _ in ends} == {UNAUTHORIZED}
        assert (await bob.ask("TIMESERIES", 1, **_about(gadget)))["data"] == {}
        await site.measure(gadget.token, {"ts": 5, "values": {"secret": "bob's"}})
        await site.report(gadget.token, {"secret": "bob's"})
        assert (await bob.next())["data"] == {"secret": [[5, "bob's"]]}
        assert await alice.is_quiet()
        assert (await alice.refused("TIMESERIES", 1, **_about(gadget)))[0] == UNAUTHORIZED


async def test_a_reclaim_by_the_owner_ends_its_subscriptions(site: LiveSite, gadget: Gadget) -> None:
    async with site.client("alice") as alice:
        await alice.ask("TIMESERIES", 1, **_about(gadget))
        await site.deployment.ok("alice", "DELETE", "/api/customer/device/Gadget/claim")
        assert [code for code, _ in await _lost(alice, {1})] == [UNAUTHORIZED]


async def test_the_tenant_goes_on_listening_through_all_deeds(site: LiveSite, gadget: Gadget) -> None:
    async with site.client("maker") as maker:
        await maker.ask("TIMESERIES", 1, **_about(gadget))
        for ts, who in enumerate(("bob", "alice", "bob"), 1):
            await site.give(gadget.id, who)
            await site.measure(gadget.token, {"ts": ts, "values": {"owner": who}})
            assert (await maker.next())["data"] == {"owner": [[ts, who]]}


async def test_what_a_former_owner_wrote_goes_from_the_tenants_view(site: LiveSite, gadget: Gadget) -> None:
    await site.write("alice", gadget.id, "SHARED_SCOPE", {"on": True})
    async with site.client("maker") as maker:
        first = await maker.ask("ATTRIBUTES", 1, scope="SHARED_SCOPE", **_about(gadget))
        assert first["data"]["on"][0][1] == "true"
        await site.take_back(gadget.id)
        assert (await maker.next())["data"] == {"on": [[0, ""]]}


async def test_a_claim_shows_the_tenant_at_once_that_the_key_is_gone(site: LiveSite) -> None:
    device_id = str((await site.deployment.make_device("Fresh"))["id"]["id"])
    key = {"claimingData": {"secretKey": "hush", "expirationTime": 4_000_000_000_000}}
    await site.write("maker", device_id, "SERVER_SCOPE", key)
    async with site.client("maker") as maker:
        about = {"entityType": "DEVICE", "entityId": device_id}
        assert "claimingData" in (await maker.ask("ATTRIBUTES", 1, **about))["data"]
        await site.deployment.ok("bob", "POST", "/api/customer/device/Fresh/claim", {"secretKey": "hush"})
        assert (await maker.next())["data"] == {"claimingData": [[0, ""]]}


async def test_a_value_of_another_epoch_is_not_passed_on_without_asking(
    site: LiveSite, gadget: Gadget
) -> None:
    """The news of the change of hands may come late, or never, from another node: the epoch tells."""
    live = site.deployment.parts.live
    async with site.client("alice") as alice:
        await alice.ask("TIMESERIES", 1, **_about(gadget))
        device = _uuid(gadget)
        watchers, live._watches[device] = live._watches[device], {}
        await site.give(gadget.id, "bob")
        live._watches[device] = watchers
        await site.measure(gadget.token, {"ts": 5, "values": {"secret": "bob's"}})
        assert [code for code, _ in await _lost(alice, {1})] == [UNAUTHORIZED]
        assert await alice.is_quiet()


async def test_a_value_of_an_earlier_owner_that_is_told_late_is_dropped(
    site: LiveSite, gadget: Gadget
) -> None:
    await site.give(gadget.id, "bob")
    async with site.client("bob") as bob:
        await bob.ask("TIMESERIES", 1, **_about(gadget))
        late = PointsArrived(_uuid(gadget), 1, (Point("secret", 9, "alice's"),))
        site.deployment.parts.live.tell(late)
        assert await bob.is_quiet()


async def test_values_of_a_deed_that_opens_meanwhile_reach_their_owner(
    site: LiveSite, gadget: Gadget
) -> None:
    """Whoever subscribes while the device changes hands gets all that is its own, and nothing else."""
    await site.take_back(gadget.id)
    async with site.client("maker") as maker:
        await maker.ask("TIMESERIES", 1, **_about(gadget))
        rounds = [
            asyncio.gather(
                site.measure(gadget.token, {"ts": ts, "values": {"n": ts}}), site.give(gadget.id, who)
            )
            for ts, who in enumerate(("alice", "bob") * 5, 1)
        ]
        for each in rounds:
            await each
        newest = 0
        while newest < len(rounds):
            newest = (await maker.next())["latestValues"]["n"]
        assert newest == len(rounds)


async def test_a_deleted_device_ends_subscriptions(site: LiveSite, gadget: Gadget) -> None:
    async with site.client("maker") as maker:
        await maker.ask("TIMESERIES", 1, **_about(gadget))
        await site.deployment.ok("maker", "DELETE", f"/api/device/{gadget.id}")
        assert await _lost(maker, {1}) == [(BAD_REQUEST, "Device with requested id wasn't found!")]


async def test_a_deleted_customer_ends_subscriptions_and_connections(site: LiveSite, gadget: Gadget) -> None:
    customer_id = (await site.deployment.who("alice"))["customerId"]["id"]
    async with site.client("alice") as alice:
        await alice.ask("TIMESERIES", 1, **_about(gadget))
        await site.deployment.ok("maker", "DELETE", f"/api/customer/{customer_id}")
        assert await alice.ended() == (1008, "Your session has ended. Sign in again.")


def _uuid(gadget: Gadget) -> UUID:
    return UUID(gadget.id)


async def test_an_asset_that_is_taken_away_ends_subscriptions(site: LiveSite) -> None:
    """Assets have no deeds: whose they are is asked before each value."""
    asset_id = str((await site.deployment.ok("maker", "POST", "/api/asset", {"name": "Hall"}))["id"]["id"])
    customer_id = (await site.deployment.who("alice"))["customerId"]["id"]
    await site.deployment.ok("maker", "POST", f"/api/customer/{customer_id}/asset/{asset_id}")
    path = f"/api/plugins/telemetry/ASSET/{asset_id}/timeseries/ANY"
    async with site.client("alice") as alice:
        await alice.ask("TIMESERIES", 1, entityType="ASSET", entityId=asset_id)
        await site.deployment.ok("maker", "POST", path, {"ts": 5, "values": {"a": 1}})
        assert (await alice.next())["data"] == {"a": [[5, "1"]]}
        await site.deployment.ok("maker", "DELETE", f"/api/customer/asset/{asset_id}")
        assert [code for code, _ in await _lost(alice, {1})] == [UNAUTHORIZED]
        await site.deployment.ok("maker", "POST", path, {"ts": 6, "values": {"a": 2}})
        assert await alice.is_quiet()
