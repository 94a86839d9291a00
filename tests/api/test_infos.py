"""Lists that tell owners, under the addresses of newer clients; and what the deployment says of itself."""

import time

from deedbox import __version__
from tests.api.deployment import EMAILS, Deployment
from tests.api.device_site import DeviceSite


async def test_users_come_with_their_owners_title(deployment: Deployment) -> None:
    """Thingsboard §6.5: a customer's user belongs to it, an administrator to the tenant."""
    page = await deployment.ok("maker", "GET", "/api/userInfos/all", pageSize=10, page=0)
    assert [(it["email"], it["ownerName"], it["ownerId"]["entityType"]) for it in page["data"]] == [
        (EMAILS["maker"], "Gadget Works", "TENANT"),
        (EMAILS["alice"], "Alice's home", "CUSTOMER"),
        (EMAILS["bob"], "Bob's home", "CUSTOMER"),
    ]
    alice = await deployment.who("alice")
    user_id, customer_id = alice["id"]["id"], alice["customerId"]["id"]
    page = await deployment.ok("maker", "GET", f"/api/customer/{customer_id}/userInfos")
    assert [it["ownerName"] for it in page["data"]] == ["Alice's home"]
    for who in ("maker", "alice"):
        info = await deployment.ok(who, "GET", f"/api/user/info/{user_id}")
        assert (info["email"], info["ownerName"]) == (EMAILS["alice"], "Alice's home")
    await deployment.refused(403, "bob", "GET", f"/api/user/info/{user_id}")
    await deployment.refused(404, "rival", "GET", f"/api/user/info/{user_id}")
    await deployment.refused(404, "rival", "GET", f"/api/customer/{customer_id}/userInfos")
    await deployment.refused(403, "alice", "GET", f"/api/customer/{customer_id}/userInfos")
    root = await deployment.ok("root", "GET", "/api/userInfos/all")
    assert [it["ownerName"] for it in root["data"]] == [""]


async def test_customers_come_with_their_owners_title(deployment: Deployment) -> None:
    """Thingsboard §6.5: the customer above, else the tenant."""
    alice = await deployment.who("alice")
    home = alice["customerId"]
    draft = {"title": "Alice's attic", "parentCustomerId": home}
    attic = await deployment.ok("maker", "POST", "/api/customer", draft)
    page = await deployment.ok("maker", "GET", "/api/customerInfos/all", pageSize=10, page=0)
    assert [(it["title"], it["ownerName"]) for it in page["data"]] == [
        ("Alice's home", "Gadget Works"),
        ("Bob's home", "Gadget Works"),
        ("Alice's attic", "Alice's home"),
    ]
    below = await deployment.ok("maker", "GET", f"/api/customer/{home['id']}/customerInfos", textSearch="ATT")
    assert ([it["title"] for it in below["data"]], below["totalElements"]) == (["Alice's attic"], 1)
    below = await deployment.ok("maker", "GET", f"/api/customer/{attic['id']['id']}/customerInfos")
    assert below["data"] == []
    info = await deployment.ok("alice", "GET", f"/api/customer/info/{home['id']}")
    assert (info["title"], info["ownerName"]) == ("Alice's home", "Gadget Works")
    await deployment.refused(403, "bob", "GET", f"/api/customer/info/{home['id']}")
    await deployment.refused(404, "rival", "GET", f"/api/customer/info/{home['id']}")
    await deployment.refused(404, "rival", "GET", f"/api/customer/{home['id']}/customerInfos")
    await deployment.refused(403, "alice", "GET", f"/api/customer/{home['id']}/customerInfos")


async def test_lists_of_devices_leave_those_of_customers_out(deployment: Deployment) -> None:
    """Thingsboard §6.4: `includeCustomers`, as Python writes it; owners see their own all the same."""
    site = await DeviceSite(deployment).fill()
    await site.device("free")
    await site.claimed_device("owned")
    path = "/api/deviceInfos/all"
    for query in ({}, {"includeCustomers": "True"}):
        page = await site.ok("maker", "GET", path, **query)
        assert (len(page["data"]), page["totalElements"]) == (2, 2)
    page = await site.ok("maker", "GET", path, includeCustomers="False")
    assert ([it["name"] for it in page["data"]], page["totalElements"]) == (["free"], 1)
    profile = page["data"][0]["deviceProfileId"]["id"]
    page = await site.ok("maker", "GET", path, includeCustomers="False", deviceProfileId=profile)
    assert [it["name"] for it in page["data"]] == ["free"]
    page = await site.ok("alice", "GET", path, includeCustomers="False")
    assert [it["name"] for it in page["data"]] == ["owned"]


async def test_no_mail_is_sent(deployment: Deployment) -> None:
    """Thingsboard §6.5: said plainly, with what to do instead."""
    path = "/api/user/sendActivationMail"
    refusal = await deployment.refused(400, "maker", "POST", path, email=EMAILS["alice"])
    assert "activationLink" in refusal["message"]
    await deployment.refused(401, "", "POST", path, email=EMAILS["alice"])


async def test_the_deployment_says_what_it_is(deployment: Deployment) -> None:
    """Thingsboard §6.10."""
    for who, may_impersonate in (("root", True), ("maker", True), ("alice", False)):
        info = await deployment.ok(who, "GET", "/api/system/info")
        assert info == {"version": __version__, "artifact": "deedbox", "name": "Deedbox", "type": "CE"}
        params = await deployment.ok(who, "GET", "/api/system/params")
        assert params["userTokenAccessEnabled"] is may_impersonate
        assert params["edgesSupportEnabled"] is False
        most = await deployment.ok(who, "GET", "/api/dashboard/maxDatapointsLimit")
        assert params["maxDatapointsLimit"] == most > 0
        now_ms = await deployment.ok(who, "GET", "/api/dashboard/serverTime")
        assert abs(now_ms - time.time() * 1000) < 3_600_000
    await deployment.refused(401, "", "GET", "/api/system/info")
