"""Groups, roles and group permissions as clients of the reference server's PE read and write them."""

from typing import Any

from tests.api.access.group_site import GroupSite, giving, reference


async def test_what_each_owner_has_from_the_start(site: GroupSite) -> None:
    for owner, names in (
        (site.tenant, ["All", "Tenant Administrators"]),
        (site.alices, ["All", "Customer Administrators", "Customer Users"]),
    ):
        path = f"/api/entityGroups/{owner['entityType']}/{owner['id']}/USER"
        assert sorted(it["name"] for it in await site.ok("maker", "GET", path)) == names
        assert await site.names("maker", path) == names
        assert len(await site.ok("maker", "GET", path + "/all")) == len(names)
        path = f"/api/entityGroup/all/{owner['entityType']}/{owner['id']}/DEVICE"
        everything = await site.ok("maker", "GET", path)
        assert (everything["groupAll"], everything["ownerId"], everything["version"]) == (True, owner, 0)
    roles = await site.names("maker", "/api/roles")
    assert roles == ["Customer Administrator", "Customer User", "Tenant Administrator"]
    assert [it["name"] for it in await site.ok("maker", "GET", "/api/entityGroups/DEVICE")] == ["All"]


async def test_the_group_of_all_and_the_default_one_follow_their_owner(site: GroupSite) -> None:
    lamp, spare = await site.device("lamp"), await site.device("spare")
    await site.ok("maker", "POST", f"/api/customer/{site.alices['id']}/device/{lamp}")
    for owner, names in ((site.tenant, ["spare"]), (site.alices, ["lamp"]), (site.bobs, [])):
        everything = await site.default_group(owner, "All", "DEVICE")
        assert await site.names("maker", f"/api/entityGroup/{everything}/entities") == names
        assert await site.names("maker", f"/api/entityGroup/{everything}/devices") == names
        refused = await site.refused(
            400, "maker", "POST", f"/api/entityGroup/{everything}/addEntities", [spare]
        )
        assert "All" in refused["message"]
    users = await site.default_group(site.alices, "Customer Users")
    member = f"/api/entityGroup/{users}/{site.alice}"
    assert (await site.ok("maker", "GET", member))["name"] == "alice@deedbox.test"
    await site.take_out(site.alice, users)
    await site.refused(404, "maker", "GET", member)
    assert await site.names("maker", f"/api/entityGroup/{users}/users") == []
    assert await site.names("alice", "/api/users") == ["alice@deedbox.test"]
    await site.refused(403, "alice", "GET", "/api/user/devices?pageSize=10&page=0")


async def test_a_group_from_its_making_to_its_end(site: GroupSite) -> None:
    lamp = await site.device("lamp")
    body = {"name": "Shed", "type": "DEVICE", "additionalInfo": {"colour": "green"}}
    made = await site.ok("maker", "POST", "/api/entityGroup", body)
    assert (made["ownerId"], made["additionalInfo"]) == (site.tenant, {"colour": "green"})
    group = made["id"]["id"]
    renamed = await site.ok("maker", "POST", "/api/entityGroup", made | {"name": "Garage"})
    assert (renamed["name"], renamed["version"]) == ("Garage", 2)
    await site.refused(409, "maker", "POST", "/api/entityGroup", made)
    await site.put_in(lamp, group)
    in_groups = await site.ok("maker", "GET", f"/api/entityGroups/DEVICE/{lamp}")
    assert in_groups == [made["id"]]
    named = await site.ok("maker", "GET", f"/api/entityGroup/TENANT/{site.tenant['id']}/DEVICE/Garage")
    assert named == await site.ok("maker", "GET", f"/api/entityGroup/{group}")
    assert (await site.ok("maker", "GET", f"/api/entityGroupInfo/{group}"))["name"] == "Garage"
    for path in ("/api/entityGroups", "/api/entityGroups/list"):
        assert await site.ok("maker", "GET", path, entityGroupIds=group) == [named]
    await site.refused(404, "maker", "GET", f"/api/entityGroup/{group}/users?pageSize=1&page=0")
    await site.ok("maker", "DELETE", f"/api/entityGroup/{group}")
    await site.refused(404, "maker", "GET", f"/api/entityGroup/{group}")
    actions = [
        it["actionType"]
        for it in (
            await site.ok("maker", "GET", f"/api/audit/logs/entity/ENTITY_GROUP/{group}", pageSize=10, page=0)
        )["data"]
    ]
    assert sorted(actions) == ["ADDED", "ADDED_TO_ENTITY_GROUP", "DELETED", "UPDATED"]


async def test_what_can_not_be_a_group(site: GroupSite) -> None:
    lamp, everything = await site.device("lamp"), await site.default_group(site.tenant, "All", "DEVICE")
    await site.ok("maker", "POST", f"/api/customer/{site.alices['id']}/device/{lamp}")
    shed = await site.group("Shed", "DEVICE")
    post: list[tuple[int, str, Any]] = [
        (400, "/api/entityGroup", {"name": "Shed", "type": "DEVICE"}),
        (400, "/api/entityGroup", {"name": "All", "type": "DEVICE"}),
        (400, "/api/entityGroup", {"name": "X", "type": "DASHBOARD"}),
        (400, "/api/entityGroup", {"name": "", "type": "DEVICE"}),
        (400, "/api/entityGroup", {"id": {"id": everything}, "name": "X", "type": "DEVICE"}),
        (400, "/api/entityGroup", {"id": {"id": shed}, "name": "X", "type": "ASSET"}),
        (404, "/api/entityGroup", {"name": "X", "type": "DEVICE", "ownerId": reference(lamp, "CUSTOMER")}),
        (404, f"/api/entityGroup/{shed}/addEntities", [lamp]),
        (404, f"/api/entityGroup/{shed}/addEntities", [site.clerk]),
        (400, f"/api/entityGroup/{shed}/addEntities", ["no id"]),
    ]
    for status, path, body in post:
        await site.refused(status, "maker", "POST", path, body)
    await site.refused(400, "maker", "DELETE", f"/api/entityGroup/{everything}")


async def test_what_can_not_be_a_role(site: GroupSite) -> None:
    used = await site.role("Used", {"DEVICE": ["READ"]})
    await site.give(used, await site.group("Users", "USER"))
    bodies = [
        {"name": "Used", "type": "GENERIC", "permissions": {}},
        {"name": "Customer User", "type": "GENERIC", "permissions": {}},
        {"name": "X", "type": "OTHER", "permissions": {}},
        {"name": "X", "type": "GENERIC", "permissions": ["READ"]},
        {"name": "X", "type": "GROUP", "permissions": {"DEVICE": ["READ"]}},
        {"name": "X", "type": "GENERIC", "permissions": {"DOOR": ["READ"]}},
        {"name": "X", "type": "GENERIC", "permissions": {"DEVICE": ["OPEN"]}},
        {"name": "X", "type": "GROUP", "permissions": [["READ"]]},
        {"type": "GROUP", "permissions": []},
        {"id": {"id": used}, "type": "GROUP", "permissions": []},
    ]
    for body in bodies:
        await site.refused(400, "maker", "POST", "/api/role", body)
    await site.refused(400, "maker", "DELETE", f"/api/role/{used}")
    tenants = (await site.ok("maker", "GET", "/api/roles", pageSize=9, page=0, textSearch="tenant"))["data"][
        0
    ]
    await site.refused(400, "maker", "POST", "/api/role", tenants | {"permissions": {}})
    await site.refused(400, "maker", "DELETE", f"/api/role/{tenants['id']['id']}")


async def test_group_permissions_and_their_names(site: GroupSite) -> None:
    users, things = await site.group("Users", "USER"), await site.group("Shed", "DEVICE")
    looking, generic = await site.role("Looking", ["READ"]), await site.role("Any", {})
    made = await site.ok("maker", "POST", "/api/groupPermission", giving(looking, users, things))
    assert (made["entityGroupType"], made["entityGroupName"], made["role"]["name"]) == (
        "DEVICE",
        "Shed",
        "Looking",
    )
    path = f"/api/groupPermission/{made['id']['id']}"
    for read in (path, path.replace("groupPermission/", "groupPermission/info/")):
        assert await site.ok("maker", "GET", read) == made
    assert await site.ok("maker", "GET", f"/api/userGroup/{users}/groupPermissions") == [made]
    assert await site.ok("maker", "GET", f"/api/entityGroup/{things}/groupPermissions") == [made]
    shown = await site.ok("maker", "POST", "/api/userGroup/groupPermissions/info", [giving(generic, users)])
    assert [it["role"]["name"] for it in shown] == ["Any"]
    changed = await site.ok(
        "maker", "POST", "/api/groupPermission", made | {"roleId": reference(generic, "ROLE")}
    )
    assert (changed["role"]["name"], changed["entityGroupName"]) == ("Any", None)
    for status, body in (
        (400, giving(generic, users)),
        (400, giving(generic, things)),
        (400, giving(looking, users)),
        (404, giving(users, users)),
    ):
        await site.refused(status, "maker", "POST", "/api/groupPermission", body)
    await site.ok("maker", "DELETE", path)
    await site.refused(404, "maker", "GET", path)
    default = await site.default_group(site.alices, "Customer Users")
    (given,) = await site.ok("maker", "GET", f"/api/userGroup/{default}/groupPermissions")
    assert (given["readOnly"], given["role"]["name"]) == (True, "Customer User")
    await site.refused(400, "maker", "DELETE", f"/api/groupPermission/{given['id']['id']}")


async def test_what_is_made_goes_into_groups(site: GroupSite) -> None:
    shed, lights = await site.group("Shed", "DEVICE"), await site.group("Lights", "DEVICE")
    body = {"name": "lamp", "type": "default"}
    query = f"?entityGroupId={shed}&entityGroupIds={lights}"
    await site.ok("maker", "POST", "/api/device" + query, body)
    for group in (shed, lights):
        assert await site.names("maker", f"/api/entityGroup/{group}/devices") == ["lamp"]
    claimers = await site.group("Claimers", "USER", owner=site.alices)
    user = {"email": "kid@deedbox.test", "authority": "CUSTOMER_USER", "customerId": site.alices}
    await site.ok("maker", "POST", f"/api/user?entityGroupId={claimers}", user)
    assert await site.names("maker", f"/api/entityGroup/{claimers}/users") == ["kid@deedbox.test"]
    await site.refused(
        404, "maker", "POST", "/api/device" + query.replace(shed, claimers), body | {"name": "two"}
    )
    assert await site.names("maker", "/api/tenant/devices") == ["lamp"]


async def test_allowed_permissions(site: GroupSite) -> None:
    """In the names that clients know; with ours beside them."""
    found = await site.ok("alice", "GET", "/api/permissions/allowedPermissions")
    assert found["userOwnerId"] == site.alices
    assert "CLAIM_DEVICES" in found["userPermissions"]["genericPermissions"]["DEVICE"]
    assert found["ownPermissions"]["DEVICE"]["RECLAIM"] == "OWN_CUSTOMER"
    shed = await site.group("Shed", "DEVICE")
    await site.given("Looking", ["READ"], site.clerk, things=shed)
    found = (await site.ok("clerk", "GET", "/api/permissions/allowedPermissions"))["userPermissions"]
    assert found["groupPermissions"] == {shed: {"entityType": "DEVICE", "operations": ["READ"]}}
    readable = found["readEntityPermissions"]["DEVICE"]
    assert readable == {"entityGroupIds": [reference(shed)], "hasGenericRead": False}
