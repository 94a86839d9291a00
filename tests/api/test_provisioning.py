"""Devices that provision themselves over HTTP: every strategy, once each, with credentials of every kind."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.api.administration import Administration, administration
from tests.api.deployment import Deployment
from tests.api.provisioning_site import (
    CHECK,
    FAILED,
    KEY,
    NOT_FOUND,
    SECRET,
    provision,
    provisioning_profile,
)
from tests.certificates import make_certificate

STATE = "values/attributes/SERVER_SCOPE"
BASIC = {"clientId": "c-1", "username": "u-1", "password": "a-password"}


@pytest.fixture
async def site(deployment: Deployment) -> Administration:
    return await administration(deployment)


async def named(site: Administration, name: str) -> dict[str, Any]:
    """A device of the maker's by its name."""
    found: dict[str, Any] = await site.ok("maker", "GET", "/api/tenant/devices", deviceName=name)
    return found


async def state_of(site: Administration, name: str) -> list[Any]:
    """The values of the device's `provisionState`."""
    path = f"/api/plugins/telemetry/DEVICE/{(await named(site, name))['id']['id']}/{STATE}"
    return [it["value"] for it in await site.ok("maker", "GET", path, keys="provisionState")]


async def log_of(site: Administration, name: str) -> list[tuple[str, str, str]]:
    """What the audit log says about provisioning, oldest first."""
    page = await site.ok("maker", "GET", "/api/audit/logs", pageSize=100, page=0)
    return [
        (it["actionType"], it["actionStatus"], it["actionFailureDetails"] or "")
        for it in reversed(page["data"])
        if it["entityName"] == name and it["actionType"].startswith("PROVISION")
    ]


async def test_a_new_device_gets_a_token_that_works_at_once(site: Administration) -> None:
    """Thingsboard §7: created in its profile, without an owner; claiming follows."""
    profile = await provisioning_profile(site)
    answer = await provision(site)
    assert answer.keys() == {"status", "credentialsType", "credentialsValue"}
    assert (answer["status"], answer["credentialsType"]) == ("SUCCESS", "ACCESS_TOKEN")
    device = await named(site, "s-1")
    assert (device["deviceProfileId"], device["type"]) == (profile["id"], "sensor")
    assert device["customerId"]["id"] == "13814000-1dd2-11b2-8080-808080808080"
    assert device["additionalInfo"] == {}
    assert await state_of(site, "s-1") == ["provisioned"]
    claim = await site.ok("", "POST", f"/api/v1/{answer['credentialsValue']}/claim", {"secretKey": "k"})
    assert claim["accepted"]
    assert await site.ok("alice", "POST", "/api/customer/device/s-1/claim", {"secretKey": "k"})
    assert await log_of(site, "s-1") == [("PROVISION_SUCCESS", "SUCCESS", "")]


async def test_a_name_is_given_once(site: Administration) -> None:
    await provisioning_profile(site)
    assert (await provision(site))["status"] == "SUCCESS"
    for _ in range(3):
        assert await provision(site) == FAILED
    # Devices ask again and again: the tenant is told once in a while.
    assert await log_of(site, "s-1") == [
        ("PROVISION_SUCCESS", "SUCCESS", ""),
        ("PROVISION_FAILURE", "FAILURE", "name taken"),
    ]
    assert await provision(site, "   ") == FAILED
    assert await provision(site, "<b>bold</b>") == FAILED


async def test_devices_without_a_name_get_one(site: Administration) -> None:
    await provisioning_profile(site)
    answers = [await provision(site, None), await provision(site, "")]
    assert [it["status"] for it in answers] == ["SUCCESS", "SUCCESS"]
    found = await site.ok("maker", "GET", "/api/tenant/devices", pageSize=10, page=0, type="sensor")
    assert {len(it["name"]) for it in found["data"]} == {20}
    assert len({it["name"] for it in found["data"]}) == 2


async def test_gateways(site: Administration) -> None:
    await provisioning_profile(site)
    assert (await provision(site, "gate", gateway=True))["status"] == "SUCCESS"
    assert (await named(site, "gate"))["additionalInfo"] == {"gateway": True}


async def test_credentials_of_the_devices_own_choice(site: Administration) -> None:
    """Thingsboard §7; MQTT_BASIC comes back as an object, as the reference server tells it."""
    await provisioning_profile(site)
    token = await provision(site, "by-token", credentialsType="ACCESS_TOKEN", token="MY_OWN_TOKEN")
    assert (token["credentialsType"], token["credentialsValue"]) == ("ACCESS_TOKEN", "MY_OWN_TOKEN")
    basic = await provision(site, "by-password", credentialsType="MQTT_BASIC", **BASIC)
    assert basic["credentialsType"] == "MQTT_BASIC"
    assert basic["credentialsValue"] == {"clientId": "c-1", "userName": "u-1", "password": "a-password"}
    again = await provision(site, "another", credentialsType="ACCESS_TOKEN", token="MY_OWN_TOKEN")
    assert again == FAILED
    await site.refused(404, "maker", "GET", "/api/tenant/devices", deviceName="another")
    assert await log_of(site, "another") == [("PROVISION_FAILURE", "FAILURE", "bad credentials")]
    unknown = {"provisionDeviceKey": KEY, "provisionDeviceSecret": SECRET, "credentialsType": "LWM2M"}
    await site.refused(400, "", "POST", "/api/v1/provision", unknown)


async def test_certificates_come_with_and_without_their_frame(site: Administration, tmp_path: Path) -> None:
    await provisioning_profile(site)
    for number, is_framed in enumerate((True, False)):
        pem = make_certificate(tmp_path / str(number)).certificate.read_text()
        bare = "".join(it for it in pem.splitlines() if not it.startswith("-"))
        wanted = {"credentialsType": "X509_CERTIFICATE", "hash": pem if is_framed else bare}
        answer = await provision(site, f"by-certificate-{number}", **wanted)
        assert (answer["status"], answer["credentialsType"]) == ("SUCCESS", "X509_CERTIFICATE")
        assert answer["credentialsValue"].splitlines() == pem.splitlines()
    assert await provision(site, "by-nothing", credentialsType="X509_CERTIFICATE", hash="MIIB") == FAILED


async def test_devices_made_before_are_handed_their_credentials_once(site: Administration) -> None:
    """Thingsboard §7: of two at the same moment one wins, as the database decides."""
    await provisioning_profile(site, CHECK)
    made = await site.make_device("s-1", "sensor")
    token = await site.device_token(made["id"]["id"])
    answers = await asyncio.gather(*(provision(site, credentialsType="ACCESS_TOKEN") for _ in range(8)))
    won = [it for it in answers if it["status"] == "SUCCESS"]
    assert [it["credentialsValue"] for it in won] == [token]
    assert [it for it in answers if it["status"] != "SUCCESS"] == [FAILED] * 7
    assert await state_of(site, "s-1") == ["provisioned"]
    # The tenant lets it provision itself once more.
    path = f"/api/plugins/telemetry/DEVICE/{made['id']['id']}/SERVER_SCOPE"
    await site.ok("maker", "POST", path, {"provisionState": "again"})
    assert (await provision(site))["credentialsValue"] == token
    assert await provision(site) == FAILED


async def test_only_devices_of_the_profile_are_handed_out(site: Administration) -> None:
    await provisioning_profile(site, CHECK)
    await site.make_device("elsewhere", "other")
    assert await provision(site, "elsewhere") == FAILED
    assert await provision(site, "nowhere") == FAILED
    assert await provision(site, None) == FAILED
    assert await log_of(site, "elsewhere") == [("PROVISION_FAILURE", "FAILURE", "unknown device")]
    await site.refused(404, "maker", "GET", "/api/tenant/devices", deviceName="nowhere")


async def test_wrong_keys_and_secrets_read_alike(site: Administration) -> None:
    await provisioning_profile(site)
    assert await provision(site, provisionDeviceKey="wrong") == NOT_FOUND
    assert await provision(site, provisionDeviceSecret="wrong") == NOT_FOUND
    assert await provision(site, provisionDeviceKey="", provisionDeviceSecret="") == NOT_FOUND
    await site.refused(404, "maker", "GET", "/api/tenant/devices", deviceName="s-1")
    assert await log_of(site, "s-1") == []


async def test_disabled_profiles_provision_nobody(site: Administration) -> None:
    profile = await provisioning_profile(site)
    await site.ok("maker", "POST", "/api/deviceProfile", profile | {"provisionType": "DISABLED"})
    assert await provision(site) == NOT_FOUND


async def test_deleted_profiles_provision_nobody(site: Administration) -> None:
    profile = await provisioning_profile(site)
    await site.ok("maker", "DELETE", f"/api/deviceProfile/{profile['id']['id']}")
    assert await provision(site) == NOT_FOUND
    assert await provisioning_profile(site)  # the key is free again


async def test_texts_that_no_device_can_have(site: Administration) -> None:
    """JSON may carry NUL; it is wrong, and nothing else happens."""
    await provisioning_profile(site)
    assert await provision(site, "nul\0") == FAILED
    assert await provision(site, token="nul\0") == FAILED
    assert await provision(site, provisionDeviceKey="nul\0") == NOT_FOUND
    assert await provision(site, provisionDeviceSecret="nul\0") == NOT_FOUND


BAD = [
    b"",
    b"[]",
    b"{",
    b'{"provisionDeviceKey":"a"}',
    b'{"provisionDeviceKey":{},"provisionDeviceSecret":"s"}',
]


@pytest.mark.parametrize("body", BAD)
async def test_what_is_no_request_is_400_and_never_repeated(site: Administration, body: bytes) -> None:
    answer = await site.call("", "POST", "/api/v1/provision", content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_value")
    assert (await site.call("", "GET", "/api/v1/provision")).status_code == 405


async def test_guessing_ends_soon(site: Administration) -> None:
    """Whoever guesses is stopped, and the rest of the factory behind the same address is not."""
    await provisioning_profile(site)
    wrong = {"provisionDeviceKey": "misconfigured", "provisionDeviceSecret": "x", "deviceName": "s-9"}
    for _ in range(20):
        assert (await site.ok("", "POST", "/api/v1/provision", wrong)) == NOT_FOUND
    answer = await site.call("", "POST", "/api/v1/provision", json=wrong)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    assert int(answer.headers["retry-after"]) > 0
    assert (await provision(site))["status"] == "SUCCESS"


async def test_secrets_of_a_key_can_not_be_guessed(site: Administration) -> None:
    """However many come at once, and even a right one counts no more then (attacks A01)."""
    await provisioning_profile(site)
    body = {"provisionDeviceKey": KEY, "provisionDeviceSecret": "wrong"}
    asked = [site.call("", "POST", "/api/v1/provision", json=body) for _ in range(40)]
    statuses = [it.status_code for it in await asyncio.gather(*asked)]
    assert sorted(statuses) == [200] * 20 + [429] * 20
    right = body | {"provisionDeviceSecret": SECRET}
    assert (await site.call("", "POST", "/api/v1/provision", json=right)).status_code == 429
