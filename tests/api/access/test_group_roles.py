"""What roles and groups let people do, over REST."""

from typing import Any

import pytest

from tests.api.access.group_site import GroupSite, giving

CLAIM = "/api/customer/device/lamp/claim"
CUSTOMER_USER_ROLE = "Customer User"


async def default_role(site: GroupSite, name: str = CUSTOMER_USER_ROLE) -> dict[str, Any]:
    """A role that the tenant has from the start."""
    page = await site.ok("maker", "GET", "/api/roles", pageSize=10, page=0, textSearch=name)
    return next(it for it in page["data"] if it["name"] == name)


async def test_a_group_of_claimers(site: GroupSite) -> None:
    """The document that Deedbox implements: the default without claiming, and a group that may claim."""
    role = await default_role(site)
    role["permissions"]["DEVICE"] = ["READ", "READ_TELEMETRY", "READ_ATTRIBUTES"]
    await site.ok("maker", "POST", "/api/role", role)
    await site.announce(await site.device("lamp"))
    refused = await site.refused(403, "alice", "POST", CLAIM, {})
    assert (refused["errorCode"], refused["operation"], refused["resource"]) == (
        20,
        "CLAIM_DEVICES",
        "DEVICE",
    )
    claiming = await site.role("Claiming", {"DEVICE": ["CLAIM_DEVICES"]})
    claimers = await site.group("Claimers", "USER", owner=site.alices)
    await site.give(claiming, claimers)
    await site.put_in(site.alice, claimers)
    await site.refused(403, "bob", "POST", CLAIM, {})
    assert (await site.ok("alice", "POST", CLAIM, {}))["response"] == "SUCCESS"
    await site.take_out(site.alice, claimers)
    await site.refused(403, "alice", "DELETE", CLAIM)
    await site.put_in(site.alice, claimers)
    await site.ok("alice", "DELETE", CLAIM)
    await site.ok("maker", "DELETE", f"/api/role/{role['id']['id']}")
    assert (await default_role(site))["version"] == 0


async def test_a_role_for_a_group_of_devices(site: GroupSite) -> None:
    """Thingsboard §9: what is in the group, in every list, and nothing else; ended at once."""
    shed, other = await site.device("shed lamp"), await site.device("other")
    group = await site.group("Shed", "DEVICE", shed)
    for path in (f"/api/device/{shed}", "/api/tenant/devices?pageSize=10&page=0"):
        await site.refused(403, "clerk", "GET", path)
    permission = await site.given("Looking", ["READ", "READ_ATTRIBUTES"], site.clerk, things=group)
    for path in ("/api/tenant/devices", "/api/user/devices", f"/api/entityGroup/{group}/devices"):
        assert await site.names("clerk", path) == ["shed lamp"]
    assert await site.names("clerk", "/api/deviceInfos/all") == ["shed lamp"]
    both = await site.ok("clerk", "GET", "/api/devices", deviceIds=f"{shed},{other}")
    assert [it["name"] for it in both] == ["shed lamp"]
    await site.ok("clerk", "GET", f"/api/device/{shed}")
    await site.ok("clerk", "GET", f"/api/plugins/telemetry/DEVICE/{shed}/values/attributes")
    await site.ok("clerk", "GET", "/api/tenant/device", deviceName="shed lamp")
    for path in (
        f"/api/device/{other}",
        "/api/tenant/device?deviceName=other",
        f"/api/device/{shed}/credentials",
    ):
        await site.refused(403, "clerk", "GET", path)
    refused = await site.refused(403, "clerk", "POST", f"/api/rpc/oneway/{shed}", {"method": "on"})
    assert refused["operation"] == "RPC_CALL"
    await site.take_out(shed, group)
    await site.refused(403, "clerk", "GET", f"/api/device/{shed}")
    await site.put_in(shed, group)
    await site.ok("clerk", "GET", f"/api/device/{shed}")
    await site.ok("maker", "DELETE", f"/api/groupPermission/{permission}")
    await site.refused(403, "clerk", "GET", f"/api/device/{shed}")


async def test_queries_follow_group_roles(site: GroupSite) -> None:
    shed, other = await site.device("shed lamp"), await site.device("other")
    await site.given("Looking", ["READ"], site.clerk, things=await site.group("Shed", "DEVICE", shed))
    query: dict[str, Any] = {
        "entityFilter": {"type": "entityType", "entityType": "DEVICE"},
        "entityFields": [{"type": "ENTITY_FIELD", "key": "name"}],
        "pageLink": {"page": 0, "pageSize": 10},
    }
    found = await site.ok("clerk", "POST", "/api/entitiesQuery/find", query)
    assert [it["entityId"]["id"] for it in found["data"]] == [shed]
    assert await site.ok("clerk", "POST", "/api/entitiesQuery/count", query) == 1
    one = query | {
        "entityFilter": {"type": "singleEntity", "singleEntity": {"entityType": "DEVICE", "id": other}}
    }
    assert (await site.ok("clerk", "POST", "/api/entitiesQuery/find", one))["data"] == []


async def test_a_tenants_group_shared_with_a_customers_people(site: GroupSite) -> None:
    """They see it beside their own; a claim by another customer takes it from the group (thingsboard §9)."""
    own, shown = await site.device("own"), await site.device("lamp")
    await site.ok("maker", "POST", f"/api/customer/{site.alices['id']}/device/{own}")
    everybody = await site.default_group(site.alices, "All")
    looking = await site.role("Looking", ["READ", "READ_TELEMETRY"])
    await site.give(looking, everybody, await site.group("Shown", "DEVICE", shown))
    assert await site.names("alice", "/api/user/devices") == ["lamp", "own"]
    assert await site.names("alice", f"/api/customer/{site.alices['id']}/devices") == ["own"]
    await site.ok("alice", "GET", f"/api/plugins/telemetry/DEVICE/{shown}/values/timeseries")
    await site.refused(403, "alice", "POST", "/api/device", {"id": {"id": shown}, "label": "mine"})
    await site.announce(shown)
    await site.ok("bob", "POST", CLAIM, {})
    assert await site.names("alice", "/api/user/devices") == ["own"]
    await site.refused(403, "alice", "GET", f"/api/device/{shown}")


async def test_a_customers_things_are_no_other_customers(site: GroupSite) -> None:
    """Behaviour §5.3: whatever roles a tenant gives."""
    device = await site.device("lamp")
    await site.ok("maker", "POST", f"/api/customer/{site.bobs['id']}/device/{device}")
    bobs = await site.group("Bob's", "DEVICE", device, owner=site.bobs)
    looking, alices = await site.role("Looking", ["READ"]), await site.default_group(site.alices, "All")
    refused = await site.refused(400, "maker", "POST", "/api/groupPermission", giving(looking, alices, bobs))
    assert refused["errors"][0]["pointer"] == "/entityGroupId"


async def test_nobody_gives_more_than_they_have(site: GroupSite) -> None:
    """Attacks A22: from a small role no way leads to a large one."""
    people = {"GROUP_PERMISSION": ["ALL"], "USER_GROUP": ["ALL"], "USER": ["ALL"], "ROLE": ["ALL"]}
    await site.given("Personnel", people, site.clerk)
    everything = await site.role("Everything", {"ALL": ["ALL"]})
    users = await site.group("Friends", "USER", by="clerk")
    refused = await site.refused(403, "clerk", "POST", "/api/groupPermission", giving(everything, users))
    assert refused["resource"] in {"TENANT", "CUSTOMER", "DEVICE", "ASSET"}
    administrators = await site.default_group(site.tenant, "Tenant Administrators")
    add = f"/api/entityGroup/{administrators}/addEntities"
    await site.refused(403, "clerk", "POST", add, [site.clerk])
    changed = {"name": "Mine", "type": "GENERIC", "permissions": {"ALL": ["ALL"]}}
    await site.refused(403, "clerk", "POST", "/api/role", changed)
    await site.refused(403, "clerk", "GET", f"/api/user/{site.maker}/resetLink")
    await site.refused(
        403,
        "clerk",
        "POST",
        "/api/user",
        {"id": {"entityType": "USER", "id": site.maker}, "email": "x@y.test"},
    )
    await site.refused(403, "clerk", "DELETE", f"/api/user/{site.maker}")
    user = {"email": "friend@deedbox.test", "authority": "TENANT_ADMIN"}
    friend = (await site.invite("clerk", user))["id"]["id"]
    assert friend not in str(await site.ok("maker", "GET", f"/api/entityGroup/{administrators}/entities"))
    await site.refused(403, "clerk", "GET", f"/api/user/{friend}/activationLink")
    own = await site.role("Small", {"USER": ["READ"]})
    await site.give(own, users, by="clerk")


async def test_the_last_administrator_stays(site: GroupSite) -> None:
    """By whatever way: taken out, deleted, disabled."""
    administrators = await site.default_group(site.tenant, "Tenant Administrators")
    out = f"/api/entityGroup/{administrators}/deleteEntities"
    assert "last administrator" in (await site.refused(400, "maker", "POST", out, [site.maker]))["message"]
    for method, path in (
        ("DELETE", f"/api/user/{site.maker}"),
        ("POST", f"/api/user/{site.maker}/userCredentialsEnabled?userCredentialsEnabled=false"),
    ):
        assert "last administrator" in (await site.refused(400, "maker", method, path))["message"]
    await site.put_in(site.clerk, administrators)
    await site.take_out(site.maker, administrators)
    await site.refused(403, "maker", "GET", "/api/tenant/devices?pageSize=10&page=0")
    assert await site.names("clerk", "/api/tenant/devices") == []


async def test_a_customers_administrator_keeps_its_own_people_and_groups(site: GroupSite) -> None:
    administrators = await site.default_group(site.alices, "Customer Administrators")
    await site.refused(
        403,
        "alice",
        "POST",
        "/api/user",
        {"email": "kid@x.test", "authority": "CUSTOMER_USER", "customerId": site.alices},
    )
    await site.put_in(site.alice, administrators)
    kid = await site.person("kid", site.alices, by="alice")
    users = f"/api/customer/{site.alices['id']}/users"
    assert await site.names("alice", users) == ["alice@deedbox.test", "kid@deedbox.test"]
    device = await site.device("lamp")
    await site.ok("maker", "POST", f"/api/customer/{site.alices['id']}/device/{device}")
    kitchen = await site.group("Kitchen", "DEVICE", device, owner=site.alices, by="alice")
    kids = await site.group("Kids", "USER", kid, owner=site.alices, by="alice")
    looking = await site.role("Looking", ["READ"])
    await site.give(looking, kids, kitchen, by="alice")
    everything = await site.role("Everything", {"DEVICE": ["ALL"]})
    await site.refused(403, "alice", "POST", "/api/groupPermission", giving(everything, kids))
    tenants = await site.group("Stock", "DEVICE", await site.device("spare"))
    await site.refused(403, "alice", "POST", "/api/groupPermission", giving(looking, kids, tenants))
    await site.refused(403, "alice", "GET", f"/api/customer/{site.bobs['id']}/users?pageSize=10&page=0")
    await site.refused(
        403, "alice", "POST", "/api/entityGroup", {"name": "X", "type": "USER", "ownerId": site.bobs}
    )
    await site.refused(403, "kid", "GET", users + "?pageSize=10&page=0")


async def test_more_for_customers_by_a_role(site: GroupSite) -> None:
    """Behaviour §5: a tenant may grant more; claim keys stay the tenant's."""
    everybody = await site.default_group(site.alices, "All")
    await site.give(await site.role("More", {"DEVICE": ["ALL"]}), everybody)
    made = await site.ok("alice", "POST", "/api/device", {"name": "hers", "type": "default"})
    assert made["customerId"] == site.alices
    path = f"/api/device/{made['id']['id']}"
    assert (await site.ok("alice", "GET", path + "/credentials"))["credentialsType"] == "ACCESS_TOKEN"
    await site.ok("alice", "POST", "/api/device", {"id": made["id"], "name": "renamed"})
    attributes = f"/api/plugins/telemetry/DEVICE/{made['id']['id']}/attributes/SERVER_SCOPE"
    await site.ok("alice", "POST", attributes, {"room": "kitchen"})
    claiming = {"claimingData": {"secretKey": "x", "expirationTime": 1_900_000_000_000}}
    await site.refused(403, "alice", "POST", attributes, claiming)
    await site.refused(403, "alice", "GET", path + "/claiming")
    await site.ok("alice", "DELETE", path)
    await site.refused(403, "bob", "POST", "/api/device", {"name": "his", "type": "default"})


@pytest.mark.parametrize("allowed", [True, False])
async def test_explanations(site: GroupSite, allowed: bool) -> None:
    """Over REST: the rule, role or group that decides, or what is missing."""
    device = await site.device("lamp")
    if allowed:
        await site.given(
            "Calling", ["READ", "RPC_CALL"], site.clerk, things=await site.group("Shed", "DEVICE", device)
        )
    asked = {"userId": site.clerk, "operation": "RPC_CALL", "entityId": device}
    found = await site.ok("maker", "GET", "/api/access/explain", **asked)
    reason = "role 'Calling' of group 'Calling'" if allowed else "no role of the user's groups gives RPC_CALL"
    assert found["allowed"] is allowed
    assert found["reasons"][0].startswith(reason)
    if allowed:
        for operation, answer in (("RPC_CALL", True), ("WRITE", False)):
            path = f"/api/permission/DEVICE/{device}/{operation}"
            assert await site.ok("clerk", "GET", path) is answer
    else:
        await site.refused(403, "clerk", "GET", f"/api/permission/DEVICE/{device}/RPC_CALL")
    own = await site.ok("maker", "GET", "/api/access/explain", operation="READ", entityId=device)
    assert own["reasons"] == [
        "default role of the group 'Tenant Administrators': READ on DEVICE for what the own tenant has"
    ]


@pytest.mark.parametrize("known_by", ["reading", "writing", "making"])
async def test_credentials_that_a_customer_knows_end_with_its_ownership(
    site: GroupSite, known_by: str
) -> None:
    """Behaviour §5.5: rotation is forced; otherwise a former owner could keep the device's token."""
    everybody = await site.default_group(site.alices, "All")
    await site.give(await site.role("More", {"DEVICE": ["ALL"]}), everybody)
    if known_by == "making":
        made = await site.ok("alice", "POST", "/api/device?accessToken=hers", {"name": "lamp"})
        device = made["id"]["id"]
    else:
        device = await site.device("lamp")
        await site.ok("maker", "POST", f"/api/customer/{site.alices['id']}/device/{device}")
    if known_by == "reading":
        await site.ok("alice", "GET", f"/api/device/{device}/credentials")
    if known_by == "writing":
        whole = {
            "deviceId": {"entityType": "DEVICE", "id": device},
            "credentialsType": "ACCESS_TOKEN",
            "credentialsId": "x1",
        }
        await site.ok("alice", "POST", "/api/device/credentials", whole)
    known = await site.device_token(device)
    await site.ok("maker", "DELETE", f"/api/customer/device/{device}")
    renewed = await site.device_token(device)
    assert renewed != known
    # What only the tenant read since is not replaced again.
    await site.ok("maker", "POST", f"/api/customer/{site.bobs['id']}/device/{device}")
    await site.ok("maker", "DELETE", f"/api/customer/device/{device}")
    assert await site.device_token(device) == renewed
