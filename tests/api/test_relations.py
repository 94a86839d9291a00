"""Relations over REST: who may, every address and form, searches, what goes with what is deleted."""

from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

from tests.api.deployment import Deployment
from tests.api.relation_site import Json, RelationSite, key, pair, parameters, relation_site


@pytest.fixture
async def site(deployment: Deployment) -> RelationSite:
    return await relation_site(deployment)


async def test_a_relation_is_made_read_changed_and_deleted(site: RelationSite) -> None:
    """Thingsboard §6.6: both generations of addresses."""
    body = {"from": site.house, "to": site.lamp, "type": "Lights", "additionalInfo": {"floor": 1}}
    assert await site.ok("maker", "POST", "/api/relation", body) is None
    query = key(site.house, site.lamp, "Lights")
    made = await site.ok("maker", "GET", "/api/relation", **query)
    assert made == body | {"typeGroup": "COMMON", "version": 1}
    changed = await site.ok("maker", "POST", "/api/v2/relation", made | {"additionalInfo": None})
    assert changed == made | {"additionalInfo": None, "version": 2}
    assert await site.ok("maker", "DELETE", "/api/v2/relation", **query) == changed
    await site.refused(404, "maker", "GET", "/api/relation", **query)
    for address in ("/api/relation", "/api/v2/relation"):
        await site.refused(404, "maker", "DELETE", address, **query)
    query = key(site.house, site.room)
    assert await site.ok("maker", "DELETE", "/api/relation", relationTypeGroup="COMMON", **query) is None
    await site.refused(404, "maker", "GET", "/api/relation", **query)


async def test_changes_are_in_the_audit_log_of_both_ends(site: RelationSite) -> None:
    """Thingsboard §6.6, behaviour §6.4."""
    await site.relate(site.house, site.lamp, additionalInfo={"note": "not for the log"})
    await site.ok("maker", "DELETE", "/api/relation", **key(site.house, site.lamp))
    query = {"entityType": "DEVICE", "entityId": site.lamp["id"]}
    await site.ok("maker", "DELETE", "/api/relations", **query)
    log = await site.ok("maker", "GET", f"/api/audit/logs/entity/DEVICE/{site.lamp['id']}")
    actions = [it["actionType"] for it in log["data"]][:3]
    assert actions == ["RELATIONS_DELETED", "RELATION_DELETED", "RELATION_ADD_OR_UPDATE"]
    relation = log["data"][1]["actionData"]["relation"]
    assert (relation["from"], relation["to"], relation["type"]) == (site.house, site.lamp, "Contains")
    assert "not for the log" not in str(log)
    log = await site.ok("maker", "GET", f"/api/audit/logs/entity/ASSET/{site.house['id']}")
    assert [it["actionType"] for it in log["data"]][:2] == actions[1:]


async def test_lists_in_every_form(site: RelationSite) -> None:
    """Thingsboard §6.6."""
    house, room, lamp = site.house, site.room, site.lamp
    leading_there = {pair(room, lamp), pair(site.cellar, lamp)}
    for who in ("maker", "alice"):
        old = {"fromId": house["id"], "fromType": "ASSET"}
        assert await site.ends(who, "/api/relations", **old) == [pair(house, room)]
        assert await site.ends(who, f"/api/relations/from/ASSET/{house['id']}") == [pair(house, room)]
        assert await site.ends(who, f"/api/relations/info/from/ASSET/{house['id']}") == [pair(house, room)]
    old = {"toId": lamp["id"], "toType": "DEVICE"}
    for where in ("/api/relations", "/api/relations/info"):
        assert set(await site.ends("maker", where, **old)) == leading_there
    for where in (f"/api/relations/to/DEVICE/{lamp['id']}", f"/api/relations/info/to/DEVICE/{lamp['id']}"):
        assert set(await site.ends("maker", where)) == leading_there
    assert await site.ends("maker", "/api/relations", relationType="Lights", **old) == [
        pair(site.cellar, lamp)
    ]
    typed = f"/api/relations/to/DEVICE/{lamp['id']}/Lights"
    assert await site.ends("maker", typed) == [pair(site.cellar, lamp)]
    assert await site.ends("maker", typed, relationTypeGroup="EDGE") == []
    assert await site.ends("maker", f"/api/relations/from/ASSET/{house['id']}/Lights") == []
    (info,) = await site.ok("maker", "GET", f"/api/relations/info/from/ASSET/{house['id']}")
    assert (info["fromName"], info["toName"]) == ("House", "Room")


@pytest.mark.parametrize("kind", ["a/b?c", "Ünï 😀", "1 < 2", "%2F", "'; drop table"])
async def test_types_with_odd_characters_are_found(site: RelationSite, kind: str) -> None:
    await site.relate(site.house, site.cellar, kind)
    where = f"/api/relations/from/ASSET/{site.house['id']}/{quote(kind, safe='')}"
    assert await site.ends("maker", where) == [pair(site.house, site.cellar)]
    assert (await site.ok("maker", "GET", "/api/relation", **key(site.house, site.cellar, kind)))[
        "type"
    ] == kind


async def test_things_of_every_kind_are_related(site: RelationSite) -> None:
    people = site.people
    device = await site.ok("maker", "GET", f"/api/device/{site.lamp['id']}")
    room = await site.ok("maker", "GET", f"/api/asset/{site.room['id']}")
    ends = [
        device["deviceProfileId"],
        room["assetProfileId"],
        (await site.ok("maker", "GET", "/api/assetProfileInfo/default"))["id"],
        {"entityType": "CUSTOMER", "id": str(people.alices)},
        {"entityType": "TENANT", "id": str(people.tenant_id)},
        (await people.who("alice"))["id"],
        (await people.who("maker"))["id"],
    ]
    for end in ends:
        await site.relate(end, site.house, "Knows")
        assert (await site.relate(site.house, end, "Knows"))["to"] == end
    found = await site.ok("maker", "GET", f"/api/relations/info/from/ASSET/{site.house['id']}")
    names = {it["toName"] for it in found if it["type"] == "Knows"}
    assert names == {
        *("lamp", "place", "default", "Alice's home", "Gadget Works"),
        *("alice@deedbox.test", "maker@deedbox.test"),
    }


async def test_customers_see_relations_whose_ends_they_may_read(site: RelationSite) -> None:
    """Behaviour §5.3: of what is next door, nothing; nobody but the tenant writes (§2.8)."""
    customer = {"entityType": "CUSTOMER", "id": str(site.people.bobs)}
    await site.relate(site.lamp, customer, "Belonged")
    assert await site.ends("alice", f"/api/relations/from/DEVICE/{site.lamp['id']}") == []
    assert await site.ends("alice", f"/api/relations/to/DEVICE/{site.lamp['id']}") == [
        pair(site.room, site.lamp)
    ]
    assert await site.ok("alice", "GET", "/api/relation", **key(site.room, site.lamp))
    await site.refused(403, "alice", "GET", "/api/relation", **key(site.cellar, site.lamp, "Lights"))
    await site.refused(403, "bob", "GET", f"/api/relations/to/DEVICE/{site.lamp['id']}")
    assert await site.ends("bob", f"/api/relations/from/ASSET/{site.cellar['id']}") == []
    before = site.rows()
    for who in ("alice", "bob", "root"):
        body = {"from": site.room, "to": site.lamp, "type": "Manages"}
        for address in ("/api/relation", "/api/v2/relation"):
            await site.refused(403, who, "POST", address, body)
            await site.refused(403, who, "DELETE", address, **key(site.room, site.lamp))
        query = {"entityType": "ASSET", "entityId": site.room["id"]}
        await site.refused(403, who, "DELETE", "/api/relations", **query)
    assert site.rows() == before


async def test_the_next_owner_sees_nothing_of_the_former_one(site: RelationSite) -> None:
    """Behaviour §5.3."""
    await site.relate(site.lamp, {"entityType": "CUSTOMER", "id": str(site.people.alices)}, "Belongs")
    where = f"/api/relations/from/DEVICE/{site.lamp['id']}"
    assert len(await site.ends("alice", where)) == 1
    await site.ok("alice", "DELETE", "/api/customer/device/lamp/claim")
    await site.people.announce(site.lamp["id"])
    await site.ok("bob", "POST", "/api/customer/device/lamp/claim", {})
    await site.refused(403, "alice", "GET", where)
    assert await site.ends("bob", where) == []
    assert await site.ends("bob", f"/api/relations/to/DEVICE/{site.lamp['id']}") == [
        pair(site.cellar, site.lamp)
    ]
    assert await site.search("bob", site.cellar, 0) == [pair(site.cellar, site.lamp)]
    assert await site.search("alice", site.house, 0) == [pair(site.house, site.room)]


async def test_other_tenants_are_not_there(site: RelationSite) -> None:
    """Attacks A12: their things can be neither related nor asked about, and are not told from none at all."""
    foreign = (await site.ok("rival", "POST", "/api/asset", {"name": "Theirs"}))["id"]
    for end in (
        foreign,
        foreign | {"id": str(uuid4())},
        {"entityType": "TENANT", "id": str(site.people.rival_id)},
    ):
        for source, goal in ((end, site.house), (site.house, end)):
            body = {"from": source, "to": goal, "type": "Contains"}
            await site.refused(404, "maker", "POST", "/api/relation", body)
            for method in ("GET", "DELETE"):
                await site.refused(404, "maker", method, "/api/relation", **key(source, goal))
        where = f"{end['entityType']}/{end['id']}"
        await site.refused(404, "maker", "GET", f"/api/relations/from/{where}")
        query = {"entityType": end["entityType"], "entityId": end["id"]}
        await site.refused(404, "maker", "DELETE", "/api/relations", **query)
        body = {"parameters": parameters(end, 1), "filters": []}
        for address in ("/api/relations", "/api/relations/info", "/api/devices", "/api/assets"):
            await site.refused(404, "maker", "POST", address, body)
    await site.refused(404, "rival", "GET", "/api/relation", **key(site.house, site.room))


@pytest.mark.parametrize(
    "change",
    [
        {"from": None},
        {"to": {}},
        {"to": {"entityType": "DEVICE"}},
        {"to": {"entityType": "DEVICE", "id": "no uuid"}},
        {"to": {"entityType": "DASHBOARD", "id": str(UUID(int=1))}},
        {"type": None},
        {"type": " "},
        {"type": "x" * 256},
        {"type": "<b>"},
        {"type": 5},
        {"typeGroup": "OTHER"},
        {"additionalInfo": "x" * 70_000},
        {"additionalInfo": {"nul": "\u0000"}},
    ],
)
async def test_a_body_that_is_no_relation_is_refused(site: RelationSite, change: Json) -> None:
    before, body = site.rows(), {"from": site.house, "to": site.cellar, "type": "Contains"} | change
    assert (await site.refused(400, "maker", "POST", "/api/relation", body))["errorCode"] == 31
    assert site.rows() == before


@pytest.mark.parametrize(
    "change",
    [
        {"fromType": "DASHBOARD"},
        {"fromType": None},
        {"toId": "no uuid"},
        {"toId": None},
        {"relationType": None},
        {"relationTypeGroup": "OTHER"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_query_that_names_no_relation_is_refused(
    site: RelationSite, method: str, change: Json
) -> None:
    query = {k: v for k, v in (key(site.house, site.room) | change).items() if v is not None}
    assert (await site.refused(400, "maker", method, "/api/relation", **query))["errorCode"] == 31
    assert site.rows() == 3


async def test_a_list_needs_one_end(site: RelationSite) -> None:
    both = {it: value for it, value in key(site.house, site.room).items() if it != "relationType"}
    for query in ({}, both, {"fromId": site.house["id"]}, {"toType": "ASSET"}):
        for where in ("/api/relations", "/api/relations/info"):
            await site.refused(400, "maker", "GET", where, **query)
    await site.refused(400, "maker", "GET", f"/api/relations/from/BOX/{site.house['id']}")


async def test_deleting_all_leaves_other_groups(site: RelationSite) -> None:
    """Thingsboard §6.6: the group COMMON, in both directions."""
    await site.relate(site.room, site.house, "Back", typeGroup="EDGE")
    query = {"entityType": "ASSET", "entityId": site.room["id"]}
    assert await site.ok("maker", "DELETE", "/api/relations", **query) is None
    assert site.people.sql("select type from entity_relation order by type") == [("Back",), ("Lights",)]


async def test_relations_go_with_what_they_relate(site: RelationSite) -> None:
    """Behaviour §5.6."""
    people = site.people
    alice, home = (await people.who("alice"))["id"], {"entityType": "CUSTOMER", "id": str(people.alices)}
    profile = (await site.ok("maker", "POST", "/api/deviceProfile", {"name": "P"}))["id"]
    for end in (alice, home, profile):
        await site.relate(site.house, end)
        await site.relate(end, site.house)
    before = site.rows()
    deletions = [
        (f"/api/deviceProfile/{profile['id']}", 2),
        (f"/api/user/{alice['id']}", 2),
        (f"/api/customer/{people.alices}", 2),
        (f"/api/device/{site.lamp['id']}", 2),
        (f"/api/asset/{site.house['id']}", 1),
    ]
    for where, gone in deletions:
        await site.ok("maker", "DELETE", where)
        before -= gone
        assert site.rows() == before, where
    await site.relate(site.room, {"entityType": "TENANT", "id": str(people.tenant_id)})
    await site.ok("root", "DELETE", f"/api/tenant/{people.tenant_id}")
    assert site.rows() == 0
