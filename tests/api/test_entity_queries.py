"""Questions about many devices over REST: which ones, with which values, filtered, sorted, in pages."""

from typing import Any

import pytest

from tests.api.deployment import Deployment
from tests.api.device_site import DeviceSite

ALL = {"type": "entityType", "entityType": "DEVICE"}


@pytest.fixture
async def site(deployment: Deployment) -> DeviceSite:
    """Alice owns "cold" and "warm", nobody "free" and "mute"; all but "mute" tell their temperature."""
    site = await DeviceSite(deployment).fill()
    for name, degrees in (("cold", 5), ("warm", 30.5)):
        await tell(site, await site.claimed_device(name), "telemetry", {"temperature": degrees, "note": name})
    await tell(site, await site.device("free"), "telemetry", {"temperature": 20, "on": True})
    await site.device("mute")
    return site


async def tell(site: DeviceSite, device_id: str, what: str, values: dict[str, Any]) -> None:
    token = await site.deployment.device_token(device_id)
    await site.ok("", "POST", f"/api/v1/{token}/{what}", values)


def field(name: str) -> dict[str, str]:
    return {"type": "ENTITY_FIELD", "key": name}


def series(name: str) -> dict[str, str]:
    return {"type": "TIME_SERIES", "key": name}


def by(key: dict[str, str], direction: str = "ASC", **more: Any) -> dict[str, Any]:
    return {"pageSize": 10, "page": 0, "sortOrder": {"key": key, "direction": direction}} | more


def compare(key: dict[str, str], kind: str, operation: str, value: Any, **more: Any) -> dict[str, Any]:
    predicate = {"type": kind, "operation": operation, "value": {"defaultValue": value}} | more
    return {"key": key, "valueType": kind, "predicate": predicate}


async def find(site: DeviceSite, who: str = "maker", **query: Any) -> Any:
    body = {"entityFilter": ALL, "pageLink": by(field("name")), "entityFields": [field("name")]} | query
    return await site.ok(who, "POST", "/api/entitiesQuery/find", body)


async def names(site: DeviceSite, who: str = "maker", **query: Any) -> list[str]:
    page = await find(site, who, **query)
    return [it["latest"]["ENTITY_FIELD"]["name"]["value"] for it in page["data"]]


async def test_shows_fields_and_values_of_each_entity(site: DeviceSite) -> None:
    """Thingsboard §6.9: values are texts; what there is no value of is "" at 0."""
    fields = ("name", "type", "entityType", "ownerName", "ownerType", "unknown")
    page = await find(
        site, entityFields=[field(it) for it in fields], latestValues=[series("temperature"), series("on")]
    )
    assert (page["totalElements"], page["totalPages"], page["hasNext"]) == (4, 1, False)
    cold, free, mute, _ = page["data"]
    assert cold["entityId"]["entityType"] == "DEVICE"
    told = {key: it["value"] for key, it in cold["latest"]["ENTITY_FIELD"].items()}
    assert list(told.values()) == ["cold", "gadget", "DEVICE", "Alice's home", "CUSTOMER", ""]
    assert free["latest"]["ENTITY_FIELD"]["ownerName"]["value"] == "Gadget Works"
    assert free["latest"]["TIME_SERIES"]["on"]["value"] == "true"
    assert free["latest"]["TIME_SERIES"]["temperature"]["ts"] > 1_700_000_000_000
    assert mute["latest"]["TIME_SERIES"]["temperature"] == {"ts": 0, "value": ""}


@pytest.mark.parametrize(
    ("entity_filter", "found"),
    [
        (ALL, ["cold", "free", "mute", "warm"]),
        ({"type": "deviceType", "deviceTypes": ["gadget"]}, ["cold", "free", "mute", "warm"]),
        ({"type": "deviceType", "deviceTypes": ["lamp", "gadget"]}, ["cold", "free", "mute", "warm"]),
        ({"type": "deviceType", "deviceType": "lamp"}, []),
        ({"type": "deviceType", "deviceTypes": ["gadget"], "deviceNameFilter": "FR"}, ["free"]),
        ({"type": "entityName", "entityType": "DEVICE", "entityNameFilter": "w"}, ["warm"]),
        ({"type": "entityName", "entityType": "DEVICE", "entityNameFilter": "%r%"}, ["free", "warm"]),
        ({"type": "entityName", "entityType": "DEVICE", "entityNameFilter": "%m"}, ["warm"]),
        (
            {"type": "entityName", "entityType": "DEVICE", "entityNameFilter": "%"},
            ["cold", "free", "mute", "warm"],
        ),
    ],
)
async def test_filters_choose_entities(
    site: DeviceSite, entity_filter: dict[str, Any], found: list[str]
) -> None:
    """Thingsboard §6.9: the filters that lists of devices need."""
    assert await names(site, entityFilter=entity_filter) == found
    count = await site.ok("maker", "POST", "/api/entitiesQuery/count", {"entityFilter": entity_filter})
    assert count == len(found)


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ([compare(series("temperature"), "NUMERIC", "GREATER", 20)], ["warm"]),
        ([compare(series("temperature"), "NUMERIC", "GREATER_OR_EQUAL", 20)], ["free", "warm"]),
        ([compare(series("temperature"), "NUMERIC", "LESS", 20)], ["cold"]),
        ([compare(series("temperature"), "NUMERIC", "NOT_EQUAL", 20)], ["cold", "warm"]),
        ([compare(series("on"), "BOOLEAN", "EQUAL", True)], ["free"]),
        ([compare(series("on"), "BOOLEAN", "NOT_EQUAL", True)], []),
        ([compare(series("note"), "STRING", "STARTS_WITH", "w")], ["warm"]),
        ([compare(series("note"), "STRING", "CONTAINS", "OL", ignoreCase=True)], ["cold"]),
        ([compare(series("note"), "STRING", "CONTAINS", "OL")], []),
        ([compare(series("note"), "STRING", "NOT_CONTAINS", "ol")], ["warm"]),
        ([compare(series("note"), "STRING", "IN", "cold, warm")], ["cold", "warm"]),
        ([compare(series("note"), "STRING", "IN", "COLD,'Warm'", ignoreCase=True)], ["cold", "warm"]),
        ([compare(series("note"), "STRING", "NOT_IN", "cold")], ["warm"]),
        ([compare(field("name"), "STRING", "ENDS_WITH", "e")], ["free", "mute"]),
        ([compare(field("name"), "STRING", "EQUAL", "")], ["cold", "free", "mute", "warm"]),
        ([compare(field("createdTime"), "NUMERIC", "GREATER", 1)], ["cold", "free", "mute", "warm"]),
        ([compare(series("temperature"), "STRING", "EQUAL", "5")], []),
    ],
)
async def test_conditions_filter_by_values(site: DeviceSite, conditions: list[Any], found: list[str]) -> None:
    """Thingsboard §6.9: simple key filters; a value of another type meets none."""
    assert await names(site, keyFilters=conditions) == found
    body = {"entityFilter": ALL, "keyFilters": conditions}
    assert await site.ok("maker", "POST", "/api/entitiesQuery/count", body) == len(found)


async def test_conditions_are_joined(site: DeviceSite) -> None:
    """Thingsboard §6.9: all of them, or any; within one key a combination."""
    cold = compare(series("temperature"), "NUMERIC", "LESS", 10)
    warm = compare(series("temperature"), "NUMERIC", "GREATER", 25)
    assert await names(site, keyFilters=[cold, warm]) == []
    assert await names(site, keyFilters=[cold, warm], keyFiltersOperation="OR") == ["cold", "warm"]
    either = {"type": "COMPLEX", "operation": "OR", "predicates": [cold["predicate"], warm["predicate"]]}
    assert await names(site, keyFilters=[{"key": series("temperature"), "predicate": either}]) == [
        "cold",
        "warm",
    ]


async def test_sorts_by_values_and_pages(site: DeviceSite) -> None:
    """Thingsboard §6.9: what has no value comes last, whatever the direction."""
    assert await names(site, pageLink=by(series("temperature"))) == ["cold", "free", "warm", "mute"]
    assert await names(site, pageLink=by(series("temperature"), "DESC")) == ["warm", "free", "cold", "mute"]
    for key in (series("temperature"), field("createdTime")):
        seen: list[str] = []
        for number in range(3):
            link = by(key, pageSize=2, page=number)
            page = await find(site, pageLink=link)
            assert (page["totalElements"], page["totalPages"], page["hasNext"]) == (4, 2, number == 0)
            seen += [it["latest"]["ENTITY_FIELD"]["name"]["value"] for it in page["data"]]
        assert sorted(seen) == ["cold", "free", "mute", "warm"]


@pytest.mark.parametrize("key", [field("name"), series("temperature")])
async def test_searches(site: DeviceSite, key: dict[str, str]) -> None:
    """Thingsboard §6.4: a part of name, label or type in any case."""
    assert await names(site, pageLink=by(key, textSearch="AR")) == ["warm"]
    assert len(await names(site, pageLink=by(key, textSearch="gadg"))) == 4


async def test_finds_single_entities_and_lists(site: DeviceSite) -> None:
    """Thingsboard §6.9: by id; a customer and a tenant by who asks."""
    cold = (await site.ok("maker", "GET", "/api/tenant/device", deviceName="cold"))["id"]
    free = (await site.ok("maker", "GET", "/api/tenant/device", deviceName="free"))["id"]
    assert await names(site, entityFilter={"type": "singleEntity", "singleEntity": cold}) == ["cold"]
    chosen = {"type": "entityList", "entityType": "DEVICE", "entityList": [free["id"], cold["id"]]}
    assert await names(site, entityFilter=chosen) == ["cold", "free"]
    assert await names(site, "alice", entityFilter=chosen) == ["cold"]
    assert await names(site, "bob", entityFilter=chosen) == []
    assert await names(site, "rival", entityFilter=chosen) == []
    for who, alias, title in (
        ("maker", "CURRENT_TENANT", "Gadget Works"),
        ("maker", "CURRENT_USER_OWNER", "Gadget Works"),
        ("alice", "CURRENT_CUSTOMER", "Alice's home"),
        ("alice", "CURRENT_USER_OWNER", "Alice's home"),
    ):
        mine = {"type": "singleEntity", "singleEntity": {"entityType": alias}}
        assert await names(site, who, entityFilter=mine) == [title]


async def test_customers_see_what_they_own_and_nothing_of_before(site: DeviceSite) -> None:
    """Behaviour §5.3: values of the former owner's time are nobody's but the tenant's."""
    assert await names(site, "alice") == ["cold", "warm"]
    warm = [compare(series("temperature"), "NUMERIC", "GREATER", 25)]
    assert await names(site, "alice", keyFilters=warm) == ["warm"]
    await site.ok("alice", "DELETE", "/api/customer/device/warm/claim")
    assert await names(site, "alice") == ["cold"]
    bobs = f"/api/customer/{site.bobs}/device/"
    device = await site.ok("maker", "GET", "/api/tenant/device", deviceName="warm")
    await site.ok("maker", "POST", bobs + device["id"]["id"])
    assert await names(site, "bob", keyFilters=warm) == []
    page = await find(site, "bob", latestValues=[series("temperature")])
    assert page["data"][0]["latest"]["TIME_SERIES"]["temperature"]["value"] == ""
    assert await names(site, keyFilters=warm) == ["warm"]


async def test_finds_assets(site: DeviceSite) -> None:
    """Thingsboard §6.6, §6.9: alike; an asset is whose it was assigned to."""
    made = {}
    for name, kind in (("House", "building"), ("Room", "default")):
        asset = await site.ok("maker", "POST", "/api/asset", {"name": name, "type": kind})
        made[name] = asset["id"]
        path = f"/api/plugins/telemetry/ASSET/{asset['id']['id']}/SERVER_SCOPE"
        await site.ok("maker", "POST", path, {"floor": len(name)})
    room = made["Room"]
    await site.ok("maker", "POST", f"/api/customer/{site.alices}/asset/{room['id']}")
    floor = {"type": "SERVER_ATTRIBUTE", "key": "floor"}
    every = {"type": "entityType", "entityType": "ASSET"}
    for chosen, found in (
        (every, ["House", "Room"]),
        ({"type": "assetType", "assetTypes": ["building"]}, ["House"]),
        ({"type": "assetType", "assetNameFilter": "r"}, ["Room"]),
        ({"type": "singleEntity", "singleEntity": room}, ["Room"]),
    ):
        assert await names(site, entityFilter=chosen) == found
    assert await names(site, entityFilter=every, keyFilters=[compare(floor, "NUMERIC", "GREATER", 4)]) == [
        "House"
    ]
    page = await find(site, "alice", entityFilter=every, latestValues=[floor])
    assert [it["latest"]["SERVER_ATTRIBUTE"]["floor"]["value"] for it in page["data"]] == ["4"]
    assert page["data"][0]["entityId"] == room
    assert await names(site, "bob", entityFilter=every) == []


async def test_attributes_by_scope(site: DeviceSite) -> None:
    """Thingsboard §6.9: each scope, or whichever changed last; never a claim key (behaviour §3)."""
    device = await site.ok("maker", "GET", "/api/tenant/device", deviceName="mute")
    await tell(site, device["id"]["id"], "attributes", {"mode": "device"})
    path = f"/api/plugins/telemetry/DEVICE/{device['id']['id']}/"
    for scope in ("SHARED_SCOPE", "SERVER_SCOPE"):
        await site.ok("maker", "POST", path + scope, {"mode": scope})
    key = {"claimingData": {"secretKey": "quite secret", "expirationTime": 4_102_444_800_000}}
    await site.ok("maker", "POST", path + "SERVER_SCOPE", key)
    kinds = ("CLIENT_ATTRIBUTE", "SHARED_ATTRIBUTE", "SERVER_ATTRIBUTE")
    wanted = [
        {"type": kind, "key": name} for kind in (*kinds, "ATTRIBUTE") for name in ("mode", "claimingData")
    ]
    chosen = {"type": "singleEntity", "singleEntity": device["id"]}
    latest = (await find(site, entityFilter=chosen, latestValues=wanted))["data"][0]["latest"]
    assert [latest[kind]["mode"]["value"] for kind in kinds] == ["device", "SHARED_SCOPE", "SERVER_SCOPE"]
    assert latest["ATTRIBUTE"]["mode"]["value"] in ("SHARED_SCOPE", "SERVER_SCOPE")
    assert {latest[kind]["claimingData"]["value"] for kind in latest if kind != "ENTITY_FIELD"} == {""}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"entityFilter": {"type": "relationsQuery"}}, "singleEntity"),
        ({"entityFilter": {"type": "entityType", "entityType": "DASHBOARD"}}, "DEVICE"),
        ({"entityFilter": {"type": "entityType", "entityType": "CUSTOMER"}}, "ids"),
        ({"entityFilter": {"type": "entityType"}}, "entityType"),
        ({"entityFilter": {"type": "singleEntity"}}, "id"),
        ({"entityFilter": {"type": "entityList", "entityType": "DEVICE", "entityList": ["x"]}}, "entityList"),
        ({"entityFilter": None}, "entityFilter"),
        ({"pageLink": {"pageSize": 0}}, "pageSize"),
        ({"pageLink": {"pageSize": 1001}}, "pageSize"),
        ({"pageLink": {"page": -1}}, "page"),
        ({"pageLink": by({"type": "NONSENSE", "key": "a"})}, "type"),
        ({"latestValues": [series("a")] * 201}, "200"),
        ({"keyFilters": [compare(field("name"), "STRING", "GREATER", "a")]}, "GREATER"),
        ({"keyFilters": [compare(field("name"), "NUMERIC", "GREATER", "a")]}, "NUMERIC"),
        ({"keyFilters": [compare(field("name"), "BOOLEAN", "EQUAL", 1)]}, "BOOLEAN"),
        ({"keyFilters": [compare(field("name"), "STRING", "EQUAL", "a")] * 201}, "200"),
        (
            {
                "keyFilters": [
                    {
                        "key": field("name"),
                        "predicate": {
                            "type": "STRING",
                            "operation": "EQUAL",
                            "value": {"dynamicValue": {"sourceType": "CURRENT_USER", "sourceAttribute": "a"}},
                        },
                    }
                ]
            },
            "defaultValue",
        ),
    ],
)
async def test_says_what_is_not_offered(site: DeviceSite, change: dict[str, Any], says: str) -> None:
    """Behaviour §7: 400, what was wrong and what is expected."""
    body = {"entityFilter": ALL, "pageLink": by(field("name"))} | change
    refusal = await site.refused(400, "maker", "POST", "/api/entitiesQuery/find", body)
    assert says in refusal["message"]


async def test_system_administrators_have_no_devices(site: DeviceSite) -> None:
    """Behaviour §5: what a tenant has is not the deployment's."""
    await site.refused(403, "root", "POST", "/api/entitiesQuery/find", {"entityFilter": ALL})
    await site.refused(401, "", "POST", "/api/entitiesQuery/find", {"entityFilter": ALL})


async def test_names_keys(site: DeviceSite) -> None:
    """Thingsboard §6.4: for people who choose what to see; within what they may see."""
    device = await site.ok("maker", "GET", "/api/tenant/device", deviceName="mute")
    await tell(site, device["id"]["id"], "attributes", {"mode": "device"})
    body = {"entityFilter": ALL, "pageLink": by(field("name"))}
    path = "/api/entitiesQuery/find/keys"
    keys = await site.ok("maker", "POST", path, body, timeseries="True", attributes="True")
    assert keys == {
        "entityTypes": ["DEVICE"],
        "timeseries": ["note", "on", "temperature"],
        "attribute": ["mode"],
    }
    keys = await site.ok("alice", "POST", path, body, timeseries="true", attributes="false")
    assert keys == {"entityTypes": ["DEVICE"], "timeseries": ["note", "temperature"], "attribute": []}
    keys = await site.ok("bob", "POST", path, body)
    assert keys == {"entityTypes": [], "timeseries": [], "attribute": []}
    path = "/api/v2/entitiesQuery/find/keys"
    keys = await site.ok("maker", "POST", path, body, includeSamples="true", scopes="CLIENT_SCOPE")
    assert (keys["totalEntities"], keys["entityTypes"]) == (4, ["DEVICE"])
    assert [it["key"] for it in keys["timeseries"]] == ["note", "on", "temperature"]
    assert [it["sample"]["value"] for it in keys["attributes"]["CLIENT_SCOPE"]] == ["device"]
    keys = await site.ok("maker", "POST", path, body, includeAttributes="false")
    assert keys.keys() == {"totalEntities", "entityTypes", "timeseries"}
    await site.refused(400, "maker", "POST", path, body, scopes="NO_SCOPE")


async def test_names_keys_of_a_profile(site: DeviceSite) -> None:
    """Thingsboard §6.4: of one profile's devices, or of all; for the tenant."""
    device = await site.ok("maker", "GET", "/api/tenant/device", deviceName="cold")
    path = "/api/deviceProfile/devices/keys/"
    profile = {"deviceProfileId": device["deviceProfileId"]["id"]}
    assert await site.ok("maker", "GET", path + "timeseries", **profile) == ["note", "on", "temperature"]
    await tell(site, device["id"]["id"], "attributes", {"mode": 1})
    assert await site.ok("maker", "GET", path + "attributes") == ["mode"]
    assert await site.ok("rival", "GET", path + "timeseries", **profile) == []
    await site.refused(403, "alice", "GET", path + "timeseries", **profile)
