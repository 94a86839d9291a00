"""Assets over REST: who may, what is kept and refused, whom they are assigned to, what goes with them."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from deedbox.core.ids import NULL_ID
from tests.api.administration import Administration, administration
from tests.api.deployment import Deployment


@pytest.fixture
async def site(deployment: Deployment) -> Administration:
    return await administration(deployment)


async def make(site: Administration, name: str, kind: str = "room", **more: Any) -> dict[str, Any]:
    """Make an asset of the maker's."""
    made: dict[str, Any] = await site.ok("maker", "POST", "/api/asset", {"name": name, "type": kind, **more})
    return made


def path(asset: dict[str, Any]) -> str:
    return f"/api/asset/{asset['id']['id']}"


async def assign(site: Administration, asset: dict[str, Any], customer_id: UUID | str) -> Any:
    return await site.ok("maker", "POST", f"/api/customer/{customer_id}/asset/{asset['id']['id']}")


async def test_an_asset_is_made_read_changed_and_deleted(site: Administration) -> None:
    """Thingsboard §6.6."""
    made = await make(site, "Boiler room", label="Down", additionalInfo={"description": "warm"})
    assert (made["name"], made["type"], made["label"]) == ("Boiler room", "room", "Down")
    assert made["customerId"]["id"] == str(NULL_ID)
    assert made["ownerId"] == {"entityType": "TENANT", "id": str(site.tenant_id)}
    assert await site.ok("maker", "GET", path(made)) == made
    info = await site.ok("maker", "GET", f"/api/asset/info/{made['id']['id']}")
    assert (info["assetProfileName"], info["customerTitle"]) == ("room", None)
    assert await site.ok("maker", "GET", "/api/tenant/asset", assetName="Boiler room") == made
    assert await site.ok("maker", "GET", "/api/tenant/assets", assetName="Boiler room") == made
    body = {"id": made["id"], "name": "Cellar", "version": 1}
    changed = await site.ok("maker", "POST", "/api/asset", body)
    assert (changed["name"], changed["label"], changed["version"]) == ("Cellar", "Down", 2)
    assert changed["additionalInfo"] == {"description": "warm"}
    assert (await site.refused(409, "maker", "POST", "/api/asset", body))["errorCode"] == 35
    assert await site.ok("maker", "POST", "/api/asset", changed) == changed
    await site.ok("maker", "DELETE", path(made))
    await site.refused(404, "maker", "GET", path(made))
    await site.refused(404, "maker", "DELETE", path(made))
    log = (await site.ok("maker", "GET", f"/api/audit/logs/entity/ASSET/{made['id']['id']}"))["data"]
    assert [it["actionType"] for it in log] == ["DELETED", "UPDATED", "ADDED"]
    assert log[1]["actionData"]["entity"] == {"id": made["id"]["id"], "name": "Cellar"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", " \t"),
        ("name", None),
        ("name", "x" * 256),
        ("name", "<script>"),
        ("name", 7),
        ("name", "nul \u0000"),
        ("type", "<b>"),
        ("type", "x" * 256),
        ("label", "line\nbreak"),
        ("additionalInfo", "no object"),
        ("additionalInfo", {"text": "x" * 70_000}),
        ("additionalInfo", {"text": "\u0000"}),
        ("assetProfileId", {"id": "no uuid"}),
        ("assetProfileId", {"id": str(UUID(int=7))}),
        ("version", "first"),
    ],
)
async def test_a_value_that_cannot_be_taken_is_refused_by_name(
    site: Administration, field: str, value: object
) -> None:
    error = await site.refused(400, "maker", "POST", "/api/asset", {"name": "Fine"} | {field: value})
    assert error["errorCode"] == 31
    assert field in error["message"] or field == "assetProfileId"
    assert (await site.ok("maker", "GET", "/api/tenant/assets"))["totalElements"] == 0


@pytest.mark.parametrize("body", ["", "[]", "null", "{", '"text"', '{"name": "x"', "\xff"])
async def test_what_is_no_asset_is_refused(site: Administration, body: str) -> None:
    answer = await site.call("maker", "POST", "/api/asset", content=body.encode("latin-1"))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_value")


async def test_names_are_unique_in_their_tenant_only(site: Administration) -> None:
    first, second = await make(site, "Room"), await make(site, "Hall")
    error = await site.refused(400, "maker", "POST", "/api/asset", {"name": "Room"})
    assert (error["code"], error["message"]) == ("name_taken", "Asset with such name already exists!")
    await site.refused(400, "maker", "POST", "/api/asset", {"id": second["id"], "name": "Room"})
    await site.ok("maker", "POST", "/api/asset", {"id": first["id"], "name": "Room", "label": "L"})
    await site.ok("rival", "POST", "/api/asset", {"name": "Room"})
    # What is not offered is refused, rather than done in another way.
    await site.refused(400, "maker", "POST", "/api/asset?nameConflictPolicy=UNIQUIFY", {"name": "Room"})


async def test_types_are_profiles(site: Administration) -> None:
    """Thingsboard §6.6: a new type makes a profile; the default one is there from the start."""
    default = await site.ok("alice", "GET", "/api/assetProfileInfo/default")
    plain = await site.ok("maker", "POST", "/api/asset", {"name": "Plain"})
    assert (plain["type"], plain["assetProfileId"]) == ("default", default["id"])
    room = await make(site, "Room")
    assert (await make(site, "Hall"))["assetProfileId"] == room["assetProfileId"]
    body = {"id": plain["id"], "assetProfileId": room["assetProfileId"], "type": "ignored"}
    assert (await site.ok("maker", "POST", "/api/asset", body))["type"] == "room"
    await site.ok("maker", "POST", "/api/asset", {"id": plain["id"], "type": "default"})
    types = await site.ok("alice", "GET", "/api/asset/types")
    assert [(it["type"], it["entityType"]) for it in types] == [("default", "ASSET"), ("room", "ASSET")]
    for listing in ("/api/assetProfileInfos", "/api/assetProfiles"):
        page = await site.ok("maker", "GET", listing, pageSize=1, page=1, sortProperty="name")
        assert ([it["name"] for it in page["data"]], page["totalElements"]) == (["room"], 2)
    page = await site.ok("alice", "GET", "/api/assetProfileInfos", textSearch="DEF")
    assert [it["name"] for it in page["data"]] == ["default"]
    profile_id = room["assetProfileId"]["id"]
    asked = f"{profile_id},{uuid4()},{default['id']['id']}"
    for listing in ("/api/assetProfileInfos", "/api/assetProfileInfos/list"):
        found = await site.ok("maker", "GET", listing, assetProfileIds=asked)
        assert [it["name"] for it in found] == ["room", "default"]
    assert (await site.ok("maker", "GET", f"/api/assetProfile/{profile_id}"))["default"] is False
    assert (await site.ok("maker", "GET", f"/api/assetProfileInfo/{profile_id}"))["name"] == "room"
    await site.refused(404, "rival", "GET", f"/api/assetProfileInfo/{profile_id}")
    await site.refused(404, "rival", "GET", f"/api/assetProfile/{default['id']['id']}")
    names = await site.ok("maker", "GET", "/api/assetProfile/names", activeOnly="True")
    assert [it["name"] for it in names] == ["default", "room"]


async def test_a_profile_is_deleted_when_no_asset_has_it(site: Administration) -> None:
    asset = await make(site, "Room")
    where = f"/api/assetProfile/{asset['assetProfileId']['id']}"
    await site.refused(400, "maker", "DELETE", where)
    await site.refused(400, "maker", "DELETE", f"/api/assetProfile/{site.tenant_id}")
    await site.ok("maker", "DELETE", path(asset))
    await site.refused(403, "alice", "DELETE", where)
    await site.refused(404, "rival", "DELETE", where)
    await site.ok("maker", "DELETE", where)
    await site.refused(404, "maker", "DELETE", where)
    assert [it["type"] for it in await site.ok("maker", "GET", "/api/asset/types")] == ["default"]


async def test_a_profile_is_made_and_renamed(site: Administration) -> None:
    made = await site.ok("maker", "POST", "/api/assetProfile", {"name": "room", "description": "ignored"})
    asset = await make(site, "Room")
    assert (asset["assetProfileId"], made["default"]) == (made["id"], False)
    assert await site.ok("maker", "POST", "/api/assetProfile", made) == made
    renamed = await site.ok("maker", "POST", "/api/assetProfile", made | {"name": "chamber"})
    assert renamed == made | {"name": "chamber"}
    assert (await site.ok("maker", "GET", path(asset)))["type"] == "chamber"
    default = await site.ok("maker", "GET", f"/api/assetProfile/{site.tenant_id}")
    assert default["default"] is True
    await make(site, "Hall", "hall")
    for body in (
        made | {"name": "hall"},
        made | {"name": ""},
        made | {"name": None},
        default | {"name": "other"},
        {"name": "default"},
        {"name": "hall"},
        {"name": "<b>"},
        {"name": "x" * 256},
        {},
    ):
        error = await site.refused(400, "maker", "POST", "/api/assetProfile", body)
        assert error["errors"][0]["pointer"] == "/name"
    for who, status in (("rival", 404), ("alice", 403), ("root", 403), ("", 401)):
        await site.refused(status, who, "POST", "/api/assetProfile", made | {"name": "taken over"})
    log = (await site.ok("maker", "GET", f"/api/audit/logs/entity/ASSET_PROFILE/{made['id']['id']}"))["data"]
    assert [it["actionType"] for it in log] == ["UPDATED", "ADDED"]


async def test_an_asset_is_assigned_and_taken_back(site: Administration) -> None:
    """Thingsboard §6.6: assign as for devices; 400 where there is nothing to take back."""
    asset = await make(site, "Room")
    where = f"/api/customer/asset/{asset['id']['id']}"
    error = await site.refused(400, "maker", "DELETE", where)
    assert error["message"] == "Asset isn't assigned to any customer!"
    assert (await assign(site, asset, site.alices))["customerId"]["id"] == str(site.alices)
    assert await assign(site, asset, site.alices) == await site.ok("alice", "GET", path(asset))
    await site.refused(403, "bob", "GET", path(asset))
    await assign(site, asset, site.bobs)
    await site.refused(403, "alice", "GET", path(asset))
    assert (await site.ok("bob", "GET", "/api/assetInfos/all"))["data"][0]["customerTitle"] == "Bob's home"
    assert (await site.ok("maker", "DELETE", where))["customerId"]["id"] == str(NULL_ID)
    await site.refused(403, "bob", "GET", path(asset))
    log = (await site.ok("maker", "GET", f"/api/audit/logs/entity/ASSET/{asset['id']['id']}"))["data"]
    taken, given = "UNASSIGNED_FROM_CUSTOMER", "ASSIGNED_TO_CUSTOMER"
    assert [it["actionType"] for it in log] == [taken, given, taken, given, "ADDED"]
    assert log[0]["actionData"]["unassignedCustomerName"] == "Bob's home"
    for stranger in (uuid4(), site.rivals):
        await site.refused(404, "maker", "POST", f"/api/customer/{stranger}/asset/{asset['id']['id']}")


async def test_newer_clients_change_owners(site: Administration) -> None:
    asset = await make(site, "Room", customerId={"id": str(site.bobs)})
    end = f"ASSET/{asset['id']['id']}"
    assert asset["customerId"]["id"] == str(site.bobs)
    await site.ok("maker", "POST", f"/api/owner/CUSTOMER/{site.alices}/{end}")
    await site.ok("alice", "GET", path(asset))
    await site.refused(404, "maker", "POST", f"/api/owner/TENANT/{site.rival_id}/{end}")
    await site.ok("maker", "POST", f"/api/owner/TENANT/{site.tenant_id}/{end}")
    await site.refused(403, "alice", "GET", path(asset))


async def test_visitors_look_at_public_assets(site: Administration) -> None:
    asset, other = await make(site, "Fountain"), await make(site, "Cellar")
    public = await site.ok("maker", "POST", f"/api/customer/public/asset/{asset['id']['id']}")
    body = {"publicId": public["customerId"]["id"]}
    site.tokens["visitor"] = (await site.ok("", "POST", "/api/auth/login/public", body))["token"]
    assert (await site.ok("visitor", "GET", path(asset)))["name"] == "Fountain"
    await site.refused(403, "visitor", "GET", path(other))
    await site.refused(403, "visitor", "DELETE", path(asset))


async def test_every_path_is_closed_to_others(site: Administration) -> None:
    """Behaviour §5, attacks A12: of another tenant's assets nothing is told; customers change none."""
    asset = await make(site, "Room")
    await assign(site, asset, site.alices)
    asset_id = asset["id"]["id"]
    reads = [path(asset), f"/api/asset/info/{asset_id}"]
    for read in reads:
        await site.refused(404, "rival", "GET", read)
        await site.refused(403, "bob", "GET", read)
        await site.refused(403, "root", "GET", read)
        await site.refused(401, "", "GET", read)
    changes = [
        ("POST", "/api/asset", {"id": asset["id"], "label": "mine"}),
        ("DELETE", path(asset), None),
        ("POST", f"/api/customer/{site.alices}/asset/{asset_id}", None),
        ("POST", f"/api/customer/public/asset/{asset_id}", None),
        ("DELETE", f"/api/customer/asset/{asset_id}", None),
    ]
    for method, where, body in changes:
        for who, status in (("rival", 404), ("alice", 403), ("bob", 403), ("root", 403), ("", 401)):
            await site.refused(status, who, method, where, body)
    await site.refused(403, "alice", "POST", "/api/asset", {"name": "Mine"})
    for listing in ("/api/tenant/assets", "/api/tenant/assetInfos", f"/api/customer/{site.bobs}/assets"):
        await site.refused(403, "alice", "GET", listing)
    await site.refused(404, "rival", "GET", f"/api/customer/{site.alices}/assets")
    await site.refused(404, "rival", "GET", "/api/tenant/asset", assetName="Room")
    for who in ("rival", "bob"):
        assert await site.ok(who, "GET", "/api/assets", assetIds=asset_id) == []
    foreign = {"id": asset["id"], "tenantId": {"id": str(site.rival_id)}}
    await site.refused(404, "maker", "POST", "/api/asset", foreign)
    assert await site.ok("maker", "GET", path(asset)) == await site.ok("alice", "GET", path(asset))


async def test_lists_come_in_pages_orders_and_filters(site: Administration) -> None:
    made = [await make(site, name, kind) for name, kind in (("c", "room"), ("a", "hall"), ("b", "room"))]
    await assign(site, made[0], site.alices)
    await assign(site, made[1], site.alices)

    async def names(listing: str, who: str = "maker", **query: Any) -> tuple[list[str], int]:
        page = await site.ok(who, "GET", listing, **query)
        return [it["name"] for it in page["data"]], page["totalElements"]

    assert await names("/api/tenant/assets", pageSize=2, page=0) == (["c", "a"], 3)
    assert await names("/api/tenant/assets", pageSize=2, page=1) == (["b"], 3)
    query = {"sortProperty": "name", "sortOrder": "DESC"}
    assert await names("/api/tenant/assetInfos", **query) == (["c", "b", "a"], 3)
    query = {"sortProperty": "customerTitle", "sortOrder": "ASC"}
    assert (await names("/api/tenant/assetInfos", **query))[0][0] == "b"
    assert await names("/api/tenant/assets", type="room") == (["c", "b"], 2)
    assert await names("/api/tenant/assets", type="no such type") == ([], 0)
    profile_id = made[1]["assetProfileId"]["id"]
    assert await names("/api/tenant/assetInfos", assetProfileId=profile_id) == (["a"], 1)
    assert await names("/api/tenant/assetInfos", assetProfileId=profile_id, type="room") == ([], 0)
    assert await names("/api/tenant/assets", textSearch="ROO") == (["c", "b"], 2)
    for listing in (f"/api/customer/{site.alices}/assets", f"/api/customer/{site.alices}/assetInfos"):
        assert await names(listing) == (["c", "a"], 2)
        assert await names(listing, "alice", type="room") == (["c"], 1)
    for listing in ("/api/user/assets", "/api/assetInfos/all"):
        assert await names(listing, "alice") == (["c", "a"], 2)
        assert await names(listing, "bob") == ([], 0)
        assert (await names(listing))[1] == 3
    ids = ",".join(it["id"]["id"] for it in made)
    assert [it["name"] for it in await site.ok("alice", "GET", "/api/assets", assetIds=ids)] == ["c", "a"]
    await site.refused(400, "maker", "GET", "/api/tenant/assets", sortProperty="secret")
    await site.refused(400, "maker", "GET", "/api/assets", assetIds="no uuid")
    await site.refused(404, "maker", "GET", f"/api/customer/{uuid4()}/assets")


async def test_assets_have_attributes_and_time_series(site: Administration) -> None:
    """Thingsboard §6.7; an asset has no deeds, so whoever has it now reads all of it."""
    asset = await make(site, "Room")
    where = f"/api/plugins/telemetry/ASSET/{asset['id']['id']}"
    await site.ok("maker", "POST", f"{where}/attributes/SERVER_SCOPE", {"area": 12})
    await site.ok("maker", "POST", f"{where}/timeseries/ANY", {"ts": 1000, "values": {"people": 3}})
    await assign(site, asset, site.alices)
    assert (await site.ok("alice", "GET", f"{where}/values/attributes"))[0]["value"] == 12
    series = await site.ok("alice", "GET", f"{where}/values/timeseries", keys="people")
    assert series == {"people": [{"ts": 1000, "value": "3"}]}
    query = {"keys": "people", "startTs": 0, "endTs": 2000}
    assert await site.ok("alice", "GET", f"{where}/values/timeseries", **query) == series
    await site.refused(403, "alice", "POST", f"{where}/attributes/SERVER_SCOPE", {"area": 1})
    await site.refused(400, "maker", "POST", f"{where}/attributes/SHARED_SCOPE", {"area": 1})
    await site.refused(403, "alice", "POST", f"{where}/timeseries/ANY", {"people": 1})
    await site.refused(403, "bob", "GET", f"{where}/values/attributes")
    await site.refused(404, "rival", "GET", f"{where}/values/timeseries")
    await site.refused(
        404, "maker", "GET", f"/api/plugins/telemetry/DEVICE/{asset['id']['id']}/keys/timeseries"
    )
    await site.ok("maker", "DELETE", path(asset))
    await site.refused(404, "maker", "GET", f"{where}/values/attributes")
    left = await site.parts.storage.write(lambda stores: stores.devices.forget_values(100))
    assert left == 4
    key = UUID(asset["id"]["id"]).bytes
    for table in ("attribute", "time_series", "latest_value"):
        assert site.sql(f"select count(*) from {table} where entity_id = ?", key) == [(0,)]


async def test_assets_of_a_deleted_customer_are_nobodys(site: Administration) -> None:
    """Behaviour §5.6."""
    asset = await make(site, "Room")
    await assign(site, asset, site.alices)
    await site.ok("maker", "DELETE", f"/api/customer/{site.alices}")
    assert (await site.ok("maker", "GET", path(asset)))["customerId"]["id"] == str(NULL_ID)
    log = (await site.ok("maker", "GET", f"/api/audit/logs/entity/ASSET/{asset['id']['id']}"))["data"]
    assert log[0]["actionType"] == "UNASSIGNED_FROM_CUSTOMER"
    assert (await site.ok("maker", "GET", "/api/tenant/assets"))["totalElements"] == 1


async def test_assets_go_with_their_tenant(site: Administration) -> None:
    await assign(site, await make(site, "Room"), site.alices)
    await site.ok("root", "DELETE", f"/api/tenant/{site.tenant_id}")
    for table in ("asset", "asset_profile"):
        assert site.sql(f"select count(*) from {table}") == [(0,)]
    assert site.sql("select count(*) from tally where noun = 'asset'") == [(0,)]
