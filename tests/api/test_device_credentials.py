"""Device credentials over REST: tokens, MQTT_BASIC, certificates; how they are kept and who has them."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.api.deployment import Deployment, rows_beside
from tests.api.device_site import DeviceSite

TAKEN = "already assigned to another device"


@pytest.fixture
async def site(deployment: Deployment) -> DeviceSite:
    return await DeviceSite(deployment).fill()


def certificate() -> str:
    """Return a self-signed certificate in PEM form."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "device")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def everything_in(folder: Path) -> bytes:
    files = b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())
    return files + rows_beside(folder)


async def credentials(site: DeviceSite, device_id: str) -> Any:
    return await site.ok("maker", "GET", f"/api/device/{device_id}/credentials")


async def replace(site: DeviceSite, device_id: str, **fields: Any) -> Any:
    body = {"deviceId": {"entityType": "DEVICE", "id": device_id}} | fields
    return await site.ok("maker", "POST", "/api/device/credentials", body)


async def test_a_new_device_gets_a_token(site: DeviceSite) -> None:
    """Thingsboard §6.4: 20 letters and digits."""
    device_id = await site.device("D1")
    found = await credentials(site, device_id)
    token = found["credentialsId"]
    assert (found["credentialsType"], found["credentialsValue"], found["version"]) == (
        "ACCESS_TOKEN",
        None,
        1,
    )
    assert len(token) == 20 and token.isascii() and token.isalnum()
    assert found["deviceId"] == {"entityType": "DEVICE", "id": device_id}
    assert await site.device_with_token(token) == UUID(device_id)
    assert await site.device_with_token(token.swapcase()) is None
    assert await site.device_with_token("") is None


@pytest.mark.parametrize("token", ["A1_TEST_TOKEN", "a/b", "with space", "Ünïçødé", "x" * 255])
async def test_a_token_of_ones_own(site: DeviceSite, token: str) -> None:
    """Thingsboard §6.4: the query parameter `accessToken`, or the credentials beside the device."""
    made = await site.ok("maker", "POST", "/api/device", {"name": "D1"}, accessToken=token)
    assert (await credentials(site, made["id"]["id"]))["credentialsId"] == token
    body = {"device": {"name": "D2"}, "credentials": {"credentialsId": token + "2"}}
    if len(token) < 255:
        made = await site.ok("maker", "POST", "/api/device-with-credentials", body)
        assert await site.device_with_token(token + "2") == UUID(made["id"]["id"])


async def test_a_token_belongs_to_one_device_of_the_deployment(site: DeviceSite) -> None:
    """Behaviour §1: unique, also between tenants; the refusal repeats no token and makes nothing."""
    await site.ok("maker", "POST", "/api/device", {"name": "D1"}, accessToken="taken-token")
    for who in ("maker", "rival"):
        refusal = await site.refused(
            400, who, "POST", "/api/device", {"name": "D2"}, accessToken="taken-token"
        )
        assert TAKEN in refusal["message"] and "taken-token" not in refusal["message"]
    assert site.rows("select count(*) from device") == [(1,)]
    other = await site.device("D3")
    body = {"deviceId": {"id": other}, "credentialsId": "taken-token"}
    assert TAKEN in (await site.refused(400, "maker", "POST", "/api/device/credentials", body))["message"]


async def test_replaced_credentials_stop_working(site: DeviceSite) -> None:
    """Thingsboard §6.4: the whole object comes back; a stale version is refused."""
    device_id = await site.device("D1")
    before = await credentials(site, device_id)
    after = await site.ok("maker", "POST", "/api/device/credentials", before | {"credentialsId": "fresh"})
    assert (after["id"], after["version"], after["createdTime"]) == (before["id"], 2, before["createdTime"])
    assert await site.device_with_token(before["credentialsId"]) is None
    assert await site.device_with_token("fresh") == UUID(device_id)
    stale = await site.refused(409, "maker", "POST", "/api/device/credentials", before)
    assert stale["errorCode"] == 35
    assert (await replace(site, device_id))["credentialsId"] not in ("fresh", before["credentialsId"])


async def test_mqtt_credentials_are_kept_as_the_reference_does(site: DeviceSite) -> None:
    """Thingsboard §6.4: the value is a string that holds JSON; a user name is no access token."""
    device_id = await site.device("D1")
    value = {"clientId": "c", "userName": "u", "password": "p"}
    found = await replace(site, device_id, credentialsType="MQTT_BASIC", credentialsValue=json.dumps(value))
    assert json.loads(found["credentialsValue"]) == value
    assert found["credentialsId"] == hashlib.sha3_256(b"c|u").hexdigest()
    found = await replace(
        site, device_id, credentialsType="MQTT_BASIC", credentialsValue=json.dumps({"userName": "u"})
    )
    assert found["credentialsId"] == "u"
    assert await site.device_with_token("u") is None


async def test_a_certificate_is_found_by_its_fingerprint(site: DeviceSite) -> None:
    """Thingsboard §6.4: PEM in the value, SHA3 in the id."""
    device_id, pem = await site.device("D1"), certificate()
    found = await replace(site, device_id, credentialsType="X509_CERTIFICATE", credentialsValue=pem)
    assert found["credentialsValue"] == pem.strip()
    assert len(found["credentialsId"]) == 64
    again = await credentials(site, device_id)
    assert again == found


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"credentialsId": ""}, "/credentialsId"),
        ({"credentialsId": " "}, "/credentialsId"),
        ({"credentialsId": "x" * 256}, "/credentialsId"),
        ({"credentialsId": "a\nb"}, "/credentialsId"),
        ({"credentialsType": "LWM2M_CREDENTIALS", "credentialsValue": "{}"}, "/credentialsType"),
        ({"credentialsType": "nonsense"}, "/credentialsType"),
        ({"credentialsType": "MQTT_BASIC"}, "/credentialsValue"),
        ({"credentialsType": "MQTT_BASIC", "credentialsValue": "not-json-secret"}, "/credentialsValue"),
        ({"credentialsType": "MQTT_BASIC", "credentialsValue": "{}"}, "/credentialsValue"),
        (
            {"credentialsType": "MQTT_BASIC", "credentialsValue": '{"clientId":"c","password":"secret"}'},
            "/credentialsValue",
        ),
        ({"credentialsType": "X509_CERTIFICATE", "credentialsValue": "secret"}, "/credentialsValue"),
        ({"credentialsType": "X509_CERTIFICATE"}, "/credentialsValue"),
    ],
)
async def test_bad_credentials_are_refused(site: DeviceSite, fields: dict[str, Any], pointer: str) -> None:
    """Behaviour §7: 400 that names the field and never repeats what was sent."""
    device_id = await site.device("D1")
    before = await credentials(site, device_id)
    body = {"deviceId": {"id": device_id}} | fields
    refusal = await site.refused(400, "maker", "POST", "/api/device/credentials", body)
    assert [it["pointer"] for it in refusal["errors"]] == [pointer]
    assert "secret" not in json.dumps(refusal)
    assert await credentials(site, device_id) == before


async def test_credentials_need_a_device(site: DeviceSite) -> None:
    """Thingsboard §6.4."""
    refusal = await site.refused(400, "maker", "POST", "/api/device/credentials", {"credentialsId": "x"})
    assert refusal["errors"][0]["pointer"] == "/deviceId"


async def test_a_device_and_its_credentials_change_together_or_not(site: DeviceSite) -> None:
    """Thingsboard §6.4: /api/device-with-credentials for a device that is there."""
    device_id = await site.device("D1")
    await site.ok("maker", "POST", "/api/device", {"name": "D2"}, accessToken="taken")
    body = {"device": {"id": {"id": device_id}, "label": "new"}, "credentials": {"credentialsId": "taken"}}
    await site.refused(400, "maker", "POST", "/api/device-with-credentials", body)
    assert (await site.ok("maker", "GET", f"/api/device/{device_id}"))["label"] is None
    body["credentials"] = {"credentialsId": "free"}
    changed = await site.ok("maker", "POST", "/api/device-with-credentials", body)
    assert changed["label"] == "new"
    assert await site.device_with_token("free") == UUID(device_id)


async def test_tokens_are_nowhere_in_the_clear(site: DeviceSite, tmp_path: Path) -> None:
    """Behaviour §6.6, attacks A23: not in the database, its log, or the audit entries."""
    made = await site.ok("maker", "POST", "/api/device", {"name": "D1"}, accessToken="very-secret-token-1")
    await replace(site, made["id"]["id"], credentialsId="very-secret-token-2")
    await replace(
        site,
        made["id"]["id"],
        credentialsType="MQTT_BASIC",
        credentialsValue='{"userName":"very-secret-user","password":"very-secret-password"}',
    )
    stored = everything_in(tmp_path / "data")
    assert b"D1" in stored
    assert b"very-secret" not in stored
    actions = [row[0] for row in site.rows("select action from audit_entry where entity_type = 'DEVICE'")]
    assert actions.count("CREDENTIALS_UPDATED") == 2


async def test_who_read_the_credentials_is_audited(site: DeviceSite) -> None:
    """Behaviour §6.6: CREDENTIALS_READ, with the kind and never the token; refusals leave none."""
    device_id = await site.device("D1")
    path = f"/api/device/{device_id}/credentials"
    log = f"/api/audit/logs/entity/DEVICE/{device_id}?actionTypes=CREDENTIALS_READ"
    await site.refused(403, "alice", "GET", path)
    await site.refused(404, "rival", "GET", path)
    assert (await site.ok("maker", "GET", log))["data"] == []
    token = (await credentials(site, device_id))["credentialsId"]
    answer = await site.call("maker", "GET", log)
    [entry] = answer.json()["data"]
    assert entry["entityId"] == {"entityType": "DEVICE", "id": device_id}
    assert (entry["userName"], entry["entityName"]) == ("maker@deedbox.test", "D1")
    assert entry["actionData"] == {"entityId": device_id, "credentialsType": "ACCESS_TOKEN"}
    assert (entry["actionStatus"], entry["epoch"]) == ("SUCCESS", 0)
    assert token not in answer.text
