"""A device's label: the tenant makes and reads it; whoever holds it claims with either of its keys."""

import pytest

from deedbox.core.labels import read_fragment
from tests.api.deployment import Deployment

CLAIM = "/api/customer/device/Kettle%201/claim"


async def kettle(deployment: Deployment) -> str:
    """The path of a new device's label."""
    device_id = (await deployment.make_device("Kettle 1"))["id"]["id"]
    return f"/api/device/{device_id}/label"


async def fails(deployment: Deployment, who: str, key: str) -> None:
    """A claim with that key is refused."""
    answer = await deployment.call(who, "POST", CLAIM, json={"secretKey": key})
    assert (answer.status_code, answer.json()) == (400, "FAILURE")


async def test_a_label_is_made_read_and_replaced(deployment: Deployment) -> None:
    """Promised by behaviour §3.5: the tenant may print it again."""
    label = await kettle(deployment)
    missing = await deployment.refused(404, "maker", "GET", label)
    assert "no label" in missing["message"]
    made = await deployment.ok("maker", "POST", label)
    assert made["deviceName"] == "Kettle 1"
    assert [len(part) for part in made["shortCode"].split("-")] == [3, 3, 3]
    assert await deployment.ok("maker", "GET", label) == made
    another = await deployment.ok("maker", "POST", label)
    assert another["qrKey"] != made["qrKey"]
    assert another["shortCode"] != made["shortCode"]
    await fails(deployment, "alice", made["qrKey"])
    await deployment.ok("alice", "POST", CLAIM, {"secretKey": another["qrKey"]})
    await deployment.refused(404, "maker", "GET", label)


@pytest.mark.parametrize("typed", ["{}", " {} ", "lower", "spaced", "together"])
async def test_the_short_code_claims_however_it_is_typed(deployment: Deployment, typed: str) -> None:
    """Promised by behaviour §2.4 and §3.5: both keys die at the claim."""
    label = await kettle(deployment)
    made = await deployment.ok("maker", "POST", label)
    code: str = made["shortCode"]
    forms = {"lower": code.lower(), "spaced": code.replace("-", " "), "together": code.replace("-", "")}
    await deployment.ok("alice", "POST", CLAIM, {"secretKey": forms.get(typed) or typed.format(code)})
    await deployment.ok("alice", "DELETE", CLAIM)
    for key in (made["shortCode"], made["qrKey"]):
        await fails(deployment, "bob", key)


async def test_the_link_leads_to_the_tenants_own_page(deployment: Deployment) -> None:
    """Name and key are in the fragment, which no server sees."""
    label = await kettle(deployment)
    made = await deployment.ok("maker", "POST", label)
    page, _, fragment = made["link"].partition("#")
    assert page == "http://deedbox.test/t/gadget-works/d"
    assert read_fragment(fragment) == ("Kettle 1", made["qrKey"])
    tenant_id = (await deployment.who("maker"))["tenantId"]["id"]
    tenant = await deployment.ok("root", "GET", f"/api/tenant/{tenant_id}")
    await deployment.ok("root", "POST", "/api/tenant", tenant | {"claimHost": "claim.gadgets.test"})
    made = await deployment.ok("maker", "GET", label)
    assert made["link"].startswith("https://claim.gadgets.test/d#Kettle%201.")


async def test_only_the_tenant_makes_and_reads_labels(deployment: Deployment) -> None:
    label = await kettle(deployment)
    made = await deployment.ok("maker", "POST", label)
    await deployment.ok("alice", "POST", CLAIM, {"secretKey": made["qrKey"]})
    await deployment.ok("maker", "POST", label)
    for method in ("POST", "GET"):
        await deployment.refused(403, "alice", method, label)
        await deployment.refused(403, "bob", method, label)
        await deployment.refused(404, "rival", method, label)
        await deployment.refused(401, "", method, label)


async def test_the_audit_log_tells_of_labels_but_not_their_keys(deployment: Deployment) -> None:
    label = await kettle(deployment)
    made = await deployment.ok("maker", "POST", label)
    await deployment.ok("maker", "GET", label)
    page = await deployment.ok("maker", "GET", "/api/audit/logs", pageSize=2, page=0)
    assert [it["actionType"] for it in page["data"]] == ["CREDENTIALS_READ", "CREDENTIALS_UPDATED"]
    assert made["qrKey"] not in str(page)
    assert made["shortCode"] not in str(page)


async def test_a_deed_that_ends_leaves_a_new_label(deployment: Deployment) -> None:
    """Promised by behaviour §5.5: `newSecretOnReclaim` of the device profile."""
    wanted = {"name": "kettle", "newSecretOnReclaim": True}
    await deployment.ok("maker", "POST", "/api/deviceProfile", wanted)
    device_id = (await deployment.make_device("Kettle 1", "kettle"))["id"]["id"]
    label = f"/api/device/{device_id}/label"
    first = await deployment.ok("maker", "POST", label)
    await deployment.ok("alice", "POST", CLAIM, {"secretKey": first["shortCode"]})
    await deployment.refused(404, "maker", "GET", label)
    await deployment.ok("alice", "DELETE", CLAIM)
    second = await deployment.ok("maker", "GET", label)
    await fails(deployment, "alice", first["shortCode"])
    await deployment.ok("bob", "POST", CLAIM, {"secretKey": second["shortCode"]})
