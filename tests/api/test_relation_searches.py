"""Searches along relations over REST: how deep, which way, what is left out, what is too much."""

from typing import Any

import pytest

from deedbox.core import relation_searches, relations
from tests.api.deployment import Deployment
from tests.api.relation_site import Json, RelationSite, pair, parameters, relation_site


@pytest.fixture
async def site(deployment: Deployment) -> RelationSite:
    return await relation_site(deployment)


async def test_a_search_goes_as_deep_as_it_is_told(site: RelationSite) -> None:
    """Thingsboard §6.6; one level when it says none, all of them for nothing."""
    first, second = pair(site.house, site.room), pair(site.room, site.lamp)
    for who in ("maker", "alice"):
        for levels, found in ((None, [first]), (1, [first]), (2, [first, second])):
            assert await site.search(who, site.house, levels) == found
        for levels in (0, -1, 64):
            assert await site.search(who, site.house, levels) == [first, second]
    error = await site.refused(
        400, "maker", "POST", "/api/relations", {"parameters": parameters(site.house, 65)}
    )
    assert error["errors"][0]["pointer"] == "/parameters/maxLevel"


async def test_a_search_goes_backwards(site: RelationSite) -> None:
    back: Json = {"direction": "TO"}
    first = [pair(site.room, site.lamp), pair(site.cellar, site.lamp)]
    assert sorted(await site.search("maker", site.lamp, 1, parameters=back)) == sorted(first)
    everything = [*first, pair(site.house, site.room)]
    assert sorted(await site.search("maker", site.lamp, 0, parameters=back)) == sorted(everything)


async def test_the_last_level_is_where_the_way_ends(site: RelationSite) -> None:
    """What has nothing behind it counts, and what the last step leads to."""
    shed = await site.asset("Shed")
    await site.relate(site.house, shed)
    last: Json = {"fetchLastLevelOnly": True}
    ends = [pair(site.room, site.lamp), pair(site.house, shed)]
    assert sorted(await site.search("maker", site.house, 0, parameters=last)) == sorted(ends)
    assert sorted(await site.search("maker", site.house, 2, parameters=last)) == sorted(ends)
    near = [pair(site.house, site.room), pair(site.house, shed)]
    assert sorted(await site.search("maker", site.house, 1, parameters=last)) == sorted(near)
    assert await site.search("maker", site.lamp, 0, parameters=last) == []


async def test_filters_choose_but_do_not_stop_the_search(site: RelationSite) -> None:
    await site.relate(site.room, site.cellar, "Above")
    devices = [{"relationType": "Contains", "entityTypes": ["DEVICE"]}]
    assert await site.search("maker", site.house, 2, filters=devices) == [pair(site.room, site.lamp)]
    above = [{"relationType": "Above"}]
    assert await site.search("maker", site.house, 2, filters=above) == [pair(site.room, site.cellar)]
    either = sorted([pair(site.room, site.lamp), pair(site.room, site.cellar)])
    assert sorted(await site.search("maker", site.house, 2, filters=devices + above)) == either
    negated = [{"relationType": "Contains", "negate": True, "entityTypes": []}]
    assert await site.search("maker", site.house, 2, filters=negated) == [pair(site.room, site.cellar)]
    everything = await site.search("maker", site.house, 2, filters=[])
    assert await site.search("maker", site.house, 2, filters=None) == everything
    assert await site.search("maker", site.house, 2, filters=[{}]) == everything


async def test_circles_end(site: RelationSite) -> None:
    await site.relate(site.lamp, site.house, "Back")
    await site.relate(site.house, site.house, "Itself")
    found = await site.search("maker", site.house, 0)
    wanted = [(site.house, site.room), (site.room, site.lamp), (site.lamp, site.house), (site.house,) * 2]
    assert sorted(found) == sorted(pair(*it) for it in wanted)
    # One that does not pass the beginning again.
    await site.relate(site.lamp, site.cellar)
    assert len(await site.search("maker", site.house, 0)) == len(found) + 2


async def test_names_come_with_infos(site: RelationSite) -> None:
    body = {"parameters": parameters(site.house, 2), "filters": []}
    found = await site.ok("alice", "POST", "/api/relations/info", body)
    assert [(it["fromName"], it["toName"]) for it in found] == [("House", "Room"), ("Room", "lamp")]


async def test_what_one_may_not_read_is_not_followed(site: RelationSite) -> None:
    """Behaviour §5.3: not even to something behind it that one may read."""
    attic = await site.asset("Attic", "alice")
    await site.relate(site.lamp, site.cellar)
    await site.relate(site.cellar, attic)
    assert pair(site.cellar, attic) in await site.search("maker", site.house, 0)
    found = [pair(site.house, site.room), pair(site.room, site.lamp)]
    assert await site.search("alice", site.house, 0) == found
    body: Json = {"parameters": parameters(site.house, 0), "relationType": "Contains", "assetTypes": []}
    assert [it["name"] for it in await site.ok("alice", "POST", "/api/assets", body)] == ["Room"]
    assert len(await site.ok("maker", "POST", "/api/assets", body)) == 3
    for who, status in (("bob", 403), ("rival", 404), ("root", 403), ("", 401)):
        for address in ("/api/relations", "/api/relations/info", "/api/devices", "/api/assets"):
            await site.refused(status, who, "POST", address, {"parameters": parameters(site.house, 1)})


async def test_devices_and_assets_are_found_by_type(site: RelationSite) -> None:
    """Thingsboard §6.6: each once, of these types, by this type of relation."""
    await site.relate(site.house, site.lamp)

    async def names(address: str, **more: Any) -> list[str]:
        body = {"parameters": parameters(site.house, 0), **more}
        return [it["name"] for it in await site.ok("alice", "POST", address, body)]

    assert await names("/api/devices", deviceTypes=["lamp"], relationType="Contains") == ["lamp"]
    assert await names("/api/devices") == ["lamp"]
    assert await names("/api/devices", deviceTypes=["boiler"]) == []
    assert await names("/api/devices", relationType="Lights") == []
    assert await names("/api/assets", assetTypes=["place", "other"]) == ["Room"]
    assert await names("/api/assets", assetTypes=["other"]) == []


@pytest.mark.parametrize(
    "change",
    [
        {"rootId": None},
        {"rootId": "no uuid"},
        {"rootType": None},
        {"rootType": "DASHBOARD"},
        {"direction": "UP"},
        {"relationTypeGroup": "OTHER"},
        {"maxLevel": "deep"},
        {"maxLevel": 10**30},
        {"fetchLastLevelOnly": "perhaps"},
    ],
)
async def test_a_search_that_cannot_be_understood_is_refused(site: RelationSite, change: Json) -> None:
    body = {"parameters": parameters(site.house, 1) | change, "filters": []}
    for address in ("/api/relations", "/api/relations/info", "/api/devices", "/api/assets"):
        assert (await site.refused(400, "maker", "POST", address, body))["errorCode"] == 31
    bodies: list[Json] = [{}, {"parameters": None}, {"parameters": []}, body | {"filters": {}}]
    for other in bodies:
        await site.refused(400, "maker", "POST", "/api/relations", other)


async def test_a_search_that_meets_too_much_is_refused(
    site: RelationSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused rather than cut off: half an answer looks like a whole one."""
    monkeypatch.setattr(relation_searches, "MOST_FOLLOWED", 2)
    assert len(await site.search("maker", site.house, 0)) == 2
    await site.relate(site.lamp, site.cellar)
    assert len(await site.search("maker", site.house, 2)) == 2
    error = await site.refused(
        400, "maker", "POST", "/api/relations", {"parameters": parameters(site.house, 0)}
    )
    assert "more than 2 relations" in error["message"]


async def test_a_search_that_goes_too_deep_is_refused(
    site: RelationSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relation_searches, "MOST_LEVELS", 1)
    body = {"parameters": parameters(site.house, 0)}
    error = await site.refused(400, "maker", "POST", "/api/relations", body)
    assert "deeper than 1 level" in error["message"]
    assert len(await site.search("maker", site.house, 1)) == 1


async def test_a_thing_has_so_many_relations(site: RelationSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """In each direction; what is there can still be changed."""
    monkeypatch.setattr(relations, "MOST_RELATIONS", 2)
    await site.relate(site.house, site.cellar)
    shed = await site.asset("Shed")
    error = await site.refused(
        403, "maker", "POST", "/api/relation", {"from": site.house, "to": shed, "type": "Contains"}
    )
    assert (error["code"], "from one asset" in error["message"]) == ("limit_reached", True)
    error = await site.refused(
        403, "maker", "POST", "/api/relation", {"from": shed, "to": site.lamp, "type": "Contains"}
    )
    assert "to one device" in error["message"]
    assert (await site.relate(site.house, site.cellar))["version"] == 2
    await site.relate(shed, site.house)
