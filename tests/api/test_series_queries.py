"""Several questions about one device's series in one request, as newer clients ask them."""

from typing import Any

import pytest

from tests.api.deployment import Deployment
from tests.api.device_site import DeviceSite

START = 1_700_000_000_000


class Lamp:
    """A device that Alice owns and that told four values."""

    def __init__(self, site: DeviceSite, device_id: str) -> None:
        self.site = site
        self.path = f"/api/plugins/telemetry/DEVICE/{device_id}/values/timeseries"

    async def ask(self, *queries: dict[str, Any], who: str = "alice") -> Any:
        return await self.site.ok(who, "POST", self.path, [_whole(it) for it in queries])

    async def refused(self, status: int, who: str, *queries: dict[str, Any]) -> Any:
        return await self.site.refused(status, who, "POST", self.path, [_whole(it) for it in queries])


def _whole(query: dict[str, Any]) -> dict[str, Any]:
    return {"key": "level", "startTs": START, "endTs": START + 1000} | query


@pytest.fixture
async def lamp(deployment: Deployment) -> Lamp:
    site = await DeviceSite(deployment).fill()
    device_id = await site.claimed_device("lamp")
    token = await deployment.device_token(device_id)
    points = [{"ts": START + late, "values": {"level": late}} for late in (0, 10)]
    values = {"on": True, "note": "x", "place": {"room": 1}, "warmth": 2.5}
    told = [*points, {"ts": START, "values": values}]
    await site.ok("", "POST", f"/api/v1/{token}/telemetry", told)
    return Lamp(site, device_id)


async def test_answers_each_question_by_its_id(lamp: Lamp) -> None:
    """Thingsboard §6.7: histories and aggregates side by side."""
    cut = {"aggregation": "AVG", "intervalType": "MILLISECONDS", "interval": 1000}
    unknown = {"id": 9, "key": "none"}
    found = await lamp.ask(
        {"id": 7},
        {"id": 8, "order": "ASC", "limit": 1},
        {"id": 9, "aggParameters": cut},
        unknown,
    )
    assert [it["queryId"] for it in found] == [7, 8, 9, 9]
    assert [[it["value"] for it in answer["data"]] for answer in found] == [[10, 0], [0], [5.0], []]
    assert [it["lastEntryTs"] - START for it in found] == [10, 0, 500, 0]
    again = await lamp.ask({"aggregation": "MAX", "interval": 1000}, who="maker")
    assert [it["value"] for it in again[0]["data"]] == [10]


@pytest.mark.parametrize(
    ("key", "value", "text", "kind"),
    [
        ("level", 10, "10", "LONG"),
        ("warmth", 2.5, "2.5", "DOUBLE"),
        ("on", True, "true", "BOOLEAN"),
        ("note", "x", "x", "STRING"),
        ("place", {"room": 1}, '{"room":1}', "JSON"),
    ],
)
async def test_values_keep_their_types(lamp: Lamp, key: str, value: Any, text: str, kind: str) -> None:
    """Thingsboard §6.7."""
    point = (await lamp.ask({"key": key}))[0]["data"][0]
    assert (point["key"], point["value"]) == (key, value)
    assert (point["valueAsString"], point["dataType"]) == (text, kind)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"endTs": START - 1}, "endTs"),
        ({"startTs": -1}, "startTs"),
        ({"aggregation": "MEDIAN", "interval": 10}, "agg"),
        ({"interval": -5, "aggregation": "AVG"}, "interval"),
        ({"aggParameters": {"intervalType": "EON"}}, "intervalType"),
        ({"aggParameters": {"intervalType": "WEEK", "tzId": "Nowhere/At all"}}, "timeZone"),
        ({"limit": 0}, "limit"),
        ({"order": "SIDEWAYS"}, "orderBy"),
        ({"key": None}, "str"),
    ],
)
async def test_says_what_is_wrong(lamp: Lamp, query: dict[str, Any], says: str) -> None:
    """Behaviour §7."""
    assert says in (await lamp.refused(400, "alice", query))["message"]


async def test_bounds_questions_and_owners(lamp: Lamp) -> None:
    """Behaviour §5.3, §7: a question costs what it costs alone; foreign devices are nobody's."""
    await lamp.refused(400, "alice", *[{}] * 501)
    assert await lamp.ask() == []
    await lamp.refused(403, "bob", {})
    await lamp.refused(404, "rival", {})
    await lamp.refused(401, "", {})
