"""Devices over REST: make, change, read and delete; who may; odd names; other tenants' ids everywhere."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from deedbox.core.attributes import Report, report
from deedbox.core.ids import NULL_ID
from deedbox.core.telemetry import Point, Recording, record
from deedbox.storage.stores import Stores
from tests.api.deployment import Deployment
from tests.api.device_site import DeviceSite

TAKEN = "Device with such name already exists!"


@pytest.fixture
async def site(deployment: Deployment) -> DeviceSite:
    return await DeviceSite(deployment).fill()


def audit(site: DeviceSite, device_id: str) -> list[tuple[str, str]]:
    return [
        (row[0], row[1])
        for row in site.rows(
            "select action, data from audit_entry where entity_id = ? order by id", UUID(device_id).bytes
        )
    ]


async def test_a_device_is_made_read_and_changed(site: DeviceSite) -> None:
    """Thingsboard §6.4: the wire form; behaviour §1: a profile of the type's name is made."""
    body = {"name": "D1", "type": "lamp", "label": "Hall", "additionalInfo": {"description": "x"}}
    made = await site.ok("maker", "POST", "/api/device", body)
    path = f"/api/device/{made['id']['id']}"
    assert (made["type"], made["label"], made["version"]) == ("lamp", "Hall", 1)
    assert made["customerId"] == {"entityType": "CUSTOMER", "id": str(NULL_ID)}
    assert made["tenantId"]["id"] == str(site.tenant_id)
    assert made["additionalInfo"] == {"description": "x"}
    assert await site.ok("maker", "GET", path) == made
    assert await site.ok("maker", "GET", "/api/tenant/device", deviceName="D1") == made
    assert await site.ok("maker", "GET", "/api/tenant/devices", deviceName="D1") == made
    info = await site.ok("maker", "GET", f"/api/device/info/{made['id']['id']}")
    assert info == made | {
        "customerTitle": None, "customerIsPublic": False, "ownerName": None, "deviceProfileName": "lamp",
        "active": False, "groups": [],
    }  # fmt: skip
    changed = await site.ok("maker", "POST", "/api/device", made | {"name": "D2"})
    assert (changed["name"], changed["version"], changed["label"]) == ("D2", 2, "Hall")
    assert [action for action, _ in audit(site, made["id"]["id"])] == ["ADDED", "UPDATED"]


async def test_what_is_absent_stays_and_null_clears(site: DeviceSite) -> None:
    """A client that leaves null fields out must not lose the others."""
    made = await site.ok("maker", "POST", "/api/device", {"name": "D1", "type": "lamp", "label": "Hall"})
    kept = await site.ok("maker", "POST", "/api/device", {"id": made["id"], "name": "D1"})
    assert kept == made
    cleared = await site.ok("maker", "POST", "/api/device", {"id": made["id"], "label": None})
    assert (cleared["label"], cleared["name"], cleared["type"]) == (None, "D1", "lamp")


async def test_a_stale_version_is_refused(site: DeviceSite) -> None:
    """Thingsboard §6.2: 409 with code 35, and nothing changes."""
    made = await site.ok("maker", "POST", "/api/device", {"name": "D1"})
    await site.ok("maker", "POST", "/api/device", made | {"label": "a"})
    refusal = await site.refused(409, "maker", "POST", "/api/device", made | {"label": "b"})
    assert refusal["errorCode"] == 35
    without = await site.ok("maker", "POST", "/api/device", {"id": made["id"], "label": "c"})
    assert (without["label"], without["version"]) == ("c", 3)


@pytest.mark.parametrize(
    "name", ["a/b", "a.b.c", "a b", " a ", "Ünïçødé ☂", "a%2Fb", "?a=b&c#d", "a" * 255, "ä" * 255, "a < b"]
)
async def test_odd_names_are_kept_as_sent(site: DeviceSite, name: str) -> None:
    """Thingsboard §6.4: up to 255 characters, found again by exactly that name."""
    made = await site.ok("maker", "POST", "/api/device", {"name": name})
    assert made["name"] == name
    assert await site.ok("maker", "GET", "/api/tenant/devices", deviceName=name) == made


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": None}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "  "}, "/name"),
        ({"name": "a" * 256}, "/name"),
        ({"name": "<b>bold</b>"}, "/name"),
        ({"name": "<script>alert(1)</script>"}, "/name"),
        ({"name": "line\nbreak"}, "/name"),
        ({"name": "nul\0"}, "/name"),
        ({"name": "D", "label": "<i>x</i>"}, "/label"),
        ({"name": "D", "label": "a" * 256}, "/label"),
        ({"name": "D", "type": "<i>x</i>"}, "/type"),
        ({"name": "D", "type": "a" * 256}, "/type"),
        ({"name": "D", "additionalInfo": "text"}, "/additionalInfo"),
        ({"name": "D", "additionalInfo": {"a": "b" * 70_000}}, "/additionalInfo"),
        ({"name": "D", "deviceProfileId": {"id": str(uuid4())}}, "/deviceProfileId"),
        ({"name": 5}, "/name"),
    ],
)
async def test_bad_fields_are_named(site: DeviceSite, body: dict[str, Any], pointer: str) -> None:
    """Thingsboard §6.4: 400 with code 31, naming the field; behaviour §7: with a JSON pointer."""
    refusal = await site.refused(400, "maker", "POST", "/api/device", body)
    assert refusal["errorCode"] == 31
    assert [it["pointer"] for it in refusal["errors"]] == [pointer]
    assert site.rows("select count(*) from device") == [(0,)]


async def test_a_name_is_taken_within_its_tenant_only(site: DeviceSite) -> None:
    """Thingsboard §6.4."""
    first = await site.ok("maker", "POST", "/api/device", {"name": "D1"})
    refusal = await site.refused(400, "maker", "POST", "/api/device", {"name": "D1"})
    assert (refusal["message"], refusal["code"]) == (TAKEN, "name_taken")
    other = await site.ok("maker", "POST", "/api/device", {"name": "D2"})
    refusal = await site.refused(400, "maker", "POST", "/api/device", other | {"name": "D1"})
    assert refusal["message"] == TAKEN
    assert (await site.ok("rival", "POST", "/api/device", {"name": "D1"}))["id"] != first["id"]


async def test_a_taken_name_is_made_unique_on_request(site: DeviceSite) -> None:
    """Thingsboard §6.4: nameConflictPolicy=UNIQUIFY."""
    query = {"nameConflictPolicy": "UNIQUIFY"}
    rising = query | {"uniquifyStrategy": "INCREMENTAL", "uniquifySeparator": "-"}
    names = [
        (await site.ok("maker", "POST", "/api/device", {"name": "D"}, **asked))["name"]
        for asked in (query, rising, rising, query)
    ]
    assert names[:3] == ["D", "D-1", "D-2"]
    assert names[3].startswith("D_") and len(names[3]) == 8
    long = {"name": "x" * 255}
    await site.ok("maker", "POST", "/api/device", long)
    await site.refused(400, "maker", "POST", "/api/device", long, **query)


async def test_a_profile_is_found_by_id_or_type(site: DeviceSite) -> None:
    """Thingsboard §6.4: the profile's name is the type; without both it is the default one."""
    lamp = await site.ok("maker", "POST", "/api/device", {"name": "D1", "type": "lamp"})
    plain = await site.ok("maker", "POST", "/api/device", {"name": "D2"})
    assert plain["type"] == "default"
    body = plain | {"deviceProfileId": lamp["deviceProfileId"]}
    assert (await site.ok("maker", "POST", "/api/device", body))["type"] == "lamp"
    types = await site.ok("maker", "GET", "/api/device/types")
    assert [it["type"] for it in types] == ["default", "lamp"]
    refusal = await site.refused(
        400, "rival", "POST", "/api/device", {"name": "D", "deviceProfileId": lamp["deviceProfileId"]}
    )
    assert "non existing device profile" in refusal["message"]


async def test_an_owner_changes_the_label_only(site: DeviceSite) -> None:
    """Behaviour §5: not name, type, profile or additionalInfo; the refusal names the field."""
    device_id = await site.claimed_device("D1")
    seen = await site.ok("alice", "GET", f"/api/device/{device_id}")
    changed = await site.ok("alice", "POST", "/api/device", seen | {"label": "Kitchen"})
    assert changed["label"] == "Kitchen"
    other = {"name": "X", "type": "x", "deviceProfileId": {"id": str(uuid4())}, "additionalInfo": {"a": 1}}
    for field, value in other.items():
        refusal = await site.refused(
            403, "alice", "POST", "/api/device", {"id": seen["id"], "label": "y", field: value}
        )
        assert f"'{field}'" in refusal["message"]
    await site.refused(403, "bob", "POST", "/api/device", {"id": seen["id"], "label": "Bob's"})
    await site.refused(403, "alice", "POST", "/api/device", {"name": "New"})
    assert (await site.ok("maker", "GET", f"/api/device/{device_id}"))["label"] == "Kitchen"


async def test_changing_a_device_never_touches_ownership(site: DeviceSite) -> None:
    """Behaviour §5: `customerId` in a body that was read earlier does not undo a claim."""
    device_id = await site.device("D1")
    before = await site.ok("maker", "GET", f"/api/device/{device_id}")
    await site.ok("maker", "POST", f"/api/customer/{site.alices}/device/{device_id}")
    body = {key: value for key, value in before.items() if key != "version"}
    changed = await site.ok("maker", "POST", "/api/device", body | {"name": "D2", "type": "other"})
    assert changed["customerId"]["id"] == str(site.alices)
    body["customerId"]["id"] = str(site.bobs)
    changed = await site.ok("maker", "POST", "/api/device", body)
    assert changed["customerId"]["id"] == str(site.alices)
    assert site.rows("select count(*) from deed") == [(1,)]


async def test_a_new_device_may_have_an_owner(site: DeviceSite) -> None:
    """Thingsboard §6.4: `customerId` of a new device; a foreign customer makes nothing."""
    body = {"name": "D1", "customerId": {"entityType": "CUSTOMER", "id": str(site.alices)}}
    made = await site.ok("maker", "POST", "/api/device", body)
    assert (await site.ok("alice", "GET", f"/api/device/{made['id']['id']}"))["name"] == "D1"
    foreign = {"name": "D2", "customerId": {"entityType": "CUSTOMER", "id": str(site.rivals)}}
    await site.refused(404, "maker", "POST", "/api/device", foreign)
    assert site.rows("select count(*) from device") == [(1,)]


async def test_another_tenants_device_does_not_exist(site: DeviceSite) -> None:
    """Behaviour §5, thingsboard §6.2: 404 on every path, as for an id that nobody has."""
    device_id = await site.device("D1")
    named = {"entityType": "DEVICE", "id": device_id}
    calls: list[tuple[str, str, Any]] = [
        ("GET", f"/api/device/{device_id}", None),
        ("GET", f"/api/device/info/{device_id}", None),
        ("GET", f"/api/device/{device_id}/credentials", None),
        ("GET", f"/api/device/{device_id}/claiming", None),
        ("POST", f"/api/device/{device_id}/claiming/block", None),
        ("DELETE", f"/api/device/{device_id}/claiming/block", None),
        ("POST", "/api/device", {"id": named, "name": "Mine"}),
        ("POST", "/api/device-with-credentials", {"device": {"id": named}, "credentials": {}}),
        ("POST", "/api/device/credentials", {"deviceId": named, "credentialsId": "x"}),
        ("POST", f"/api/customer/{site.rivals}/device/{device_id}", None),
        ("POST", f"/api/customer/public/device/{device_id}", None),
        ("DELETE", f"/api/customer/device/{device_id}", None),
        ("POST", f"/api/owner/CUSTOMER/{site.rivals}/DEVICE/{device_id}", None),
        ("POST", f"/api/owner/TENANT/{site.rival_id}/DEVICE/{device_id}", None),
        ("POST", f"/api/owner/TENANT/{site.tenant_id}/DEVICE/{device_id}", None),
        ("DELETE", f"/api/device/{device_id}", None),
        ("GET", f"/api/customer/{site.alices}/devices", None),
        ("GET", f"/api/customer/{site.alices}/deviceInfos", None),
    ]
    for method, path, body in calls:
        refusal = await site.refused(404, "rival", method, path, body)
        assert refusal["errorCode"] == 32, path
    await site.refused(404, "rival", "GET", "/api/tenant/device", deviceName="D1")
    await site.refused(
        404, "maker", "POST", "/api/device", {"name": "D9", "tenantId": {"id": str(site.rival_id)}}
    )
    assert await site.ok("rival", "GET", "/api/devices", deviceIds=device_id) == []
    assert (await site.ok("maker", "GET", f"/api/device/{device_id}"))["version"] == 1


async def test_what_customers_may_not(site: DeviceSite) -> None:
    """Behaviour §5: 403 for others' devices, credentials, deletion, assignment, the tenant's lists."""
    device_id = await site.claimed_device("D1")
    calls: list[tuple[str, str, str]] = [
        ("bob", "GET", f"/api/device/{device_id}"),
        ("bob", "GET", f"/api/device/info/{device_id}"),
        ("bob", "GET", f"/api/customer/{site.alices}/devices"),
        ("alice", "GET", f"/api/device/{device_id}/credentials"),
        ("alice", "GET", f"/api/device/{device_id}/claiming"),
        ("alice", "POST", f"/api/device/{device_id}/claiming/block"),
        ("alice", "DELETE", f"/api/device/{device_id}"),
        ("alice", "POST", f"/api/customer/{site.bobs}/device/{device_id}"),
        ("alice", "DELETE", f"/api/customer/device/{device_id}"),
        ("alice", "GET", "/api/tenant/devices"),
        ("alice", "GET", "/api/tenant/deviceInfos"),
        ("root", "GET", f"/api/device/{device_id}"),
        ("root", "GET", "/api/tenant/devices"),
    ]
    for who, method, path in calls:
        assert (await site.refused(403, who, method, path))["errorCode"] == 20, path
    await site.refused(401, "", "GET", f"/api/device/{device_id}")
    assert await site.ok("bob", "GET", "/api/devices", deviceIds=device_id) == []


async def test_deleting_a_device_takes_all_but_its_history(site: DeviceSite) -> None:
    """Behaviour §5.6: the deed is closed, its ledger stays; values, credentials and windows go."""
    device_id = await site.claimed_device("D1")
    key = UUID(device_id)

    async def speak(stores: Stores) -> None:
        await record([Recording(key, [Point("t", ts, 1) for ts in range(50)])], stores.time_series)
        await report([Report(key, {"a": 1})], stores.attributes)

    await site.storage.write(speak)
    answer = await site.call("maker", "DELETE", f"/api/device/{device_id}")
    assert answer.status_code == 200
    await site.refused(404, "alice", "GET", f"/api/device/{device_id}")
    await site.refused(404, "maker", "DELETE", f"/api/device/{device_id}")
    assert (await site.ok("maker", "GET", "/api/tenant/devices"))["totalElements"] == 0
    assert (await site.ok("alice", "GET", f"/api/customer/{site.alices}/devices"))["totalElements"] == 0
    for table in ("device", "device_state", "device_credentials", "claim_window"):
        assert site.rows(f"select count(*) from {table}") == [(0,)], table
    while await site.storage.write(lambda stores: stores.devices.forget_values(10)):
        pass
    for table in ("attribute", "time_series", "latest_value", "removed_device"):
        assert site.rows(f"select count(*) from {table}") == [(0,)], table
    changes = site.rows("select change, reason from ownership_ledger order by id")
    assert changes == [("opened", "claim"), ("closed", "device_deleted")]
    assert [action for action, _ in audit(site, device_id)][-1] == "DELETED"
    assert ("device.deleted",) in site.rows("select type from outbox_event")
    await site.device("D1")


@pytest.mark.parametrize("path", ["/api/device/not-a-uuid", "/api/device/info/1", "/api/devices?deviceIds=x"])
async def test_what_is_no_id_is_refused(site: DeviceSite, path: str) -> None:
    """Thingsboard §6.2: 400 with code 31."""
    assert (await site.refused(400, "maker", "GET", path))["errorCode"] == 31
