"""Lists of things over WebSockets: found with values and histories, and followed (thingsboard §6.9)."""

from typing import Any

from tests.api.live.conftest import Gadget
from tests.api.live.live_site import LiveClient, LiveSite

NAME = {"type": "ENTITY_FIELD", "key": "name"}
TEMPERATURE = {"type": "TIME_SERIES", "key": "temperature"}
ALL_DEVICES = {"type": "entityType", "entityType": "DEVICE"}


def _query(entity_filter: Any, **more: Any) -> dict[str, Any]:
    link = {"page": 0, "pageSize": 10, "sortOrder": {"key": NAME, "direction": "ASC"}, **more}
    return {
        "entityFilter": entity_filter,
        "pageLink": link,
        "entityFields": [NAME],
        "latestValues": [TEMPERATURE],
    }


def _single(gadget: Gadget) -> dict[str, Any]:
    return {"type": "singleEntity", "singleEntity": {"entityType": "DEVICE", "id": gadget.id}}


async def _home(site: LiveSite, count: int) -> list[Gadget]:
    """So many devices of alice's, named Lamp 0, Lamp 1..."""
    made = []
    for number in range(count):
        device_id = str((await site.deployment.make_device(f"Lamp {number}"))["id"]["id"])
        await site.give(device_id, "alice")
        made.append(Gadget(device_id, await site.deployment.device_token(device_id)))
    return made


def _names(message: dict[str, Any]) -> list[str]:
    return [it["latest"]["ENTITY_FIELD"]["name"]["value"] for it in message["data"]["data"]]


async def test_a_customers_devices_with_latest_values_that_go_on(site: LiveSite) -> None:
    lamps = await _home(site, 3)
    await site.deployment.make_device("Not alice's")
    await site.measure(lamps[0].token, {"ts": 5, "values": {"temperature": 20}})
    async with site.client("alice") as client:
        query = _query(ALL_DEVICES)
        first = await client.ask("ENTITY_DATA", 1, query=query, latestCmd={"keys": [TEMPERATURE]})
        assert {name: first[name] for name in ("cmdId", "errorCode", "update", "cmdUpdateType")} == {
            "cmdId": 1,
            "errorCode": 0,
            "update": None,
            "cmdUpdateType": "ENTITY_DATA",
        }
        assert _names(first) == ["Lamp 0", "Lamp 1", "Lamp 2"]
        assert (first["data"]["totalElements"], first["data"]["hasNext"]) == (3, False)
        shown = [it["latest"]["TIME_SERIES"]["temperature"] for it in first["data"]["data"]]
        assert shown == [{"ts": 5, "value": "20"}, {"ts": 0, "value": ""}, {"ts": 0, "value": ""}]
        await site.measure(lamps[1].token, {"ts": 9, "values": {"temperature": 21.5, "other": 1}})
        update = await client.next()
        assert update["data"] is None
        assert update["update"] == [
            {
                "entityId": {"entityType": "DEVICE", "id": lamps[1].id},
                "latest": {"TIME_SERIES": {"temperature": {"ts": 9, "value": "21.5"}}},
                "timeseries": {},
                "aggLatest": {},
            }
        ]


async def test_the_query_first_and_what_is_followed_later(site: LiveSite, gadget: Gadget) -> None:
    async with site.client("alice") as client:
        first = await client.ask("ENTITY_DATA", 1, query=_query(_single(gadget)))
        assert _names(first) == ["Gadget"]
        await site.measure(gadget.token, {"ts": 1, "values": {"temperature": 20}})
        latest = {"keys": [TEMPERATURE, {"type": "ATTRIBUTE", "key": "on"}]}
        second = await client.ask("ENTITY_DATA", 1, latestCmd=latest)
        assert second["update"][0]["latest"]["TIME_SERIES"] == {"temperature": {"ts": 1, "value": "20"}}
        assert second["update"][0]["latest"]["ATTRIBUTE"] == {"on": {"ts": 0, "value": ""}}
        await site.write("alice", gadget.id, "SHARED_SCOPE", {"on": True})
        assert (await client.next())["update"][0]["latest"]["ATTRIBUTE"]["on"]["value"] == "true"


async def test_a_window_of_several_devices_begins_with_its_history(site: LiveSite) -> None:
    lamps = await _home(site, 2)
    points = [{"ts": ts, "values": {"temperature": ts}} for ts in (500, 1000, 2000)]
    await site.measure(lamps[0].token, points)
    window = {"keys": ["temperature"], "startTs": 1000, "timeWindow": 5000, "limit": 10, "agg": "NONE"}
    async with site.client("alice") as client:
        first = await client.ask("ENTITY_DATA", 1, query=_query(ALL_DEVICES), tsCmd=window)
        series = [it["timeseries"]["temperature"] for it in first["data"]["data"]]
        assert series == [[{"ts": 2000, "value": "2000"}, {"ts": 1000, "value": "1000"}], []]
        late = [{"ts": 900, "values": {"temperature": 1}}, {"ts": 1500, "values": {"temperature": 2}}]
        await site.measure(lamps[1].token, late)
        (row,) = (await client.next())["update"]
        assert (row["entityId"]["id"], row["latest"]) == (lamps[1].id, {})
        assert row["timeseries"] == {"temperature": [{"ts": 1500, "value": "2"}]}


async def test_a_history_comes_once(site: LiveSite, gadget: Gadget) -> None:
    await site.measure(gadget.token, [{"ts": ts, "values": {"temperature": ts}} for ts in (10, 20)])
    past = {"keys": ["temperature"], "startTs": 0, "endTs": 100, "interval": 100, "agg": "MAX"}
    async with site.client("alice") as client:
        first = await client.ask("ENTITY_DATA", 1, query=_query(_single(gadget)), historyCmd=past)
        assert first["data"]["data"][0]["timeseries"] == {"temperature": [{"ts": 50, "value": "20"}]}
        await site.measure(gadget.token, {"temperature": 1})
        assert await client.is_quiet()


async def test_a_single_device_that_is_lost_ends_its_subscription(site: LiveSite, gadget: Gadget) -> None:
    """Behaviour §5.4."""
    async with site.client("alice") as client:
        latest = {"keys": [TEMPERATURE]}
        await client.ask("ENTITY_DATA", 1, query=_query(_single(gadget)), latestCmd=latest)
        await site.give(gadget.id, "bob")
        assert (await client.next())["errorCode"] == 3
        await site.measure(gadget.token, {"temperature": 99})
        assert await client.is_quiet()


async def test_a_list_loses_what_its_reader_loses(site: LiveSite) -> None:
    """Behaviour §5.4."""
    lamps = await _home(site, 3)
    async with site.client("alice") as client:
        await client.ask("ENTITY_DATA", 1, query=_query(ALL_DEVICES), latestCmd={"keys": [TEMPERATURE]})
        await site.give(lamps[1].id, "bob")
        assert _names(await client.next()) == ["Lamp 0", "Lamp 2"]
        await site.measure(lamps[1].token, {"ts": 5, "values": {"temperature": 99}})
        await site.measure(lamps[2].token, {"ts": 5, "values": {"temperature": 20}})
        assert [it["entityId"]["id"] for it in (await client.next())["update"]] == [lamps[2].id]


async def test_a_dynamic_list_gains_what_its_reader_claims(site: LiveSite, gadget: Gadget) -> None:
    async with site.client("bob") as client:
        query = _query(ALL_DEVICES, dynamic=True)
        first = await client.ask("ENTITY_DATA", 1, query=query, latestCmd={"keys": [TEMPERATURE]})
        assert _names(first) == []
        await site.give(gadget.id, "bob")
        assert _names(await client.next()) == ["Gadget"]
        await site.measure(gadget.token, {"ts": 5, "values": {"temperature": 20}})
        assert (await client.next())["update"][0]["entityId"]["id"] == gadget.id


async def test_filters_types_and_pages(site: LiveSite) -> None:
    lamps = await _home(site, 3)
    for degrees, lamp in enumerate(lamps):
        await site.measure(lamp.token, {"temperature": degrees})
    predicate = {"type": "NUMERIC", "operation": "GREATER", "value": {"defaultValue": 0}}
    warm = {"key": TEMPERATURE, "valueType": "NUMERIC", "predicate": predicate}
    async with site.client("alice") as client:
        filtered = _query(ALL_DEVICES) | {"keyFilters": [warm]}
        assert _names(await client.ask("ENTITY_DATA", 1, query=filtered)) == ["Lamp 1", "Lamp 2"]
        listed = {"type": "entityList", "entityType": "DEVICE", "entityList": [lamps[2].id, lamps[0].id]}
        assert _names(await client.ask("ENTITY_DATA", 2, query=_query(listed))) == ["Lamp 0", "Lamp 2"]
        typed = {"type": "deviceType", "deviceTypes": ["default"], "deviceNameFilter": "lamp 1"}
        assert _names(await client.ask("ENTITY_DATA", 3, query=_query(typed))) == ["Lamp 1"]
        paged = await client.ask("ENTITY_DATA", 4, query=_query(ALL_DEVICES, pageSize=2, page=1))
        assert (_names(paged), paged["data"]["totalPages"]) == (["Lamp 2"], 2)


async def _count(client: LiveClient) -> int:
    return int((await client.next())["count"])


async def test_how_many_there_are_is_told_when_it_changes(site: LiveSite, gadget: Gadget) -> None:
    async with site.client("bob") as client:
        await client.command("ENTITY_COUNT", 1, query={"entityFilter": ALL_DEVICES})
        assert await client.next() == {
            "cmdId": 1,
            "errorCode": 0,
            "errorMsg": None,
            "count": 0,
            "cmdUpdateType": "COUNT_DATA",
        }
        await site.give(gadget.id, "bob")
        assert await _count(client) == 1
        await site.give(gadget.id, "alice")
        assert await _count(client) == 0


async def test_unsubscribing_ends_updates(site: LiveSite, gadget: Gadget) -> None:
    async with site.client("alice") as client:
        latest = {"keys": [TEMPERATURE]}
        await client.ask("ENTITY_DATA", 1, query=_query(_single(gadget)), latestCmd=latest)
        await client.command("ENTITY_DATA_UNSUBSCRIBE", 1)
        assert await client.is_quiet()
        await site.measure(gadget.token, {"temperature": 1})
        assert await client.is_quiet()
        assert (await client.refused("ENTITY_DATA", 1, latestCmd=latest))[1].startswith(
            "This subscription has"
        )


async def test_devices_of_other_tenants_and_customers_are_in_no_list(site: LiveSite, gadget: Gadget) -> None:
    """Attacks A18."""
    for who in ("bob", "rival"):
        async with site.client(who) as client:
            for entity_filter in (ALL_DEVICES, _single(gadget)):
                latest = {"keys": [TEMPERATURE]}
                found = await client.ask("ENTITY_DATA", 1, query=_query(entity_filter), latestCmd=latest)
                assert found["data"]["data"] == []
            await site.measure(gadget.token, {"temperature": 1})
            assert await client.is_quiet()
