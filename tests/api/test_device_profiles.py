"""Device profiles over REST: what clients keep in them, our own settings, and what these do to devices."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.api.administration import Administration, administration
from tests.api.deployment import Deployment


@pytest.fixture
async def site(deployment: Deployment) -> Administration:
    return await administration(deployment)


KEPT: dict[str, Any] = {
    "description": "Many of them",
    "image": "data:image/png;base64,AAAA",
    "transportType": "MQTT",
    "provisionType": "ALLOW_CREATE_NEW_DEVICES",
    "provisionDeviceKey": "provisioning",
    "defaultQueueName": "Main",
    "defaultRuleChainId": {"entityType": "RULE_CHAIN", "id": "01890a5d-ac96-774b-bcce-b302099a8057"},
    "profileData": {
        "configuration": {"type": "DEFAULT"},
        "transportConfiguration": {
            "type": "MQTT",
            "deviceTelemetryTopic": "acme/telemetry",
            "deviceAttributesTopic": "v1/devices/me/attributes",
            "deviceAttributesSubscribeTopic": "v1/devices/me/attributes",
            "transportPayloadTypeConfiguration": {"transportPayloadType": "JSON"},
            "sendAckOnValidationException": True,
            "sparkplug": False,
            "sparkplugAttributesMetricNames": None,
        },
        "alarms": [{"alarmType": "hot"}],
        "provisionConfiguration": {"type": "ALLOW_CREATE_NEW_DEVICES", "provisionDeviceSecret": "s"},
    },
}


async def test_every_tenant_has_a_default_profile(site: Administration) -> None:
    """Thingsboard §6.4: clients ask for it before they make a device."""
    for who in ("maker", "alice"):
        info = await site.ok(who, "GET", "/api/deviceProfileInfo/default")
        assert (info["name"], info["type"], info["transportType"]) == ("default", "DEFAULT", "DEFAULT")
        assert await site.ok(who, "GET", f"/api/deviceProfileInfo/{info['id']['id']}") == info
    info = await site.ok("maker", "GET", "/api/deviceProfileInfo/default")
    foreign = await site.ok("rival", "GET", "/api/deviceProfileInfo/default")
    assert foreign["id"] != info["id"]
    body = {"name": "Without type", "deviceProfileId": info["id"]}
    assert (await site.ok("maker", "POST", "/api/device", body))["type"] == "default"


async def test_what_clients_keep_in_a_profile_comes_back(site: Administration) -> None:
    made = await site.ok("maker", "POST", "/api/deviceProfile", {"name": "thermostat", **KEPT})
    assert {field: made[field] for field in KEPT} == KEPT
    assert (made["default"], made["version"], made["type"]) == (False, 1, "DEFAULT")
    path = f"/api/deviceProfile/{made['id']['id']}"
    assert await site.ok("maker", "GET", path) == made
    changed = await site.ok("maker", "POST", "/api/deviceProfile", made | {"description": "Few"})
    assert changed == made | {"description": "Few", "version": 2}
    error = await site.refused(409, "maker", "POST", "/api/deviceProfile", made)
    assert error["errorCode"] == 35


async def test_our_settings_stay_when_a_client_does_not_know_them(site: Administration) -> None:
    own = {
        "allowClaimingByDefault": False,
        "forbidsEmptyKeys": True,
        "rotateCredentialsOnReclaim": True,
        "newSecretOnReclaim": True,
    }
    made = await site.ok("maker", "POST", "/api/deviceProfile", {"name": "p", **own})
    assert {field: made[field] for field in own} == own
    changed = await site.ok("maker", "POST", "/api/deviceProfile", {"id": made["id"], "name": "q"})
    assert {field: changed[field] for field in own} == own
    body = {"id": made["id"], "name": "q", "allowClaimingByDefault": None, "forbidsEmptyKeys": False}
    changed = await site.ok("maker", "POST", "/api/deviceProfile", body)
    assert (changed["allowClaimingByDefault"], changed["forbidsEmptyKeys"]) == (None, False)
    assert changed["newSecretOnReclaim"] is True


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", None),
        ("name", "x" * 256),
        ("name", "<svg onload=alert(1)>"),
        ("transportType", "CARRIER_PIGEON"),
        ("provisionType", "MAYBE"),
        ("type", "OTHER"),
        ("profileData", [1]),
        ("profileData", {"big": "x" * 600_000}),
        ("defaultQueueName", "<i>"),
        ("defaultRuleChainId", {"id": "no"}),
        ("allowClaimingByDefault", "maybe"),
        ("forbidsEmptyKeys", None),
        ("rotateCredentialsOnReclaim", 2),
    ],
)
async def test_a_value_that_cannot_be_taken_is_refused_by_name(
    site: Administration, field: str, value: object
) -> None:
    body = {"name": "fine"} | {field: value}
    error = await site.refused(400, "maker", "POST", "/api/deviceProfile", body)
    assert error["errorCode"] == 31
    assert field in error["message"] or field in str(error["errors"])


@pytest.mark.parametrize("name", ["x" * 255, "a/b", "Ünïcode 日本", "dot.ted", " " + "x"])
async def test_names_with_odd_characters_are_kept(site: Administration, name: str) -> None:
    assert (await site.ok("maker", "POST", "/api/deviceProfile", {"name": name}))["name"] == name


async def test_names_are_unique_in_their_tenant(site: Administration) -> None:
    error = await site.refused(400, "maker", "POST", "/api/deviceProfile", {"name": "default"})
    assert error["message"] == "Device profile with such name already exists!"
    await site.ok("maker", "POST", "/api/deviceProfile", {"name": "thermostat"})
    await site.ok("rival", "POST", "/api/deviceProfile", {"name": "thermostat"})


async def test_a_new_type_makes_a_profile_and_follows_its_name(site: Administration) -> None:
    """Thingsboard §6.4: a device of an unknown type gets a profile of that name."""
    device_id = await site.device("Gadget", "lamp")
    device = await site.ok("maker", "GET", f"/api/device/{device_id}")
    path = f"/api/deviceProfile/{device['deviceProfileId']['id']}"
    profile = await site.ok("maker", "GET", path)
    assert profile["name"] == "lamp"
    names = await site.ok("maker", "GET", "/api/deviceProfile/names")
    assert [it["name"] for it in names] == ["default", "lamp"]
    names = await site.ok("maker", "GET", "/api/deviceProfile/names", activeOnly="True")
    assert [it["name"] for it in names] == ["lamp"]
    await site.ok("maker", "POST", "/api/deviceProfile", profile | {"name": "bulb"})
    assert (await site.ok("maker", "GET", f"/api/device/{device_id}"))["type"] == "bulb"


async def test_another_profile_becomes_the_default_one(site: Administration) -> None:
    made = await site.ok("maker", "POST", "/api/deviceProfile", {"name": "thermostat"})
    path = f"/api/deviceProfile/{made['id']['id']}"
    changed = await site.ok("maker", "POST", path + "/default", {})
    assert changed["default"] is True
    page = await site.ok("maker", "GET", "/api/deviceProfiles", pageSize=10, page=0)
    assert {it["name"]: it["default"] for it in page["data"]} == {"default": False, "thermostat": True}
    error = await site.refused(400, "maker", "DELETE", path)
    assert "Default Device Profile" in error["message"]


async def test_a_profile_is_deleted_when_no_device_has_it(site: Administration) -> None:
    device_id = await site.device("Gadget", "lamp")
    device = await site.ok("maker", "GET", f"/api/device/{device_id}")
    path = f"/api/deviceProfile/{device['deviceProfileId']['id']}"
    error = await site.refused(400, "maker", "DELETE", path)
    assert "referenced by the devices" in error["message"]
    await site.ok("maker", "DELETE", f"/api/device/{device_id}")
    await site.ok("maker", "DELETE", path)
    await site.refused(404, "maker", "GET", path)
    assert (await site.ok("maker", "GET", "/api/deviceProfileInfos"))["totalElements"] == 1


async def test_profiles_are_listed_in_pages_and_by_ids(site: Administration) -> None:
    made = [await site.ok("maker", "POST", "/api/deviceProfile", {"name": f"p{n}"}) for n in range(3)]
    page = await site.ok("maker", "GET", "/api/deviceProfiles", pageSize=2, page=1, sortProperty="name")
    assert [it["name"] for it in page["data"]] == ["p1", "p2"]
    assert (page["totalElements"], page["hasNext"]) == (4, False)
    page = await site.ok("alice", "GET", "/api/deviceProfileInfos", pageSize=5, page=0, textSearch="P1")
    assert [it["name"] for it in page["data"]] == ["p1"]
    ids = [made[2]["id"]["id"], str(uuid4()), made[0]["id"]["id"]]
    for path, asked in (
        ("/api/deviceProfileInfos/list", ",".join(ids)),
        ("/api/deviceProfileInfos", str(ids)),
    ):
        found = await site.ok("maker", "GET", path, deviceProfileIds=asked)
        assert [it["name"] for it in found] == ["p2", "p0"]
        assert await site.ok("rival", "GET", path, deviceProfileIds=asked) == []


async def test_every_path_is_closed_to_other_tenants_and_customers(site: Administration) -> None:
    """Behaviour §5: a whole profile may hold provisioning secrets, so customers see what lists show only."""
    made = await site.ok("maker", "POST", "/api/deviceProfile", {"name": "thermostat", **KEPT})
    path, info = f"/api/deviceProfile/{made['id']['id']}", f"/api/deviceProfileInfo/{made['id']['id']}"
    for method, end, body in (("GET", "", None), ("DELETE", "", None), ("POST", "/default", {})):
        await site.refused(404, "rival", method, path + end, body)
        for who in ("alice", "root"):
            await site.refused(403, who, method, path + end, body)
        await site.refused(401, "", method, path + end, body)
    await site.refused(404, "rival", "POST", "/api/deviceProfile", made)
    await site.refused(404, "rival", "GET", info)
    for who in ("alice", "root"):
        await site.refused(403, who, "POST", "/api/deviceProfile", {"name": "mine"})
        await site.refused(403, who, "POST", "/api/deviceProfile", made)
        await site.refused(403, who, "GET", "/api/deviceProfiles", pageSize=10, page=0)
    shown = await site.call("alice", "GET", info)
    assert shown.status_code == 200 and "provision" not in shown.text


async def test_a_token_is_replaced_when_the_deed_ends(site: Administration) -> None:
    """Behaviour §5.5: a former owner's copy of the token stops working in the same transaction."""
    body = {"name": "rotating", "rotateCredentialsOnReclaim": True}
    await site.ok("maker", "POST", "/api/deviceProfile", body)
    for ending in ("reclaim", "unassign", "reassign", "delete customer"):
        device_id = await site.claimed_device(f"Device to {ending}", kind="rotating")
        path = f"/api/device/{device_id}/credentials"
        before = (await site.ok("maker", "GET", path))["credentialsId"]
        if ending == "reclaim":
            await site.ok("alice", "DELETE", f"/api/customer/device/Device to {ending}/claim")
        elif ending == "unassign":
            await site.ok("maker", "DELETE", f"/api/customer/device/{device_id}")
        elif ending == "reassign":
            await site.ok("maker", "POST", f"/api/customer/{site.bobs}/device/{device_id}", {})
        else:
            await site.ok("maker", "DELETE", f"/api/customer/{site.alices}")
        after = (await site.ok("maker", "GET", path))["credentialsId"]
        assert after != before
        assert await site.device_with_token(before) is None
        assert await site.device_with_token(after) == UUID(device_id)
        log = await site.call("maker", "GET", f"/api/audit/logs/entity/DEVICE/{device_id}")
        assert "CREDENTIALS_UPDATED" in log.text
        assert before not in log.text and after not in log.text


async def test_a_token_stays_where_the_profile_does_not_say_so(site: Administration) -> None:
    device_id = await site.claimed_device("Gadget")
    path = f"/api/device/{device_id}/credentials"
    before = await site.ok("maker", "GET", path)
    await site.ok("alice", "DELETE", "/api/customer/device/Gadget/claim")
    assert await site.ok("maker", "GET", path) == before


async def test_a_profile_decides_about_claiming_before_its_tenant_does(site: Administration) -> None:
    """Behaviour §2.7."""
    settings = f"/api/tenant/{site.tenant_id}/claiming"
    await site.ok("maker", "POST", settings, {"allowClaimingByDefault": False})
    await site.device("Shut", "gadget")
    await site.ok("maker", "POST", "/api/deviceProfile", {"name": "open", "allowClaimingByDefault": True})
    await site.claimed_device("Open", kind="open")
    shut = await site.ok("maker", "GET", "/api/tenant/device", deviceName="Shut")
    await site.announce(shut["id"]["id"])
    answer = await site.call("alice", "POST", "/api/customer/device/Shut/claim", json={})
    assert (answer.status_code, answer.text) == (400, '"FAILURE"')
