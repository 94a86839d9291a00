"""Assignment over REST, and the tenant's hand on claiming: view, block, unblock."""

from typing import Any
from uuid import uuid4

import pytest

from deedbox.core.ids import NULL_ID
from tests.api.deployment import Deployment
from tests.api.device_site import DeviceSite

KEY = {"secretKey": "value", "expirationTime": 4_102_444_800_000}


@pytest.fixture
async def site(deployment: Deployment) -> DeviceSite:
    return await DeviceSite(deployment).fill()


async def set_key(site: DeviceSite, device_id: str) -> None:
    path = f"/api/plugins/telemetry/DEVICE/{device_id}/attributes/SERVER_SCOPE"
    await site.ok("maker", "POST", path, {"claimingData": KEY})


async def claim(site: DeviceSite, who: str, name: str) -> tuple[int, Any]:
    answer = await site.call(who, "POST", f"/api/customer/device/{name}/claim", {"secretKey": "value"})
    return answer.status_code, answer.json()


async def test_a_device_is_assigned_and_taken_back(site: DeviceSite) -> None:
    """Behaviour §5.6, thingsboard §6.4: both answer the device; windows are gone with an assignment."""
    device_id = await site.device("D1")
    await set_key(site, device_id)
    given = await site.ok("maker", "POST", f"/api/customer/{site.alices}/device/{device_id}")
    assert given["customerId"]["id"] == given["ownerId"]["id"] == str(site.alices)
    assert await site.ok("alice", "GET", f"/api/device/{device_id}") == given
    assert await claim(site, "bob", "D1") == (400, "CLAIMED")
    moved = await site.ok("maker", "POST", f"/api/customer/{site.bobs}/device/{device_id}")
    assert moved["customerId"]["id"] == str(site.bobs)
    await site.refused(403, "alice", "GET", f"/api/device/{device_id}")
    taken = await site.ok("maker", "DELETE", f"/api/customer/device/{device_id}")
    assert taken["customerId"]["id"] == str(NULL_ID)
    await site.refused(403, "bob", "GET", f"/api/device/{device_id}")
    refusal = await site.refused(400, "maker", "DELETE", f"/api/customer/device/{device_id}")
    assert refusal["message"] == "Device isn't assigned to any customer!"
    reasons = [row[0] for row in site.rows("select reason from ownership_ledger order by id")]
    assert reasons == ["assignment", "reassignment", "assignment", "unassignment"]


async def test_newer_clients_change_the_owner(site: DeviceSite) -> None:
    """Thingsboard §6.4; newer clients use other addresses, whose answer is empty."""
    device_id = await site.device("D1")
    await site.ok("maker", "POST", f"/api/owner/CUSTOMER/{site.alices}/DEVICE/{device_id}")
    seen = await site.ok("alice", "GET", f"/api/device/{device_id}")
    assert seen["customerId"]["id"] == str(site.alices)
    await site.ok("maker", "POST", f"/api/owner/TENANT/{site.tenant_id}/DEVICE/{device_id}")
    await site.refused(403, "alice", "GET", f"/api/device/{device_id}")
    await site.refused(404, "maker", "POST", f"/api/owner/TENANT/{site.rival_id}/DEVICE/{device_id}")


async def test_foreign_and_unknown_customers_get_nothing(site: DeviceSite) -> None:
    """Behaviour §5: 404, and the device stays whose it was."""
    device_id = await site.device("D1")
    for customer_id in (site.rivals, uuid4(), NULL_ID):
        await site.refused(404, "maker", "POST", f"/api/customer/{customer_id}/device/{device_id}")
    await site.refused(404, "maker", "POST", f"/api/customer/{site.alices}/device/{uuid4()}")
    assert site.rows("select count(*) from deed") == [(0,)]


async def test_a_device_is_made_public(site: DeviceSite) -> None:
    """Thingsboard §6.4: its customer is the tenant's public one, made when it is needed."""
    first, second = await site.device("D1"), await site.device("D2")
    owners = [
        (await site.ok("maker", "POST", f"/api/customer/public/device/{it}"))["customerId"]["id"]
        for it in (first, second)
    ]
    assert owners[0] == owners[1]
    info = await site.ok("maker", "GET", f"/api/device/info/{first}")
    assert (info["customerTitle"], info["customerIsPublic"]) == ("Public", True)


async def test_unassigning_lets_the_device_be_claimed_again(site: DeviceSite) -> None:
    """Behaviour §5.2: `claimingAllowed` is written where claiming is not allowed by default."""
    device_id = await site.device("D1")
    profile_id = (await site.ok("maker", "GET", f"/api/device/{device_id}"))["deviceProfileId"]["id"]
    profile = await site.ok("maker", "GET", f"/api/deviceProfile/{profile_id}")
    await site.ok("maker", "POST", "/api/deviceProfile", profile | {"allowClaimingByDefault": False})
    await site.ok("maker", "POST", f"/api/customer/{site.alices}/device/{device_id}")
    await site.ok("maker", "DELETE", f"/api/customer/device/{device_id}")
    assert site.rows("select value from attribute where name = 'claimingAllowed'") == [("true",)]


async def test_a_blocked_device_can_not_be_claimed(site: DeviceSite) -> None:
    """Behaviour §2.7: the block overrides every key, and gives it back when it ends."""
    device_id = await site.device("D1")
    await set_key(site, device_id)
    block = f"/api/device/{device_id}/claiming/block"
    for _ in range(2):
        await site.ok("maker", "POST", block)
    assert await claim(site, "alice", "D1") == (400, "FAILURE")
    assert (await site.ok("maker", "GET", f"/api/device/{device_id}/claiming"))["blocked"] is True
    await site.ok("maker", "DELETE", block)
    assert (await claim(site, "alice", "D1"))[0] == 200
    events = [row[0] for row in site.rows("select type from outbox_event order by id")]
    assert events.count("device.claiming_blocked") == events.count("device.claiming_unblocked") == 1
    await site.refused(403, "alice", "POST", block)
    await site.refused(404, "maker", "POST", f"/api/device/{uuid4()}/claiming/block")


async def test_the_tenant_sees_windows_and_owners(site: DeviceSite) -> None:
    """Behaviour §3.3: windows without their keys; who owns the device and who did."""
    device_id = await site.device("D1")
    path = f"/api/device/{device_id}/claiming"
    empty: dict[str, Any] = {
        "blocked": False, "deed": None, "windows": [], "lastRefusal": None, "history": [],
    }  # fmt: skip
    assert await site.ok("maker", "GET", path) == empty
    await set_key(site, device_id)
    answer = await site.call("maker", "GET", path)
    window = answer.json()["windows"][0]
    assert (window["kind"], window["open"]) == ("SET_BY_TENANT", True)
    assert window["expirationTime"] == KEY["expirationTime"]
    assert "value" not in answer.text
    await claim(site, "alice", "D1")
    await site.ok("alice", "DELETE", "/api/customer/device/D1/claim")
    await site.ok("maker", "POST", f"/api/customer/{site.bobs}/device/{device_id}")
    seen = await site.ok("maker", "GET", path)
    assert (seen["windows"], seen["deed"]["customerTitle"]) == ([], "Bob's home")
    history = [(it["customerTitle"], it["openingReason"], it["closingReason"]) for it in seen["history"]]
    assert history == [("Bob's home", "assignment", None), ("Alice's home", "claim", "reclaim")]


async def test_the_tenant_sees_why_an_offer_was_refused(site: DeviceSite) -> None:
    """Behaviour §2.5: one audit entry per state, not per boot; the last refusal stands beside the windows."""
    device_id = await site.claimed_device("D1")
    token, path = await site.deployment.device_token(device_id), f"/api/device/{device_id}/claiming"
    for _ in range(3):
        answer = await site.ok("", "POST", f"/api/v1/{token}/claim", {"secretKey": "a-secret"})
        assert answer == {"accepted": False, "reason": "owned"}
    first = (await site.ok("maker", "GET", path))["lastRefusal"]
    assert (first["reason"], first["epoch"]) == ("owned", 1)
    await site.ok("alice", "DELETE", "/api/customer/device/D1/claim")
    await site.ok("maker", "POST", f"{path}/block")
    await site.ok("", "POST", f"/api/v1/{token}/claim", {"secretKey": "a-secret"})
    last = (await site.ok("maker", "GET", path))["lastRefusal"]
    assert (last["reason"], last["epoch"]) == ("blocked", 2)
    log = await site.call("maker", "GET", "/api/audit/logs?actionTypes=ANNOUNCE_DEVICE")
    entries = log.json()["data"]
    assert [it["actionFailureDetails"] for it in entries] == ["blocked", "owned"]
    assert [it["createdTime"] for it in entries] == [last["refusedTime"], first["refusedTime"]]
    assert [it["customerId"]["id"] for it in entries] == [str(NULL_ID), str(site.alices)]
    for it in entries:
        assert it["entityId"] == {"entityType": "DEVICE", "id": device_id}
        assert (it["userName"], it["userId"]["id"], it["actionStatus"]) == ("D1", str(NULL_ID), "FAILURE")
    assert "a-secret" not in log.text


async def test_an_owners_label_ends_with_its_deed(deployment: Deployment) -> None:
    """What a former customer wrote is not shown to the next; the tenant's comes back (behaviour §5.3)."""
    device = await deployment.ok(
        "maker", "POST", "/api/device", {"name": "lamp", "type": "default", "label": "Lamp, white"}
    )
    path = f"/api/device/{device['id']['id']}"
    alice, bob = [(await deployment.who(name))["customerId"]["id"] for name in ("alice", "bob")]

    async def label_for(who: str) -> str:
        return str((await deployment.ok(who, "GET", path))["label"])

    for text in ("Alice's bedroom", "Alice's kitchen"):
        await deployment.ok("maker", "POST", f"/api/customer/{alice}/device/{device['id']['id']}")
        mine = await deployment.ok("alice", "GET", path)
        await deployment.ok("alice", "POST", "/api/device", mine | {"label": text})
        assert await label_for("alice") == text
        given = await deployment.ok("maker", "POST", f"/api/customer/{bob}/device/{device['id']['id']}")
        assert given == await deployment.ok("maker", "GET", path)
        assert await label_for("bob") == "Lamp, white"
        found = await deployment.ok("maker", "GET", "/api/tenant/devices?textSearch=white")
        assert found["totalElements"] == 1

    mine = await deployment.ok("bob", "GET", path)
    await deployment.ok("bob", "POST", "/api/device", mine | {"label": "Bob's"})
    stock = await deployment.ok("maker", "GET", path)
    await deployment.ok("maker", "POST", "/api/device", stock | {"label": "Lamp, black"})
    taken = await deployment.ok("maker", "DELETE", f"/api/customer/device/{device['id']['id']}")
    assert taken == await deployment.ok("maker", "GET", path)
    assert await label_for("maker") == "Lamp, black"
