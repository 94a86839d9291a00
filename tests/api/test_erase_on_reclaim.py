"""A tenant that wants nothing kept: what an owner's time left behind is gone when the deed ends."""

import pytest

from tests.api.deployment import Deployment

CLAIM = "/api/customer/device/Kettle/claim"


async def erasing(deployment: Deployment) -> tuple[str, str]:
    """Id and token of a device of a tenant with `eraseOnReclaim`."""
    maker = await deployment.who("maker")
    tenant_id = maker["tenantId"]["id"]
    await deployment.ok("maker", "POST", f"/api/tenant/{tenant_id}/claiming", {"eraseOnReclaim": True})
    device_id = (await deployment.make_device("Kettle"))["id"]["id"]
    return device_id, await deployment.device_token(device_id)


async def claimed_and_used(deployment: Deployment, device_id: str, token: str) -> None:
    """Alice claims the device; it measures and reports, she and the tenant write attributes."""
    await deployment.ok("", "POST", f"/api/v1/{token}/claim", {"secretKey": "k"})
    await deployment.ok("alice", "POST", CLAIM, {"secretKey": "k"})
    await deployment.ok("", "POST", f"/api/v1/{token}/telemetry", {"ts": 7, "values": {"heat": 20}})
    await deployment.ok("", "POST", f"/api/v1/{token}/attributes", {"firmware": "1.0"})
    values = f"/api/plugins/telemetry/DEVICE/{device_id}"
    await deployment.ok("alice", "POST", f"{values}/SHARED_SCOPE", {"hers": True})
    await deployment.ok("maker", "POST", f"{values}/SHARED_SCOPE", {"ours": True})


async def seen(deployment: Deployment, who: str, device_id: str) -> tuple[set[str], set[str], set[str]]:
    """Keys of series with latest values, of series with a past, and of attributes."""
    values = f"/api/plugins/telemetry/DEVICE/{device_id}"
    latest = await deployment.ok(who, "GET", f"{values}/keys/timeseries")
    asked = {"keys": "heat", "startTs": 0, "endTs": 100}
    past = await deployment.ok(who, "GET", f"{values}/values/timeseries", **asked)
    attributes = await deployment.ok(who, "GET", f"{values}/values/attributes")
    return set(latest), set(past), {it["key"] for it in attributes}


@pytest.mark.parametrize("ending", ["owner", "tenant", "unassign", "assign"])
async def test_nobody_reads_it_once_the_deed_has_ended(deployment: Deployment, ending: str) -> None:
    """Promised by behaviour §5.3: nobody, the tenant neither; attributes of the tenant stay."""
    device_id, token = await erasing(deployment)
    await claimed_and_used(deployment, device_id, token)
    assert await seen(deployment, "maker", device_id) == ({"heat"}, {"heat"}, {"firmware", "hers", "ours"})
    bobs = (await deployment.who("bob"))["customerId"]["id"]
    who, method, path = {
        "owner": ("alice", "DELETE", CLAIM),
        "tenant": ("maker", "DELETE", CLAIM),
        "unassign": ("maker", "DELETE", f"/api/customer/device/{device_id}"),
        "assign": ("maker", "POST", f"/api/customer/{bobs}/device/{device_id}"),
    }[ending]
    await deployment.ok(who, method, path)
    assert await seen(deployment, "maker", device_id) == (set(), set(), {"ours"})
    if ending == "assign":
        assert await seen(deployment, "bob", device_id) == (set(), set(), {"ours"})


async def test_the_same_owner_starts_anew(deployment: Deployment) -> None:
    """Without the setting it would read its own earlier time again."""
    device_id, token = await erasing(deployment)
    await claimed_and_used(deployment, device_id, token)
    await deployment.ok("alice", "DELETE", CLAIM)
    await deployment.ok("", "POST", f"/api/v1/{token}/claim", {"secretKey": "k"})
    await deployment.ok("alice", "POST", CLAIM, {"secretKey": "k"})
    assert await seen(deployment, "alice", device_id) == (set(), set(), {"ours"})
    await deployment.ok("", "POST", f"/api/v1/{token}/telemetry", {"ts": 8, "values": {"heat": 21}})
    assert (await seen(deployment, "alice", device_id))[:2] == ({"heat"}, {"heat"})
