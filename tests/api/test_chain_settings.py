"""Profiles that let devices in by who signed their certificates: what they need, show and keep."""

import hashlib
import ssl
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.api.administration import Administration, administration
from tests.api.deployment import Deployment
from tests.api.provisioning_site import KEY, NOT_FOUND, SECRET, chain_body, profile_body, provision
from tests.certificates import Authority

PROFILE = "/api/deviceProfile"
CONFIGURATION = "provisionConfiguration"
POINTER = f"/profileData/{CONFIGURATION}"


@pytest.fixture
async def site(deployment: Deployment) -> Administration:
    return await administration(deployment)


@pytest.fixture
def signer(tmp_path: Path) -> str:
    return Authority(tmp_path).certificate.read_text()


def configuration_of(profile: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = profile["profileData"][CONFIGURATION]
    return found


async def test_what_is_saved_comes_back(site: Administration, signer: str) -> None:
    """Thingsboard §7: the key is the certificate's SHA3-256, as there."""
    made = await site.ok("maker", "POST", PROFILE, chain_body(signer))
    assert configuration_of(made) == {
        "type": "X509_CERTIFICATE_CHAIN",
        "provisionDeviceSecret": signer,
        "certificateRegExPattern": r"(.*)\.example\.com",
        "allowCreateNewDevicesByX509Certificate": True,
    }
    text = b64encode(ssl.PEM_cert_to_DER_cert(signer))
    assert made["provisionDeviceKey"] == hashlib.sha3_256(text).hexdigest()
    assert await site.ok("maker", "GET", f"{PROFILE}/{made['id']['id']}") == made


async def test_what_comes_from_a_list_and_is_saved_keeps_all(site: Administration, signer: str) -> None:
    made = await site.ok("maker", "POST", PROFILE, chain_body(signer))
    page = await site.ok("maker", "GET", "/api/deviceProfiles", pageSize=10, page=0)
    [listed] = [it for it in page["data"] if it["id"] == made["id"]]
    assert set(configuration_of(listed).values()) == {"X509_CERTIFICATE_CHAIN", None}
    saved = await site.ok("maker", "POST", PROFILE, listed)
    assert configuration_of(saved) == configuration_of(made)


async def test_a_certificate_is_no_secret(site: Administration, signer: str) -> None:
    """Attacks A1: the certificate is known to everybody, so it must not pass for key and secret."""
    made = await site.ok("maker", "POST", PROFILE, chain_body(signer))
    key = made["provisionDeviceKey"]
    asked = {"provisionDeviceKey": key, "provisionDeviceSecret": signer}
    assert await provision(site, "thief", **asked) == NOT_FOUND
    body = profile_body(key="", secret=None) | {"id": made["id"]}
    error = await site.refused(400, "maker", "POST", PROFILE, body)
    assert error["errors"][0]["pointer"] == "/provisionDeviceKey"
    await site.ok("maker", "POST", PROFILE, profile_body() | {"id": made["id"]})
    assert (await provision(site))["status"] == "SUCCESS"
    # And what was a secret is no certificate.
    error = await site.refused(400, "maker", "POST", PROFILE, chain_body(None) | {"id": made["id"]})
    assert error["errors"][0]["pointer"] == f"{POINTER}/provisionDeviceSecret"
    assert KEY not in str(error)
    assert SECRET not in str(error)


async def test_one_signer_belongs_to_one_profile(site: Administration, signer: str) -> None:
    await site.ok("maker", "POST", PROFILE, chain_body(signer))
    error = await site.refused(400, "rival", "POST", PROFILE, chain_body(signer))
    assert error["message"] == "Device profile with such certificate already exists!"


async def test_what_cannot_be_used(site: Administration, signer: str, tmp_path: Path) -> None:
    device = Authority(tmp_path / "other").device("lamp").certificate.read_text()
    for body, field in (
        (chain_body("no certificate"), "provisionDeviceSecret"),
        (chain_body(None), "provisionDeviceSecret"),
        (chain_body(device), "provisionDeviceSecret"),
        (chain_body(signer + " " * 70_000), "provisionDeviceSecret"),
        (chain_body(signer, None), "certificateRegExPattern"),
        (chain_body(signer, "no group"), "certificateRegExPattern"),
    ):
        error = await site.refused(400, "maker", "POST", PROFILE, body)
        assert error["errors"][0]["pointer"] == f"{POINTER}/{field}"
    wrong = chain_body(signer)
    configuration_of(wrong)["allowCreateNewDevicesByX509Certificate"] = "yes"
    error = await site.refused(400, "maker", "POST", PROFILE, wrong)
    assert error["errors"][0]["pointer"] == POINTER
