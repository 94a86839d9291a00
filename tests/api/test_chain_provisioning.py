"""Devices that a certificate authority lets in, made or found by the common name of their certificate."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from deedbox.core.credentials import Login
from deedbox.core.device_certificates import Chain, read_pem
from deedbox.transports.certificates import CertificateLogins
from deedbox.transports.provisioning import DeviceProvisioning
from tests.api.administration import Administration, administration
from tests.api.deployment import Deployment
from tests.api.provisioning_site import chain_body
from tests.certificates import Authority

PROFILE = "/api/deviceProfile"


class Site:
    """A deployment with a factory whose certificates let devices in, and the way that all transports take."""

    def __init__(self, people: Administration, factory: Authority) -> None:
        self.people = people
        self.factory = factory
        self.counted: list[str] = []
        parts = people.parts
        provisioning = DeviceProvisioning(
            parts.storage, parts.keys, parts.settings.provisioning, self.counted.append
        )
        self.logins = CertificateLogins(parts.storage, parts.keys, provisioning, parts.live, None)
        self.strict = CertificateLogins(parts.storage, parts.keys, provisioning, parts.live, [])

    def chain(self, name: str, age_days: float = 1) -> Chain:
        """The certificates of a device: its own, and the factory's."""
        made = self.factory.device_with_chain(f"{name}.example.com", age_days=age_days)
        return read_pem(made.certificate.read_text())

    async def come(self, chain: Chain, logins: CertificateLogins | None = None) -> Login | None:
        """What a transport does with a client that shows these."""
        logins = logins or self.logins
        shown = await logins.find(chain)
        if shown.login is None and shown.profile is not None:
            return await logins.provision(chain, "192.0.2.1")
        return shown.login

    async def profile(self, **more: Any) -> dict[str, Any]:
        """Make the profile."""
        body = chain_body(self.factory.certificate.read_text(), **more)
        made: dict[str, Any] = await self.people.ok("maker", "POST", PROFILE, body)
        return made

    async def named(self, name: str) -> dict[str, Any]:
        """A device of the maker's."""
        made: dict[str, Any] = await self.people.ok("maker", "GET", "/api/tenant/devices", deviceName=name)
        return made

    async def log(self, name: str) -> list[tuple[str, str]]:
        """What the audit log says of a name, oldest first."""
        page = await self.people.ok("maker", "GET", "/api/audit/logs", pageSize=100, page=0)
        found = [it for it in reversed(page["data"]) if it["entityName"] == name]
        return [(it["actionType"], it["actionFailureDetails"] or "") for it in found]


@pytest.fixture
async def site(deployment: Deployment, tmp_path: Path) -> Site:
    return Site(await administration(deployment), Authority(tmp_path))


async def test_a_new_device_is_made_without_an_owner(site: Site) -> None:
    """Thingsboard §7; from then on the certificate is its credentials, claiming follows."""
    profile, chain = await site.profile(), site.chain("lamp")
    login = await site.come(chain)
    assert login is not None
    device = await site.named("lamp")
    assert device["id"]["id"] == str(login.device_id)
    assert device["deviceProfileId"] == profile["id"]
    assert device["customerId"]["id"] == "13814000-1dd2-11b2-8080-808080808080"
    assert await site.come(chain) == await site.come(chain[:1]) == login
    assert await site.log("lamp") == [("ADDED", ""), ("PROVISION_SUCCESS", "")]
    assert site.counted == ["success"]
    path = f"/api/device/{device['id']['id']}/credentials"
    assert (await site.people.ok("maker", "GET", path))["credentialsType"] == "X509_CERTIFICATE"


async def test_of_two_at_once_there_is_one_device(site: Site) -> None:
    await site.profile()
    chain = site.chain("lamp")
    logins = await asyncio.gather(*(site.logins.provision(chain, "192.0.2.1") for _ in range(4)))
    assert len(set(logins)) == 1
    assert await site.log("lamp") == [("ADDED", ""), ("PROVISION_SUCCESS", "")]


async def test_a_newer_certificate_takes_the_place_of_an_older_one_and_never_the_other_way(
    site: Site,
) -> None:
    """Attacks A7: whoever has a key of former times can't take the device back."""
    await site.profile()
    old, new = site.chain("lamp", 3), site.chain("lamp", 2)
    first, second = await site.come(old), await site.come(new)
    assert first is not None
    assert second is not None
    assert first.device_id == second.device_id
    assert await site.come(old) is None
    assert await site.come(new) == second
    assert await site.log("lamp") == [
        ("ADDED", ""),
        ("PROVISION_SUCCESS", ""),
        ("CREDENTIALS_UPDATED", ""),
        ("PROVISION_SUCCESS", ""),
        ("PROVISION_FAILURE", "older certificate"),
    ]


async def test_devices_that_the_tenant_keeps_apart(site: Site) -> None:
    """A device with a token, or of another profile, is not taken over; and the tenant is told."""
    profile = await site.profile(makes_devices=False)
    await site.people.ok("maker", "POST", "/api/device", {"name": "other", "type": "elsewhere"})
    mine = {"name": "mine", "deviceProfileId": profile["id"]}
    await site.people.ok("maker", "POST", "/api/device", mine)
    for name, reason in (
        ("other", "name taken"),
        ("mine", "other credentials"),
        ("nobody", "unknown device"),
    ):
        for _ in range(2):
            assert await site.come(site.chain(name)) is None
        assert (await site.log(name))[-1] == ("PROVISION_FAILURE", reason)
    page = await site.people.ok("maker", "GET", "/api/audit/logs", pageSize=100, page=0)
    assert sum(it["actionType"] == "PROVISION_FAILURE" for it in page["data"]) == 3


async def test_names_that_do_not_fit_the_pattern(site: Site) -> None:
    await site.profile(pattern=r"^(lamp-\d+)\.example\.com$")
    assert await site.come(site.chain("heater-1")) is None
    assert await site.log("heater-1.example.com") == [("PROVISION_FAILURE", "bad name")]
    assert await site.come(site.chain("lamp-1")) is not None


async def test_who_is_not_let_in(site: Site, tmp_path: Path) -> None:
    """The factory must be in the chain, have signed, and be in a profile at that time."""
    chain = site.chain("lamp")
    assert await site.come(chain) is None
    profile = await site.profile()
    [false_one] = read_pem(Authority(tmp_path / "false").device("lamp.example.com").certificate.read_text())
    for bad in ([false_one, chain[1]], chain[:1], [chain[1], chain[1]], [chain[0], *[chain[1]] * 10], []):
        assert await site.come(bad) is None
    assert await site.log("lamp") == []
    off = {"provisionType": "DISABLED"}
    login = await site.come(chain)
    await site.people.ok("maker", "POST", PROFILE, profile | off)
    assert await site.come(site.chain("heater")) is None
    assert await site.come(chain) == login  # it is the device's own by now


async def test_a_deployment_that_trusts_certain_signers_only(site: Site) -> None:
    """Then a device's certificate needs one of them, or its profile's."""
    await site.profile()
    chain = site.chain("lamp")
    login = await site.come(chain, site.strict)
    assert login is not None
    assert await site.come(chain, site.strict) == login
    assert await site.come(chain[:1], site.strict) is None
    parts = site.people.parts
    provisioning = DeviceProvisioning(parts.storage, parts.keys, parts.settings.provisioning, print)
    trusting = CertificateLogins(parts.storage, parts.keys, provisioning, parts.live, chain[1:])
    assert await site.come(chain[:1], trusting) == login
