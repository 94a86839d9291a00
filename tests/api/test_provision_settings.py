"""The secrets of device profiles: encrypted, shown to those who read one profile, never in lists or logs."""

import logging
from typing import Any

import pytest

from deedbox.core.provision_settings import Strategy
from tests.api.administration import Administration, administration
from tests.api.deployment import Deployment
from tests.api.provisioning_site import CHECK, KEY, SECRET, profile_body, provision, provisioning_profile

CONFIGURATION = "provisionConfiguration"


@pytest.fixture
async def site(deployment: Deployment) -> Administration:
    return await administration(deployment)


def secrets_of(profile: dict[str, Any]) -> tuple[str | None, str | None]:
    return profile["provisionDeviceKey"], profile["profileData"][CONFIGURATION]["provisionDeviceSecret"]


async def test_secrets_come_back_and_who_reads_them_is_written_down(site: Administration) -> None:
    made = await provisioning_profile(site)
    assert secrets_of(made) == (KEY, SECRET)
    path = f"/api/deviceProfile/{made['id']['id']}"
    assert await site.ok("maker", "GET", path) == made
    entries = await site.ok("maker", "GET", f"/api/audit/logs/entity/DEVICE_PROFILE/{made['id']['id']}",
                            pageSize=10, page=0)  # fmt: skip
    assert [it["actionType"] for it in reversed(entries["data"])] == ["ADDED", "CREDENTIALS_READ"]
    for who in ("alice", "bob"):
        await site.refused(403, who, "GET", path)


async def test_lists_never_show_them(site: Administration) -> None:
    made = await provisioning_profile(site)
    page = await site.ok("maker", "GET", "/api/deviceProfiles", pageSize=10, page=0)
    [listed] = [it for it in page["data"] if it["id"] == made["id"]]
    assert secrets_of(listed) == (None, None)
    assert listed["provisionType"] == "ALLOW_CREATE_NEW_DEVICES"
    # What a client has from a list and saves does not cost the devices their key.
    saved = await site.ok("maker", "POST", "/api/deviceProfile", listed | {"description": "new"})
    assert secrets_of(saved) == (KEY, SECRET)
    assert (await provision(site))["status"] == "SUCCESS"


async def test_nothing_stored_or_logged_holds_them(
    site: Administration, caplog: pytest.LogCaptureFixture
) -> None:
    """Attacks A23: whoever has the database has no key."""
    caplog.set_level(logging.DEBUG)
    await provisioning_profile(site)
    await provision(site)
    for table in ("device_profile", "audit_entry", "outbox_event", "profile_provisioning"):
        rows = repr(site.sql(f"select * from {table}"))
        assert KEY not in rows
        assert SECRET not in rows
    assert SECRET not in caplog.text


@pytest.mark.parametrize("strategy", [Strategy.ALLOW_CREATE_NEW_DEVICES, CHECK])
async def test_a_strategy_needs_key_and_secret(site: Administration, strategy: Strategy) -> None:
    without_key = profile_body(strategy, key="")
    error = await site.refused(400, "maker", "POST", "/api/deviceProfile", without_key)
    assert error["errors"][0]["pointer"] == "/provisionDeviceKey"
    without_secret = profile_body(strategy, secret=None)
    error = await site.refused(400, "maker", "POST", "/api/deviceProfile", without_secret)
    assert error["errors"][0]["pointer"].endswith("/provisionDeviceSecret")
    await site.refused(400, "maker", "POST", "/api/deviceProfile", profile_body(strategy, secret="x" * 256))
    no_object = profile_body(strategy) | {"profileData": {CONFIGURATION: [SECRET]}}
    error = await site.refused(400, "maker", "POST", "/api/deviceProfile", no_object)
    assert SECRET not in str(error)


async def test_a_key_belongs_to_one_profile_of_all_tenants(site: Administration) -> None:
    await provisioning_profile(site)
    error = await site.refused(400, "rival", "POST", "/api/deviceProfile", profile_body())
    assert error["message"] == "Device profile with such provision device key already exists!"
    page = await site.ok("rival", "GET", "/api/deviceProfiles", pageSize=10, page=0)
    assert "sensor" not in [it["name"] for it in page["data"]]


async def test_a_tenant_that_is_deleted_leaves_none(site: Administration) -> None:
    await provisioning_profile(site)
    await site.ok("root", "DELETE", f"/api/tenant/{site.tenant_id}")
    assert site.sql("select * from profile_provisioning") == []
