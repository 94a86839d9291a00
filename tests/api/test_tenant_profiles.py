"""Tenant profiles over REST: who may, what is kept, what is refused, and that tenants are held to them."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.administration import Administration, administration
from tests.api.deployment import Deployment

FIRST = "0190a5a0-0000-7000-8000-000000000001"


@pytest.fixture
async def site(deployment: Deployment) -> Administration:
    return await administration(deployment)


async def saved(site: Administration, name: str, **configuration: Any) -> str:
    """Make a profile; return its id."""
    made = await site.ok("root", "POST", "/api/tenantProfile", body(name, **configuration))
    return str(made["id"]["id"])


def body(name: str, **configuration: Any) -> dict[str, Any]:
    """Return a profile as clients send it."""
    return {"name": name, "profileData": {"configuration": {"type": "DEFAULT"} | configuration}}


async def give(site: Administration, profile_id: str) -> None:
    """Give the maker's tenant the profile."""
    tenant = await site.ok("root", "GET", f"/api/tenant/{site.tenant_id}")
    profile = {"entityType": "TENANT_PROFILE", "id": profile_id}
    await site.ok("root", "POST", "/api/tenant", tenant | {"tenantProfileId": profile})


async def test_what_is_sent_comes_back_and_what_counts_beside(site: Administration) -> None:
    """Thingsboard §1: what is not enforced is kept for the clients that know it."""
    wanted = body("Starter", maxDevices=5, transportDeviceMsgRateLimit=" 20:1, 600:60,", maxEmails=7)
    wanted["profileData"]["queueConfiguration"] = [{"name": "Main"}]
    made = await site.ok("root", "POST", "/api/tenantProfile", wanted | {"description": "For a start"})
    assert made["profileData"] == {
        "configuration": {
            "type": "DEFAULT", "maxDevices": 5, "transportDeviceMsgRateLimit": "20:1,600:60", "maxEmails": 7,
        },
        "queueConfiguration": [{"name": "Main"}],
    }  # fmt: skip
    counting = {name: it for name, it in made["inForce"].items() if it}
    assert counting == {"maxDevices": 5, "transportDeviceMsgRateLimit": "20:1,600:60"}
    assert (made["default"], made["description"]) == (False, "For a start")
    path = f"/api/tenantProfile/{made['id']['id']}"
    assert await site.ok("root", "GET", path) == made
    changed = await site.ok("root", "POST", "/api/tenantProfile", {"id": made["id"]} | body("Other"))
    assert changed["profileData"] == {"configuration": {"type": "DEFAULT"}}
    assert changed["createdTime"] == made["createdTime"]
    await site.ok("root", "DELETE", path)
    await site.refused(404, "root", "GET", path)


async def test_lists_and_the_default_one(site: Administration) -> None:
    profile_id = await saved(site, "Starter")
    page = await site.ok("root", "GET", "/api/tenantProfiles", pageSize=1, page=0, sortProperty="name")
    assert ([it["name"] for it in page["data"]], page["totalElements"]) == (["Default"], 2)
    infos = await site.ok("root", "GET", "/api/tenantProfileInfos", pageSize=10, page=0, textSearch="start")
    assert [it["name"] for it in infos["data"]] == ["Starter"]
    both = f"{FIRST},{profile_id}"
    assert len(await site.ok("root", "GET", "/api/tenantProfiles", ids=both)) == 2
    assert len(await site.ok("root", "GET", "/api/tenantProfiles/list", ids=both)) == 2
    assert (await site.ok("root", "GET", "/api/tenantProfileInfo/default"))["id"]["id"] == FIRST
    await site.ok("root", "POST", f"/api/tenantProfile/{profile_id}/default")
    assert (await site.ok("root", "GET", "/api/tenantProfileInfo/default"))["name"] == "Starter"
    tenant = await site.ok("root", "POST", "/api/tenant", {"title": "Newcomer"})
    assert tenant["tenantProfileId"]["id"] == profile_id
    info = await site.ok("root", "GET", f"/api/tenant/info/{tenant['id']['id']}")
    assert info["tenantProfileName"] == "Starter"
    again = await site.ok("root", "POST", "/api/tenant", {"id": tenant["id"], "title": "Renamed"})
    assert again["tenantProfileId"]["id"] == profile_id, "a change without a profile leaves it"
    for needed in (FIRST, profile_id):
        await site.refused(400, "root", "DELETE", f"/api/tenantProfile/{needed}")


async def test_one_that_tenants_have_is_not_deleted(site: Administration) -> None:
    profile_id = await saved(site, "Starter")
    await give(site, profile_id)
    refusal = await site.refused(400, "root", "DELETE", f"/api/tenantProfile/{profile_id}")
    assert "referenced by the tenants" in refusal["message"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("maxDevices", -1),
        ("maxDevices", "5"),
        ("maxConnections", 1.5),
        ("transportGatewayMsgRateLimit", "10"),
        ("tenantServerRestLimitsConfiguration", 10),
        ("type", "OTHER"),
    ],
)
async def test_what_can_not_be_enforced_is_refused(site: Administration, field: str, value: object) -> None:
    error = await site.refused(400, "root", "POST", "/api/tenantProfile", body("Bad", **{field: value}))
    assert error["errors"][0]["pointer"] == f"/profileData/configuration/{field}"
    await site.refused(400, "root", "POST", "/api/tenantProfile", body("Default"))
    await site.refused(404, "root", "POST", "/api/tenantProfile", {"id": {"id": str(uuid4())}} | body("X"))


async def test_who_may(site: Administration) -> None:
    """A tenant's administrators read the profile that they have, and no other."""
    profile_id = await saved(site, "Starter", maxDevices=5)
    other = f"/api/tenantProfile/{profile_id}"
    await site.refused(404, "maker", "GET", other)
    for who in ("maker", "alice"):
        await site.refused(403, who, "POST", "/api/tenantProfile", body("Mine"))
        await site.refused(403, who, "POST", f"{other}/default")
        await site.refused(403, who, "DELETE", other)
    await site.refused(403, "alice", "GET", f"/api/tenantProfile/{FIRST}")
    await give(site, profile_id)
    assert (await site.ok("maker", "GET", other))["inForce"]["maxDevices"] == 5
    assert (await site.ok("maker", "GET", "/api/tenantProfileInfo/default"))["name"] == "Starter"
    page = await site.ok("maker", "GET", "/api/tenantProfiles", pageSize=10, page=0)
    assert [it["name"] for it in page["data"]] == ["Starter"]
    assert await site.ok("maker", "GET", "/api/tenantProfiles/list", ids=FIRST) == []


async def test_a_profile_counts_at_once_and_a_tenants_own_limit_before_it(site: Administration) -> None:
    token = await site.device_token(await site.device("limited"))
    reports, large = f"/api/v1/{token}/attributes", {"a": "x" * 200}
    profile_id = await saved(site, "Starter", transportDeviceMsgRateLimit="1:3600", maxPayloadSize=100)
    await give(site, profile_id)
    await site.ok("", "POST", reports, {"a": 1})
    await site.refused(429, "", "POST", reports, {"a": 2})
    path = f"/api/tenant/{site.tenant_id}/limits"
    own = await site.ok("root", "POST", path, {"transportDeviceMsgRateLimit": ""})
    assert own["inForce"]["transportDeviceMsgRateLimit"] == ""
    await site.ok("", "POST", reports, {"a": 3})
    await site.refused(413, "", "POST", reports, large)
    await site.ok("root", "POST", "/api/tenantProfile", {"id": {"id": profile_id}} | body("Starter"))
    await site.ok("", "POST", reports, large)


async def test_a_tenant_has_no_more_devices_than_it_may(site: Administration) -> None:
    """403 and code 41, as the reference server; exact, since the database decides."""
    await site.device("first")
    await give(site, await saved(site, "Two", maxDevices=2))
    second = await site.device("second")
    refusal = await site.refused(403, "maker", "POST", "/api/device", {"name": "third"})
    assert (refusal["errorCode"], refusal["code"]) == (41, "limit_reached")
    columns = [{"type": "NAME"}]
    file = {"file": "second\nthird", "mapping": {"columns": columns, "header": False}}
    imported = await site.ok("maker", "POST", "/api/device/bulk_import", file)
    assert (imported["created"], imported["updated"], imported["errors"]) == (0, 1, 1)
    assert "Devices limit reached" in imported["errorsList"][0]
    await site.ok("maker", "DELETE", f"/api/device/{second}")
    await site.device("third")


async def test_people_ask_no_more_often_than_their_tenant_may(site: Administration) -> None:
    """Thingsboard §6.2: 429 with code 33. System administrators are not counted, other tenants neither."""
    limits = {
        "tenantServerRestLimitsConfiguration": "4:3600",
        "customerServerRestLimitsConfiguration": "1:3600",
    }
    await give(site, await saved(site, "Slow", **limits))
    await site.ok("alice", "GET", "/api/auth/user")
    answer = await site.call("alice", "GET", "/api/auth/user")
    assert (answer.status_code, answer.json()["errorCode"]) == (429, 33)
    assert 0 < int(answer.headers["retry-after"]) <= 3600
    assert "current customer" in answer.json()["message"]
    await site.refused(429, "alice", "POST", "/api/customer/device/x/claim", {})
    await site.ok("bob", "GET", "/api/auth/user")
    for _ in range(2):
        await site.ok("maker", "GET", "/api/auth/user")
    assert "current tenant" in (await site.refused(429, "maker", "GET", "/api/auth/user"))["message"]
    await site.ok("rival", "GET", "/api/auth/user")
    await site.ok("root", "GET", "/api/auth/user")
    metrics = (await site.call("", "GET", "/metrics")).text
    assert 'deedbox_limited_messages_total{kind="requests",whose="customer"} 2.0' in metrics
