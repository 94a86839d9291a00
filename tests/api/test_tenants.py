"""Tenants over REST: who may, what is kept, what is refused, and how one is deleted with all that it has."""

from uuid import uuid4

import pytest

from deedbox.core.erasure import PIECE
from tests.api.administration import Administration, administration
from tests.api.deployment import Deployment


@pytest.fixture
async def site(deployment: Deployment) -> Administration:
    return await administration(deployment)


async def test_a_tenant_is_made_with_what_clients_read(site: Administration) -> None:
    """Thingsboard §6.5 and the reference client: a title is enough."""
    made = await site.ok("root", "POST", "/api/tenant", {"title": "Acme Heating & Söhne"})
    assert made["id"]["entityType"] == "TENANT"
    assert (made["name"], made["slug"], made["version"]) == ("Acme Heating & Söhne", "acme-heating-sohne", 1)
    assert made["claimHost"] is None and made["allowClaimingByDefault"] is None
    path = f"/api/tenant/{made['id']['id']}"
    assert await site.ok("root", "GET", path) == made
    info = await site.ok("root", "GET", f"/api/tenant/info/{made['id']['id']}")
    assert info == made | {"tenantProfileName": "Default"}
    profile = await site.ok("root", "GET", "/api/tenantProfileInfo/default")
    assert profile["id"] == made["tenantProfileId"]
    assert await site.ok("root", "GET", f"/api/tenantProfileInfo/{profile['id']['id']}") == profile
    whole = await site.ok("root", "GET", f"/api/tenantProfile/{profile['id']['id']}")
    assert whole["profileData"]["configuration"]["type"] == "DEFAULT"
    for path in ("/api/tenantProfiles", "/api/tenantProfileInfos"):
        assert (await site.ok("root", "GET", path, pageSize=10, page=0))["totalElements"] == 1
    wanted = f"{uuid4()},{profile['id']['id']}"
    assert await site.ok("root", "GET", "/api/tenantProfiles/list", ids=wanted) == [whole]
    assert await site.ok("root", "GET", "/api/tenantProfiles/list", ids=str(uuid4())) == []
    await site.refused(404, "root", "GET", f"/api/tenantProfile/{uuid4()}")


async def test_a_tenant_is_changed_and_keeps_what_the_body_leaves_out(site: Administration) -> None:
    """Clients that do not know our fields send a tenant back without them."""
    settings = {"slug": "acme", "claimHost": "Claim.Example.com", "allowClaimingByDefault": False}
    made = await site.ok("root", "POST", "/api/tenant", {"title": "Acme", "city": "Graz", **settings})
    assert made["claimHost"] == "claim.example.com"
    body = {"id": made["id"], "title": "Acme 2", "version": made["version"], "country": "AT"}
    changed = await site.ok("root", "POST", "/api/tenant", body)
    assert (changed["title"], changed["country"], changed["city"]) == ("Acme 2", "AT", None)
    assert (changed["slug"], changed["claimHost"]) == ("acme", "claim.example.com")
    assert (changed["allowClaimingByDefault"], changed["version"]) == (False, 2)
    error = await site.refused(409, "root", "POST", "/api/tenant", body)
    assert error["errorCode"] == 35
    cleared = await site.ok(
        "root", "POST", "/api/tenant", {"id": made["id"], "title": "A", "claimHost": None}
    )
    assert cleared["claimHost"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "   "),
        ("title", None),
        ("title", "x" * 256),
        ("title", "<b>Acme</b>"),
        ("title", "line\nbreak"),
        ("title", 7),
        ("city", "<script>alert(1)</script>"),
        ("phone", "9" * 256),
        ("slug", "Acme"),
        ("slug", "-acme"),
        ("slug", "a" * 64),
        ("claimHost", "https://example.com"),
        ("claimHost", "example.com/path"),
        ("claimHost", "exa mple.com"),
        ("claimHost", "a" * 64 + ".com"),
        ("claimHost", "münchen.example"),
        ("additionalInfo", {"text": "x" * 70_000}),
        ("additionalInfo", {"text": "\u0000"}),
        ("allowClaimingByDefault", "maybe"),
        ("eraseOnReclaim", None),
        ("version", "one"),
    ],
)
async def test_a_value_that_cannot_be_taken_is_refused_by_name(
    site: Administration, field: str, value: object
) -> None:
    """Thingsboard §6.2: 400 with code 31, and the message names the field."""
    error = await site.refused(400, "root", "POST", "/api/tenant", {"title": "Fine"} | {field: value})
    assert error["errorCode"] == 31
    assert field in error["message"] or field in str(error["errors"])


async def test_half_of_a_surrogate_pair_is_no_json(site: Administration) -> None:
    body, headers = r'{"title": "half \ud800 pair"}', {"content-type": "application/json"}
    answer = await site.call("root", "POST", "/api/tenant", content=body, headers=headers)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, 31)


@pytest.mark.parametrize("title", ["x" * 255, "a/b", "a.b", "Ünïcode 日本", "a < b", 'O\'Neil "&" Co', " x "])
async def test_titles_with_odd_characters_are_kept(site: Administration, title: str) -> None:
    made = await site.ok("root", "POST", "/api/tenant", {"title": title})
    assert made["title"] == title
    assert made["slug"].strip("-") == made["slug"] != ""


async def test_titles_slugs_and_hosts_are_unique(site: Administration) -> None:
    first = {"title": "Acme", "slug": "acme", "claimHost": "claim.example.com"}
    await site.ok("root", "POST", "/api/tenant", first)
    for field, value in first.items():
        other = {"title": "Other", "slug": "other", "claimHost": "other.example.com"} | {field: value}
        error = await site.refused(400, "root", "POST", "/api/tenant", other)
        assert (error["code"], error["errors"][0]["pointer"]) == ("name_taken", f"/{field}")
    assert (await site.ok("root", "POST", "/api/tenant", {"title": "ACME!"}))["slug"] == "acme-2"


async def test_only_system_administrators_make_change_and_delete_tenants(site: Administration) -> None:
    """Behaviour §5; a foreign tenant looks like none."""
    own, foreign = f"/api/tenant/{site.tenant_id}", f"/api/tenant/{site.rival_id}"
    for who in ("maker", "alice"):
        await site.refused(403, who, "POST", "/api/tenant", {"title": "Mine"})
        mine = {"id": {"entityType": "TENANT", "id": str(site.tenant_id)}, "title": "Mine"}
        await site.refused(403, who, "POST", "/api/tenant", mine)
        await site.refused(403, who, "DELETE", own)
        await site.refused(403, who, "DELETE", foreign)
        for path in ("/api/tenants", "/api/tenantInfos"):
            assert (await site.call(who, "GET", path)).status_code in (403, 404)
        answer = await site.call(who, "GET", "/api/tenants/list?tenantIds=" + str(site.rival_id))
        assert answer.status_code in (403, 404)
    assert (await site.ok("maker", "GET", own))["title"] == "Gadget Works"
    for path in (foreign, f"/api/tenant/info/{site.rival_id}"):
        await site.refused(404, "maker", "GET", path)
        await site.refused(403, "alice", "GET", path)
    await site.refused(403, "alice", "GET", own)
    await site.refused(401, "", "GET", own)
    for path in (f"/api/tenant/{uuid4()}", f"/api/tenant/info/{uuid4()}"):
        await site.refused(404, "root", "GET", path)


async def test_administrators_of_a_tenant_set_how_claiming_works(site: Administration) -> None:
    """Behaviour §2.7: the tenant's setting overrides the deployment's."""
    path = f"/api/tenant/{site.tenant_id}/claiming"
    changed = await site.ok("maker", "POST", path, {"allowClaimingByDefault": False})
    assert (changed["allowClaimingByDefault"], changed["eraseOnReclaim"]) == (False, False)
    wanted = {"eraseOnReclaim": True, "title": "Other", "slug": "other", "claimHost": "other.example.com"}
    changed = await site.ok("maker", "POST", path, wanted)
    assert (changed["allowClaimingByDefault"], changed["eraseOnReclaim"]) == (False, True)
    assert (changed["title"], changed["slug"], changed["claimHost"]) == ("Gadget Works", "gadget-works", None)
    changed = await site.ok("maker", "POST", path, {"allowClaimingByDefault": None})
    assert changed["allowClaimingByDefault"] is None
    await site.refused(404, "rival", "POST", path, {"eraseOnReclaim": True})
    await site.refused(403, "alice", "POST", path, {"eraseOnReclaim": True})
    await site.refused(400, "maker", "POST", path, {"eraseOnReclaim": "yes"})


async def test_tenants_are_listed_in_pages_and_by_ids(site: Administration) -> None:
    for number in range(5):
        await site.ok("root", "POST", "/api/tenant", {"title": f"Tenant {number}"})
    page = await site.ok("root", "GET", "/api/tenants", pageSize=3, page=1, sortProperty="title")
    assert [it["title"] for it in page["data"]] == ["Tenant 1", "Tenant 2", "Tenant 3"]
    assert (page["totalElements"], page["totalPages"], page["hasNext"]) == (7, 3, True)
    page = await site.ok("root", "GET", "/api/tenantInfos", pageSize=10, page=0, textSearch="RIVAL")
    assert [it["title"] for it in page["data"]] == ["Rival Works"]
    ids = [str(site.rival_id), str(uuid4()), str(site.tenant_id)]
    for path, asked in (("/api/tenants/list", ",".join(ids)), ("/api/tenants", str(ids))):
        found = await site.ok("root", "GET", path, tenantIds=asked)
        assert [it["title"] for it in found] == ["Rival Works", "Gadget Works"]
    for asked in ("x", "1,2", ",".join([str(uuid4())] * 1001)):
        error = await site.refused(400, "root", "GET", "/api/tenants/list", tenantIds=asked)
        assert "tenantIds" in error["message"]


async def test_an_unknown_tenant_or_profile_is_not_found(site: Administration) -> None:
    unknown = {"entityType": "TENANT", "id": str(uuid4())}
    await site.refused(404, "root", "POST", "/api/tenant", {"id": unknown, "title": "X"})
    body = {"title": "X", "tenantProfileId": {"entityType": "TENANT_PROFILE", "id": str(uuid4())}}
    await site.refused(404, "root", "POST", "/api/tenant", body)
    await site.refused(404, "root", "DELETE", f"/api/tenant/{uuid4()}")


async def test_a_deleted_tenant_leaves_its_ownership_ledger_only(site: Administration) -> None:
    """Behaviour §5.6: deleting a tenant closes what it must."""
    await site.claimed_device("Gadget")
    await site.device("Spare")
    await site.ok("root", "DELETE", f"/api/tenant/{site.tenant_id}")
    await site.refused(404, "root", "GET", f"/api/tenant/{site.tenant_id}")
    for who in ("maker", "alice"):
        await site.refused(401, who, "GET", "/api/devices", deviceIds=str(uuid4()))
    tables = ("customer", "user_account", "device_profile", "device", "deed", "audit_entry")
    for table in tables:
        left = site.sql(f"select count(*) from {table} where tenant_id = ?", site.tenant_id)
        assert left == [(0,)], table
    for table in ("device_state", "device_credentials", "claim_window"):
        assert site.sql(f"select count(*) from {table}") == [(0,)], table
    ledger = site.sql("select change, reason from ownership_ledger where tenant_id = ?", site.tenant_id)
    assert ledger == [("opened", "claim"), ("closed", "tenant_deleted")]
    assert site.sql("select noun from tally where owner_id = ?", site.tenant_id) == []
    (entry, *_) = (await site.ok("root", "GET", "/api/audit/logs", pageSize=5, page=0))["data"]
    assert (entry["actionType"], entry["entityName"]) == ("DELETED", "Gadget Works")
    # Nothing of the other tenant's was touched.
    assert (await site.ok("rival", "GET", "/api/customers"))["totalElements"] == 1
    assert (await site.ok("root", "GET", "/api/tenants"))["totalElements"] == 1


async def test_a_large_tenant_is_deleted_piece_by_piece(site: Administration) -> None:
    """Each transaction takes a bounded number of rows."""
    for number in range(PIECE + 1):
        await site.ok("maker", "POST", "/api/customer", {"title": f"Customer {number}"})
    await site.ok("root", "DELETE", f"/api/tenant/{site.tenant_id}")
    left = site.sql("select count(*) from customer where tenant_id = ?", site.tenant_id)
    assert left == [(0,)]
    assert site.sql("select count(*) from audit_entry where tenant_id = ?", site.tenant_id) == [(0,)]


async def test_a_slug_of_a_deleted_tenant_is_free_again(site: Administration) -> None:
    await site.ok("root", "DELETE", f"/api/tenant/{site.tenant_id}")
    assert (await site.ok("root", "POST", "/api/tenant", {"title": "Gadget Works"}))["slug"] == "gadget-works"
