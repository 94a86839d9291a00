"""Time series over REST: writing, latest values, histories, deletion, limits (thingsboard §6.7)."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from deedbox.core.telemetry import Point
from deedbox.core.telemetry_journal import Message
from deedbox.core.value_limits import ValueLimits
from deedbox.transports.ingest import TelemetryIngest
from deedbox.transports.settings import JournalSettings
from tests.api.values_site import NOW, ValuesSite

DAY_MS = 86_400_000


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[ValuesSite]:
    site = ValuesSite(tmp_path)
    await site.open()
    yield site
    await site.close()


async def read(site: ValuesSite, device_id: UUID, query: str = "", who: str = "maker") -> Any:
    answer = await site.call(who, "GET", f"/DEVICE/{device_id}/values/timeseries{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def five_points(site: ValuesSite) -> UUID:
    device_id = await site.device()
    await site.measure(device_id, [Point("t", ts, ts / 10) for ts in (10, 20, 30, 40, 50)])
    return device_id


@pytest.mark.parametrize(
    ("body", "points"),
    [
        ({"a": 1}, {"a": [(NOW, 1)]}),
        ({"ts": 5, "values": {"a": True, "b": "x"}}, {"a": [(5, True)], "b": [(5, "x")]}),
        ([{"a": 1}, {"ts": 7.9, "values": {"a": 2}}], {"a": [(NOW, 1), (7, 2)]}),
        ([{"ts": "7", "values": {"a": "2.5"}}], {"a": [(7, 2.5)]}),
        ({"ts": 5}, {"ts": [(NOW, 5)]}),
        ({"a": [1, {"b": None}]}, {"a": [(NOW, [1, {"b": None}])]}),
    ],
)
async def test_writes_every_form(site: ValuesSite, body: object, points: dict[str, Any]) -> None:
    device_id = await site.device()
    for content, content_type in (
        (json.dumps(body), "text/plain"),
        (json.dumps(json.dumps(body)), "application/json"),
    ):
        headers = {"Content-Type": content_type}
        path = f"/DEVICE/{device_id}/timeseries/ANY?scope=ANY"
        written = await site.call("maker", "POST", path, content=content, headers=headers)
        assert (written.status_code, written.content) == (200, b"")
    found = await read(
        site, device_id, f"/history?keys={','.join(points)}&startTs=0&endTs={NOW + 1}&useStrictDataTypes=True"
    )
    assert found == {
        key: [{"ts": ts, "value": value} for ts, value in known] for key, known in points.items()
    }


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "Invalid JSON"),
        ("nonsense", "Invalid JSON"),
        ("[]", "No time series data"),
        ("{}", "no values"),
        ("3", "Telemetry must be"),
        ("[3]", "Telemetry must be"),
        ('{"a": null}', "null"),
        ('{"ts": 1, "values": {}}', "no values"),
        ('{"ts": 1, "values": 2}', "JSON object"),
        ('{"ts": "noon", "values": {"a": 1}}', "'ts'"),
        ('{"ts": -1, "values": {"a": 1}}', "'ts'"),
        ('{"ts": true, "values": {"a": 1}}', "'ts'"),
        ('{"ts": 1e300, "values": {"a": 1}}', "'ts'"),
        ('[{"a": 1}, {"": 1}]', "blank"),
    ],
)
async def test_bad_bodies_store_nothing(site: ValuesSite, body: str, says: str) -> None:
    device_id = await site.device()
    refused = await site.call("maker", "POST", f"/DEVICE/{device_id}/timeseries/ANY", content=body)
    assert (refused.status_code, refused.json()["errorCode"]) == (400, 31)
    assert says in refused.json()["message"]
    assert await read(site, device_id) == {}


async def test_latest_values(site: ValuesSite) -> None:
    device_id = await site.device()
    await site.measure(device_id, [Point("n", 5, 21.5), Point("b", 9, True), Point("j", 9, {"x": 1})])
    await site.measure(device_id, [Point("n", 4, 1), Point("n", 3, 2)])
    assert await read(site, device_id) == {
        "b": [{"ts": 9, "value": "true"}],
        "j": [{"ts": 9, "value": '{"x":1}'}],
        "n": [{"ts": 5, "value": "21.5"}],
    }
    assert await read(site, device_id, "?keys=n,none&useStrictDataTypes=True") == {
        "n": [{"ts": 5, "value": 21.5}],
        "none": [{"ts": NOW, "value": None}],
    }
    keys = await site.call("maker", "GET", f"/DEVICE/{device_id}/keys/timeseries")
    assert keys.json() == ["b", "j", "n"]


@pytest.mark.parametrize("address", ["", "/history"])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("keys=t&startTs=0&endTs=100", [50, 40, 30, 20, 10]),
        ("keys=t&startTs=10&endTs=50", [40, 30, 20, 10]),
        ("keys=t&startTs=10.0&endTs=50.9&limit=2", [40, 30]),
        ("keys=t&startTs=0&endTs=100&limit=2&orderBy=ASC", [10, 20]),
        ("keys=t&startTs=0&endTs=100&agg=AVG", [50, 40, 30, 20, 10]),
        ("keys=t&startTs=0&endTs=100&agg=NONE&interval=10", [50, 40, 30, 20, 10]),
    ],
)
async def test_histories(site: ValuesSite, address: str, query: str, found: list[int]) -> None:
    device_id = await five_points(site)
    series = await read(site, device_id, f"{address}?{query}")
    assert [(it["ts"], it["value"]) for it in series["t"]] == [(ts, str(ts / 10)) for ts in found]


async def test_histories_leave_out_what_is_not_there(site: ValuesSite) -> None:
    device_id = await five_points(site)
    assert await read(site, device_id, "?keys=none&startTs=0&endTs=100") == {}
    assert await read(site, device_id, "?startTs=0&endTs=100") == {}


async def test_aggregates_begin_at_the_start_and_stand_in_the_middle(site: ValuesSite) -> None:
    device_id = await five_points(site)
    query = "?keys=t&startTs=5&endTs=48&agg=MAX&interval=20&useStrictDataTypes=true&limit=1&orderBy=DESC"
    assert await read(site, device_id, query) == {
        "t": [{"ts": 15, "value": 2.0}, {"ts": 35, "value": 4.0}],
    }


async def test_calendar_intervals(site: ValuesSite) -> None:
    """Weeks, months and quarters end at midnight of the time zone that was named."""
    device_id = await site.device()
    april = 1_711_922_400_000  # 2024-03-31T22:00Z: April begins in Berlin
    await site.measure(device_id, [Point("t", april - 1, 1), Point("t", april, 2)])
    query = f"?keys=t&startTs={april - DAY_MS}&endTs={april + DAY_MS}&agg=SUM&useStrictDataTypes=true"
    for unit in ("MONTH", "QUARTER", "WEEK_ISO"):
        found = await read(site, device_id, f"{query}&intervalType={unit}&timeZone=Europe/Berlin")
        assert [it["value"] for it in found["t"]] == [1, 2]
    for unit, zone in (("MONTH", "America/New_York"), ("WEEK", "Europe/Berlin")):
        found = await read(site, device_id, f"{query}&intervalType={unit}&timeZone={zone}")
        assert [it["value"] for it in found["t"]] == [3]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("startTs=1", "endTs"),
        ("endTs=1", "startTs"),
        ("startTs=x&endTs=1", "'startTs'"),
        ("startTs=1&endTs=1e999", "'endTs'"),
        ("startTs=2&endTs=1", "before"),
        ("startTs=1&endTs=2&agg=MEDIAN&interval=1", "NONE, MIN, MAX"),
        ("startTs=1&endTs=2&orderBy=UP", "ASC, DESC"),
        ("startTs=1&endTs=2&limit=0", "'limit'"),
        ("startTs=1&endTs=2&limit=x", "limit"),
        ("startTs=1&endTs=2&agg=MAX&interval=-1", "'interval'"),
        ("startTs=1&endTs=2&agg=MAX&intervalType=FORTNIGHT", "WEEK_ISO"),
        ("startTs=1&endTs=2&agg=MAX&intervalType=WEEK&timeZone=Mars/Olympus", "timeZone"),
        ("startTs=1&endTs=2&agg=MAX&intervalType=WEEK&timeZone=../../etc/passwd", "timeZone"),
        ("startTs=0&endTs=1000&agg=MAX&interval=1", "20 intervals"),
        ("startTs=0&endTs=1000&keys=1,2,3,4,5,6", "at most 5"),
        ("useStrictDataTypes=perhaps", "useStrictDataTypes"),
    ],
)
async def test_bad_questions(site: ValuesSite, query: str, says: str) -> None:
    device_id = await site.device()
    refused = await site.call("maker", "GET", f"/DEVICE/{device_id}/values/timeseries?keys=t&{query}")
    assert (refused.status_code, refused.json()["errorCode"]) == (400, 31)
    assert says in refused.text


async def test_an_answer_has_a_limit(site: ValuesSite) -> None:
    device_id = await site.device()
    await site.measure(device_id, [Point(key, ts, ts) for key in "ab" for ts in range(30)])
    whole = "?keys=a,b&startTs=0&endTs=100"
    assert len((await read(site, device_id, whole + "&limit=25"))["b"]) == 25
    refused = await site.call("maker", "GET", f"/DEVICE/{device_id}/values/timeseries{whole}&limit=26")
    assert refused.status_code == 400
    assert "more than 50 points" in refused.json()["message"]


async def test_time_to_live(site: ValuesSite) -> None:
    device_id = await site.device()
    for path, value in (("/60", 1), ("", 2)):
        body = {"ts": value, "values": {"t": value}}
        await site.call("maker", "POST", f"/DEVICE/{device_id}/timeseries/ANY{path}", json=body)
    site.bench.now_ms += 60_000
    found = await read(site, device_id, "?keys=t&startTs=0&endTs=100&useStrictDataTypes=true")
    assert found == {"t": [{"ts": 2, "value": 2}]}
    for ttl in ("-1", "soon", "99999999999999"):
        path = f"/DEVICE/{device_id}/timeseries/ANY/{ttl}"
        assert (await site.call("maker", "POST", path, json={"t": 1})).status_code == 400


@pytest.mark.parametrize(
    ("query", "left", "latest"),
    [
        ("keys=t&deleteAllDataForKeys=True", [], None),
        ("keys=t&startTs=0&endTs=50", [50], 50),
        ("keys=t&startTs=40&endTs=51", [30, 20, 10], None),
        ("keys=t&startTs=40&endTs=51&rewriteLatestIfDeleted=true", [30, 20, 10], 30),
        ("keys=t&deleteAllDataForKeys=true&deleteLatest=False", [], 50),
        ("keys=other&deleteAllDataForKeys=true", [50, 40, 30, 20, 10], 50),
    ],
)
async def test_deletes(site: ValuesSite, query: str, left: list[int], latest: int | None) -> None:
    device_id = await five_points(site)
    gone = await site.call("maker", "DELETE", f"/DEVICE/{device_id}/timeseries/delete?{query}")
    assert (gone.status_code, gone.content) == (200, b"")
    found = await read(site, device_id, "?keys=t&startTs=0&endTs=100")
    assert [it["ts"] for it in found.get("t", [])] == left
    newest = (await read(site, device_id)).get("t")
    assert (newest[0]["ts"] if newest else None) == latest


async def test_what_is_written_replaces_what_the_device_sent_before(site: ValuesSite) -> None:
    """Also where that still waits in the journal to be moved."""
    device_id = await five_points(site)
    journal = JournalSettings(delay_ms=600_000)
    ingest = TelemetryIngest(site.storage, ValueLimits(), site.live, journal)
    site.storage.settle_by(ingest.settle)
    sent = Message(1, b'[["t",60,"sent by the device"]]')
    await ingest.store(device_id, sent, ("t",))
    await ingest.store(device_id, sent, ("t",))
    body = {"ts": 60, "values": {"t": "corrected"}}
    written = await site.call("maker", "POST", f"/DEVICE/{device_id}/timeseries/ANY", json=body)
    assert written.status_code == 200
    assert (await read(site, device_id))["t"][0] == {"ts": 60, "value": "corrected"}
    await ingest.close()


@pytest.mark.parametrize(
    "query", ["", "keys=t", "keys=t&startTs=1", "keys=t&startTs=a&endTs=b", "deleteAllDataForKeys=true"]
)
async def test_vague_deletions_are_refused(site: ValuesSite, query: str) -> None:
    device_id = await five_points(site)
    refused = await site.call("maker", "DELETE", f"/DEVICE/{device_id}/timeseries/delete?{query}")
    assert refused.status_code == 400
    assert len((await read(site, device_id, "?keys=t&startTs=0&endTs=100"))["t"]) == 5


@pytest.mark.parametrize(
    ("who", "reads", "writes"),
    [("maker", 200, 200), ("alice", 200, 403), ("bob", 403, 403), ("rival", 404, 404), ("root", 403, 403),
     ("nobody", 401, 401)],
)  # fmt: skip
async def test_who_may(site: ValuesSite, who: str, reads: int, writes: int) -> None:
    """Owners read, only the tenant writes and deletes (behaviour §5)."""
    device_id = await five_points(site)
    await site.give(device_id, site.alices)
    device = f"/DEVICE/{device_id}"
    history = "/values/timeseries/history?keys=t&startTs=0&endTs=100"
    for path in ("/keys/timeseries", "/values/timeseries", history):
        assert (await site.call(who, "GET", device + path)).status_code == reads
    written = await site.call(who, "POST", f"{device}/timeseries/ANY", json={"t": 1})
    assert written.status_code == writes
    deleted = await site.call(who, "DELETE", f"{device}/timeseries/delete?keys=t&deleteAllDataForKeys=true")
    assert deleted.status_code == writes


async def test_unknown_devices(site: ValuesSite) -> None:
    unknown = f"/DEVICE/{uuid4()}"
    assert (await site.call("maker", "GET", unknown + "/values/timeseries")).status_code == 404
    assert (await site.call("maker", "POST", unknown + "/timeseries/ANY", json={"t": 1})).status_code == 404


async def test_changes_are_recorded_by_name_only(site: ValuesSite) -> None:
    device_id = await site.device()
    await site.call("maker", "POST", f"/DEVICE/{device_id}/timeseries/ANY", json={"t": "hush", "a": 1})
    await site.call("maker", "DELETE", f"/DEVICE/{device_id}/timeseries/delete?keys=t&startTs=1&endTs=9")
    recorded = [(action, json.loads(data)) for _, action, data in await site.audit()]
    assert recorded == [
        ("TIMESERIES_UPDATED", {"entityId": str(device_id), "timeseries": ["a", "t"]}),
        ("TIMESERIES_DELETED", {"entityId": str(device_id), "timeseries": ["t"], "startTs": 1, "endTs": 9}),
    ]
