"""Devices send measurements and attributes over HTTP, and read attributes."""

import asyncio
from typing import Any

import pytest

from deedbox.core.attributes import Writer
from deedbox.core.value_limits import ValueLimits
from deedbox.testing.claim_scene import ACME, ALICE, GLOBEX
from tests.transports.http.device_bench import DeviceBench

TELEMETRY = [
    (b'{"temperature":42,"humidity":73.5}', {"temperature": 42, "humidity": 73.5}),
    (b"{temperature:42,humidity:73}", {"temperature": 42, "humidity": 73}),
    (b"{'on': True, 'name': 'x'}", {"on": True, "name": "x"}),
    (b'[{"a":1},{"b":true}]', {"a": 1, "b": True}),
    (b'{"ts":1451649600512,"values":{"a":"text","b":{"c":[1,null]}}}', {"a": "text", "b": {"c": [1, None]}}),
    (b'[{"ts":1451649600512,"values":{"a":1}},{"ts":1451649600513,"values":{"a":2}}]', {"a": 2}),
    (b'{"numeric":"17","text":"17x"}', {"numeric": 17, "text": "17x"}),
    (b'{"a":1,"b":null}', {"a": 1}),
    (b'[{"ts":1451649600512,"values":{"a":null,"b":2}},{"c":null}]', {"b": 2}),
    (b'{"a":null}', {}),
    (b'{"ts":5,"values":{"a":null}}', {}),
]

NOT_VALUES = [
    b"",
    b"   ",
    b"17",
    b'"text"',
    b"{",
    b'{"a":}',
    b'{"a":nan}',
    b'{"a":1e999}',
    b"\xff",
    b"[1]",
    b"null",
    b"{}",
]

ATTRIBUTES = [
    (b'{"firmware":"1.2.3","ok":true,"limit":42.0}', {"firmware": "1.2.3", "ok": True, "limit": 42.0}),
    (
        b"{attribute1: value1, attribute2:true, attribute3: 43.0}",
        {"attribute1": "value1", "attribute2": True, "attribute3": 43.0},
    ),
    (b'{"nested":{"a":[1,2]}}', {"nested": {"a": [1, 2]}}),
    (b'{"a":null,"ok":true}', {"ok": True}),
    (b'{"a":null}', {}),
]


@pytest.mark.parametrize(("body", "stored"), TELEMETRY)
async def test_measurements_are_stored_when_answered(
    bench: DeviceBench, body: bytes, stored: dict[str, Any]
) -> None:
    """See thingsboard §3.3, behaviour §2.6"""
    answer = await bench.post("telemetry", body, headers={"content-type": "text/plain"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert await bench.latest() == stored


async def test_a_measurement_has_its_own_time_or_the_servers(bench: DeviceBench) -> None:
    """See thingsboard §3.3"""
    await bench.post("telemetry", {"ts": 1451649600512, "values": {"old": 1}})
    await bench.post("telemetry", {"new": 2})
    assert {it.key: it.ts for it in await bench.points()} == {
        "old": 1451649600512,
        "new": bench.sqlite.now_ms,
    }


@pytest.mark.parametrize("body", NOT_VALUES)
@pytest.mark.parametrize("path", ["telemetry", "attributes"])
async def test_what_is_no_value_is_refused(bench: DeviceBench, path: str, body: bytes) -> None:
    """See behaviour §7"""
    answer = await bench.post(path, body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_value"
    assert (await bench.latest(), await bench.reported()) == ({}, {})


@pytest.mark.parametrize(("body", "stored"), ATTRIBUTES)
async def test_attributes_are_stored_when_answered(
    bench: DeviceBench, body: bytes, stored: dict[str, Any]
) -> None:
    """See thingsboard §3.3, behaviour §2.6"""
    answer = await bench.post("attributes", body)
    assert (answer.status_code, answer.content) == (200, b"")
    assert await bench.reported() == stored


async def test_messages_that_arrive_together_are_all_stored(bench: DeviceBench) -> None:
    """See behaviour §2.6; one bad message spoils no other"""
    sent = [bench.post("telemetry", {f"k{n}": n}) for n in range(60)]
    sent += [bench.post("attributes", {f"a{n}": n}) for n in range(20)]
    answers = await asyncio.gather(*sent, bench.post("telemetry", b"{"))
    assert [it.status_code for it in answers] == [200] * 80 + [400]
    assert await bench.latest() == {f"k{n}": n for n in range(60)}
    assert await bench.reported() == {f"a{n}": n for n in range(20)}


async def test_a_device_reads_what_it_names(bench: DeviceBench) -> None:
    """See thingsboard §3.3"""
    await bench.post("attributes", {"c1": 1, "c2": 2})
    await bench.share(s1="x", s2=True)
    named = await bench.get("attributes", clientKeys="c1,unknown", sharedKeys="s2")
    assert named.json() == {"client": {"c1": 1}, "shared": {"s2": True}}
    assert (await bench.get("attributes", sharedKeys="s1")).json() == {"shared": {"s1": "x"}}
    assert (await bench.get("attributes", clientKeys="unknown")).json() == {}
    everything = {"client": {"c1": 1, "c2": 2}, "shared": {"s1": "x", "s2": True}}
    assert (await bench.get("attributes")).json() == everything


async def test_a_device_never_reads_what_a_former_owner_shared(bench: DeviceBench) -> None:
    """See behaviour §5.3"""
    await bench.scene.assign(bench.device, ACME)
    await bench.share(Writer.CUSTOMER, wish="warm")
    await bench.share(Writer.TENANT, limit=5)
    assert (await bench.get("attributes")).json() == {"shared": {"wish": "warm", "limit": 5}}
    await bench.scene.reclaim(ALICE, bench.device)
    assert (await bench.get("attributes")).json() == {"shared": {"limit": 5}}
    await bench.scene.assign(bench.device, GLOBEX)
    assert (await bench.get("attributes")).json() == {"shared": {"limit": 5}}


async def test_last_activity_is_noted_once_a_minute(bench: DeviceBench) -> None:
    """See thingsboard §2.2: a message counts as activity"""
    began_ms = bench.sqlite.now_ms
    await bench.post("telemetry", {"a": 1})
    bench.sqlite.now_ms += 59_999
    await bench.post("telemetry", {"a": 2})
    await bench.activity.close()
    assert await bench.last_activity_at(bench.device.id) == began_ms
    bench.sqlite.now_ms += 1
    await bench.post("claim")
    await bench.activity.close()
    assert await bench.last_activity_at(bench.device.id) == began_ms + 60_000
    assert await bench.last_activity_at(bench.other.id) is None


@pytest.mark.parametrize("path", ["telemetry", "attributes"])
async def test_json_that_is_too_deep_to_be_shown_is_refused(bench: DeviceBench, path: str) -> None:
    """A limit on what a stranger can grow: each edge that reads it has a stack of its own."""
    fits = b'{"a":' + b"[" * 64 + b"]" * 64 + b"}"
    assert (await bench.post(path, fits)).status_code == 200
    for levels in (65, 300, 900):
        answer = await bench.post(path, b'{"a":' + b'{"b":' * levels + b"1" + b"}" * levels + b"}")
        assert answer.status_code == (400 if levels * 6 < 1_990 else 413)


FEW = ValueLimits(most_series=3, most_attributes=3)


@pytest.mark.parametrize(("path", "what"), [("telemetry", "time series"), ("attributes", "attributes")])
async def test_a_device_brings_no_names_without_end(bench: DeviceBench, path: str, what: str) -> None:
    """A limit on what a stranger can grow: names that are used already go on, new ones are refused."""
    await bench.use_limits(FEW)
    assert (await bench.post(path, {"a": 1, "b": 1})).status_code == 200
    refused = await bench.post(path, {"a": 2, "c": 2, "d": 2})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_value")
    assert f"has 2 {what} and would get 2 more; at most 3" in refused.json()["message"]
    assert (await bench.post(path, {"b": 3, "c": 3})).status_code == 200
    assert (await bench.post(path, {"d": 4})).status_code == 400
    assert (await bench.post(path, {"a": 5, "b": 5})).status_code == 200
    kept = await bench.latest() if path == "telemetry" else await bench.reported()
    assert kept == {"a": 5, "b": 5, "c": 3}


@pytest.mark.parametrize("path", ["telemetry", "attributes"])
async def test_names_are_counted_within_a_commit_and_after_a_restart(bench: DeviceBench, path: str) -> None:
    """Nor by sending all at once, nor by waiting for another process that has not seen it yet."""
    await bench.use_limits(FEW)
    answers = await asyncio.gather(*(bench.post(path, {f"k{n}": n}) for n in range(20)))
    assert sorted(it.status_code for it in answers) == [200] * 3 + [400] * 17
    await bench.use_limits(FEW)
    assert (await bench.post(path, {"new": 1})).status_code == 400
    assert len(await bench.latest()) + len(await bench.reported()) == 3
    token = await bench.token_of_another()
    assert (await bench.post(path, {"new": 1}, token)).status_code == 200
