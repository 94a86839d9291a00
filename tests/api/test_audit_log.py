"""The audit log over REST: who reads it, its filters and pages, and what claims leave in it."""

from uuid import uuid4

import pytest

from tests.api.administration import Administration, administration
from tests.api.deployment import Deployment

CLAIM = "/api/customer/device/Gadget/claim"


@pytest.fixture
async def site(deployment: Deployment) -> Administration:
    return await administration(deployment)


async def test_an_entry_has_the_shape_that_clients_read(site: Administration) -> None:
    """Thingsboard §5.7: a claim is ASSIGNED_TO_CUSTOMER with the customer's id and title."""
    device_id = await site.claimed_device("Gadget")
    log = await site.ok("maker", "GET", f"/api/audit/logs/entity/DEVICE/{device_id}", pageSize=10, page=0)
    assert log["totalElements"] == 3
    assigned, read, added = log["data"]
    actions = [it["actionType"] for it in (assigned, read, added)]
    assert actions == ["ASSIGNED_TO_CUSTOMER", "CREDENTIALS_READ", "ADDED"]
    assert assigned["actionData"] == {
        "entityId": device_id,
        "assignedCustomerId": str(site.alices),
        "assignedCustomerName": "Alice's home",
        "reason": "claim",
    }
    assert assigned["entityId"] == {"entityType": "DEVICE", "id": device_id}
    assert assigned["customerId"] == {"entityType": "CUSTOMER", "id": str(site.alices)}
    assert assigned["tenantId"] == {"entityType": "TENANT", "id": str(site.tenant_id)}
    assert (assigned["userName"], assigned["entityName"]) == ("alice@deedbox.test", "Gadget")
    assert (assigned["actionStatus"], assigned["actionFailureDetails"]) == ("SUCCESS", "")
    assert list(assigned["id"]) == ["id"]
    assert added["customerId"]["id"] == "13814000-1dd2-11b2-8080-808080808080"


async def test_refused_claims_are_in_it_without_their_keys(site: Administration) -> None:
    """Behaviour §6.4 and §6.6: who, from where, which name, why; never the key."""
    device_id = await site.device("Gadget")
    await site.call("alice", "POST", CLAIM, json={"secretKey": "my-wrong-guess"})
    await site.call(
        "bob", "POST", "/api/customer/device/Nobody's/claim", json={"secretKey": "my-wrong-guess"}
    )
    answer = await site.call("maker", "GET", "/api/audit/logs?actionTypes=claim_device")
    entries = answer.json()["data"]
    assert [(it["entityName"], it["userName"]) for it in entries] == [
        ("Nobody's", "bob@deedbox.test"),
        ("Gadget", "alice@deedbox.test"),
    ]
    assert {it["actionStatus"] for it in entries} == {"FAILURE"}
    assert all(it["actionFailureDetails"] for it in entries)
    assert entries[1]["entityId"]["id"] == device_id
    assert entries[0]["entityId"]["entityType"] == "DEVICE"
    assert "my-wrong-guess" not in answer.text


async def test_entries_are_found_by_customer_user_and_time(site: Administration) -> None:
    await site.device("Gadget")
    await site.call("alice", "POST", CLAIM, json={"secretKey": "x"})
    await site.call("bob", "POST", CLAIM, json={"secretKey": "x"})
    everything = (await site.ok("maker", "GET", "/api/audit/logs", pageSize=100, page=0))["data"]
    of_bob = [it for it in everything if it["userId"]["id"] == await site.user_id("bob")]
    assert "CLAIM_DEVICE" in {it["actionType"] for it in of_bob}
    by_customer = await site.ok("maker", "GET", f"/api/audit/logs/customer/{site.bobs}")
    assert by_customer["data"] == [it for it in everything if it["customerId"]["id"] == str(site.bobs)]
    assert "CLAIM_DEVICE" in {it["actionType"] for it in by_customer["data"]}
    by_user = await site.ok("maker", "GET", f"/api/audit/logs/user/{await site.user_id('bob')}")
    assert by_user["data"] == of_bob
    times = [it["createdTime"] for it in everything]
    assert times == sorted(times, reverse=True)
    path = "/api/audit/logs"
    later = await site.ok("maker", "GET", path, startTime=times[0], endTime=times[0] + 1)
    assert {it["createdTime"] for it in later["data"]} == {times[0]}
    assert (await site.ok("maker", "GET", path, startTime=times[0] + 1))["data"] == []
    assert (await site.ok("maker", "GET", path, endTime=times[-1] - 1))["data"] == []
    ascending = await site.ok("maker", "GET", path, sortOrder="ASC", sortProperty="createdTime", pageSize=100)
    assert ascending["data"] == everything[::-1]
    found = await site.ok("maker", "GET", path, textSearch="BOB@deedbox", actionTypes="CLAIM_DEVICE")
    assert [it["userName"] for it in found["data"]] == ["bob@deedbox.test"]


async def test_pages_hold_every_entry_once(site: Administration) -> None:
    for number in range(25):
        await site.ok("maker", "POST", "/api/customer", {"title": f"Customer {number}"})
    whole = await site.ok("maker", "GET", "/api/audit/logs", pageSize=1000, page=0)
    seen, number = [], 0
    while True:
        page = await site.ok("maker", "GET", "/api/audit/logs", pageSize=7, page=number)
        assert page["totalElements"] == len(whole["data"])
        seen += page["data"]
        number += 1
        if not page["hasNext"]:
            break
        # What happens meanwhile moves no entry to another page.
        await site.call("alice", "GET", "/api/customers")
    assert seen == whole["data"]


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("actionTypes", "NONSENSE"),
        ("actionTypes", "ADDED,NONSENSE"),
        ("startTime", -1),
        ("startTime", "yesterday"),
        ("endTime", 1 << 60),
        ("sortProperty", "actionData"),
        ("pageSize", 0),
        ("page", -1),
        ("sortOrder", "UP"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(
    site: Administration, query: str, value: object
) -> None:
    error = await site.refused(400, "maker", "GET", "/api/audit/logs", **{query: value})
    assert error["errorCode"] == 31


async def test_each_tenant_reads_its_own_log_and_customers_none(site: Administration) -> None:
    device_id = await site.claimed_device("Gadget")
    paths = [
        "/api/audit/logs",
        f"/api/audit/logs/entity/DEVICE/{device_id}",
        f"/api/audit/logs/customer/{site.alices}",
        f"/api/audit/logs/user/{uuid4()}",
    ]
    for path in paths:
        await site.refused(403, "alice", "GET", path)
        await site.refused(401, "", "GET", path)
        foreign = await site.call("rival", "GET", path)
        assert foreign.status_code == 200
        assert "Gadget" not in foreign.text and "Alice" not in foreign.text
        assert device_id not in foreign.text
    of_root = (await site.ok("root", "GET", "/api/audit/logs"))["data"]
    assert {it["entityId"]["entityType"] for it in of_root} == {"TENANT", "USER"}
    assert {it["tenantId"]["id"] for it in of_root} == {"13814000-1dd2-11b2-8080-808080808080"}
    await site.ok("maker", "DELETE", f"/api/device/{device_id}")
    log = await site.ok("maker", "GET", paths[1])
    assert log["data"][0]["actionType"] == "DELETED"


async def test_secrets_of_profiles_and_tenants_stay_out(site: Administration) -> None:
    """Behaviour §6.6."""
    secret = "provisioning-secret"
    body = {"name": "p", "provisionDeviceKey": secret, "profileData": {"provisionDeviceSecret": secret}}
    made = await site.ok("maker", "POST", "/api/deviceProfile", body)
    await site.ok("maker", "POST", "/api/deviceProfile", made)
    log = await site.call("maker", "GET", "/api/audit/logs?actionTypes=ADDED,UPDATED")
    assert secret not in log.text
