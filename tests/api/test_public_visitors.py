"""Visitors of a public customer: they look at what it shows, and never claim, reclaim or change anything."""

from typing import Any
from uuid import uuid4

from tests.api.deployment import Deployment

CLAIM = "/api/customer/device/Fountain/claim"


async def visited(deployment: Deployment) -> tuple[str, dict[str, Any]]:
    """The id of a public customer that shows one device, and a visitor's token pair."""
    device = await deployment.make_device("Fountain")
    shown = await deployment.ok("maker", "POST", f"/api/customer/public/device/{device['id']['id']}")
    customer_id = shown["customerId"]["id"]
    pair = await deployment.ok("", "POST", "/api/auth/login/public", {"publicId": customer_id})
    deployment.tokens["visitor"] = pair["token"]
    return customer_id, pair


async def test_a_visitor_sees_the_public_device_and_claims_nothing(deployment: Deployment) -> None:
    """Promised by behaviour §4: public-customer logins never claim or reclaim."""
    customer_id, _ = await visited(deployment)
    page = await deployment.ok("visitor", "GET", f"/api/customer/{customer_id}/devices", pageSize=10, page=0)
    assert [device["name"] for device in page["data"]] == ["Fountain"]
    await deployment.refused(403, "visitor", "POST", CLAIM, {})
    await deployment.refused(403, "visitor", "DELETE", CLAIM)


async def test_a_visitor_changes_nothing(deployment: Deployment) -> None:
    """What everybody can look at, nobody in particular may command, write or rename."""
    customer_id, _ = await visited(deployment)
    page = await deployment.ok("visitor", "GET", f"/api/customer/{customer_id}/devices", pageSize=10, page=0)
    device = page["data"][0]
    device_id = device["id"]["id"]
    values = f"/api/plugins/telemetry/DEVICE/{device_id}"
    for method, path, body in (
        ("POST", f"{values}/SHARED_SCOPE", {"on": True}),
        ("DELETE", f"{values}/SHARED_SCOPE?keys=on", None),
        ("POST", f"/api/rpc/oneway/{device_id}", {"method": "on", "params": {}}),
        ("POST", f"/api/rpc/twoway/{device_id}", {"method": "on", "params": {}}),
        ("POST", "/api/device", device | {"label": "Mine"}),
    ):
        await deployment.refused(403, "visitor", method, path, body)
    await deployment.ok("visitor", "GET", f"{values}/values/attributes")


async def test_a_visitor_is_nobody(deployment: Deployment) -> None:
    customer_id, _ = await visited(deployment)
    await deployment.refused(401, "visitor", "GET", "/api/auth/user")
    for path in ("/api/users", "/api/users/info", "/api/userInfos/all"):
        assert (await deployment.ok("visitor", "GET", path))["data"] == []
    for path in (f"/api/customer/{customer_id}/users", "/api/customer/users"):
        await deployment.refused(403, "visitor", "GET", path)
    wanted = {"currentPassword": "", "newPassword": "another good password"}
    await deployment.refused(404, "visitor", "POST", "/api/auth/changePassword", wanted)


async def test_a_visit_goes_on_with_its_refresh_token(deployment: Deployment) -> None:
    _, pair = await visited(deployment)
    for _ in range(2):
        await deployment.ok("", "POST", "/api/auth/token", {"refreshToken": pair["refreshToken"]})


async def test_signing_out_ends_nobody_elses_visit(deployment: Deployment) -> None:
    customer_id, _ = await visited(deployment)
    await deployment.ok("visitor", "POST", "/api/auth/logout")
    await deployment.ok("visitor", "GET", f"/api/customer/{customer_id}/devices")


async def test_only_public_customers_have_visitors(deployment: Deployment) -> None:
    private = (await deployment.who("alice"))["customerId"]["id"]
    for public_id in (private, str(uuid4()), "no-uuid"):
        await deployment.refused(401, "", "POST", "/api/auth/login/public", {"publicId": public_id})
