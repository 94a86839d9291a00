"""Limits of tenants over REST: who may, what is refused, and that they count at once."""

from uuid import uuid4

import pytest

from tests.api.administration import Administration, administration
from tests.api.deployment import Deployment

FIELDS = [
    f"transport{whose}{kind}RateLimit"
    for whose in ("Tenant", "Device", "Gateway", "GatewayDevice")
    for kind in ("Msg", "TelemetryMsg", "TelemetryDataPoints")
]


@pytest.fixture
async def site(deployment: Deployment) -> Administration:
    return await administration(deployment)


async def test_a_tenant_has_no_limits_until_some_are_set(site: Administration) -> None:
    path = f"/api/tenant/{site.tenant_id}/limits"
    none = dict.fromkeys(FIELDS, "")
    assert await site.ok("root", "GET", path) == dict.fromkeys(FIELDS) | {"inForce": none}
    body = {field: f"{number}:1, {number}0:60," for number, field in enumerate(FIELDS, 1)}
    kept = {field: f"{number}:1,{number}0:60" for number, field in enumerate(FIELDS, 1)}
    assert await site.ok("root", "POST", path, body) == kept | {"inForce": kept}
    assert await site.ok("maker", "GET", path) == kept | {"inForce": kept}, "its administrators see them"
    await site.ok("root", "POST", path, {FIELDS[0]: None, FIELDS[1]: "", "other": 1})
    changed = kept | {FIELDS[0]: None, FIELDS[1]: ""}
    assert await site.ok("root", "GET", path) == changed | {"inForce": kept | {FIELDS[0]: "", FIELDS[1]: ""}}
    other = f"/api/tenant/{site.rival_id}/limits"
    assert (await site.ok("root", "GET", other))["inForce"] == none


async def test_who_may(site: Administration) -> None:
    path = f"/api/tenant/{site.tenant_id}/limits"
    await site.refused(403, "maker", "POST", path, {FIELDS[0]: ""})
    await site.refused(404, "rival", "GET", path)
    await site.refused(403, "rival", "POST", path, {})
    await site.refused(403, "alice", "GET", path)
    await site.refused(401, "", "GET", path)
    nowhere = f"/api/tenant/{uuid4()}/limits"
    await site.refused(404, "root", "GET", nowhere)
    await site.refused(404, "root", "POST", nowhere, {})


@pytest.mark.parametrize("value", ["10", "10:0", "10:1;2:3", "ten:1", 10, ["10:1"], {"10": 1}, True])
async def test_what_is_no_limit_is_refused_and_changes_nothing(site: Administration, value: object) -> None:
    path = f"/api/tenant/{site.tenant_id}/limits"
    before = await site.ok("root", "GET", path)
    error = await site.refused(400, "root", "POST", path, {FIELDS[0]: "1:1", FIELDS[3]: value})
    assert error["errors"][0]["pointer"] == f"/{FIELDS[3]}"
    assert await site.ok("root", "GET", path) == before


async def test_a_change_counts_at_once_and_is_counted(site: Administration) -> None:
    device_id = await site.device("limited")
    token = await site.device_token(device_id)
    reports = f"/api/v1/{token}/attributes"
    path = f"/api/tenant/{site.tenant_id}/limits"
    await site.ok("", "POST", reports, {"a": 1})
    await site.ok("root", "POST", path, {"transportDeviceMsgRateLimit": "1:3600"})
    await site.ok("", "POST", reports, {"a": 2})
    refused = await site.refused(429, "", "POST", reports, {"a": 3})
    assert refused["code"] == "too_many_messages"
    metrics = (await site.call("", "GET", "/metrics")).text
    assert 'deedbox_limited_messages_total{kind="messages",whose="device"} 1.0' in metrics
    await site.ok("root", "POST", path, {"transportDeviceMsgRateLimit": None})
    await site.ok("", "POST", reports, {"a": 4})


async def test_changes_are_in_the_audit_log(site: Administration) -> None:
    """Behaviour §6.4."""
    await site.ok("root", "POST", f"/api/tenant/{site.tenant_id}/limits", {FIELDS[3]: "5:1"})
    entries = await site.ok("root", "GET", "/api/audit/logs", pageSize=1, page=0)
    entry = entries["data"][0]
    assert (entry["actionType"], entry["entityId"]["id"]) == ("UPDATED", str(site.tenant_id))
    assert entry["actionData"]["limits"] == {"device_messages": "5:1"}


async def test_a_tenants_limits_go_with_it(site: Administration) -> None:
    await site.ok("root", "POST", f"/api/tenant/{site.rival_id}/limits", {FIELDS[0]: "5:1"})
    await site.ok("root", "DELETE", f"/api/tenant/{site.rival_id}")
    assert site.sql("select count(*) from tenant_limits") == [(0,)]
