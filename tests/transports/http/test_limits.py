"""Devices over HTTP beyond their limits: 429, when to come back, and what stays possible."""

import asyncio

import pytest

from deedbox.core.claim_requests import Answer
from deedbox.core.device_limits import DeviceLimits
from deedbox.testing.claim_scene import ALICE
from tests.transports.http.device_bench import DeviceBench

MESSAGES = [
    ("POST", "claim"),
    ("POST", "attributes"),
    ("GET", "attributes"),
    ("GET", "attributes/updates"),
    ("GET", "rpc"),
    ("POST", "rpc"),
    ("POST", "rpc/1"),
]


@pytest.mark.parametrize(("method", "path"), MESSAGES)
async def test_each_message_counts(bench: DeviceBench, method: str, path: str) -> None:
    bench.limit_rates(DeviceLimits(device_messages="1:60"))
    assert (await bench.post("attributes", {"a": 1})).status_code == 200
    refused = await bench.send(method, path)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "60"
    error = refused.json()
    assert (error["status"], error["errorCode"], error["code"]) == (429, 33, "too_many_messages")
    assert error["message"] == "This device may send 1 messages in 60 s. Wait, then send again."
    assert (await bench.post("telemetry", {"a": 1})).status_code == 200, "telemetry has its own limits"
    assert bench.refused == [("device", "messages")]


async def test_after_the_time_that_it_was_told_a_device_may_send_again(bench: DeviceBench) -> None:
    bench.limit_rates(DeviceLimits(device_messages="2:3"))
    statuses = [(await bench.post("attributes", {"a": n})).status_code for n in range(3)]
    assert statuses == [200, 200, 429]
    assert (await bench.reported()) == {"a": 1}
    refused = await bench.post("attributes", {"a": 3})
    bench.sqlite.now_ms += 1000 * int(refused.headers["retry-after"])
    assert (await bench.post("attributes", {"a": 4})).status_code == 200


async def test_values_are_counted_and_refused_ones_are_not_stored(bench: DeviceBench) -> None:
    bench.limit_rates(DeviceLimits(device_telemetry_data_points="4:60"))
    assert (await bench.post("telemetry", [{"a": 1}, {"b": 2, "c": 3}])).status_code == 200
    refused = await bench.post("telemetry", {"d": 1, "e": 2})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "15")
    assert (await bench.post("telemetry", {"d": 1})).status_code == 200
    assert await bench.latest() == {"a": 1, "b": 2, "c": 3, "d": 1}


async def test_more_values_than_ever_pass_are_not_to_be_sent_again(bench: DeviceBench) -> None:
    bench.limit_rates(DeviceLimits(device_telemetry_data_points="2:60"))
    refused = await bench.post("telemetry", {"a": 1, "b": 2, "c": 3})
    assert refused.status_code == 413
    assert "retry-after" not in refused.headers
    assert "Divide it" in refused.json()["message"]
    assert await bench.latest() == {}


async def test_messages_that_can_not_be_understood_count_too(bench: DeviceBench) -> None:
    bench.limit_rates(DeviceLimits(device_telemetry_messages="2:60"))
    statuses = [(await bench.post("telemetry", b"{")).status_code for _ in range(3)]
    assert statuses == [400, 400, 429]


async def test_what_is_sent_at_once_gets_no_more_than_the_limit(bench: DeviceBench) -> None:
    """Attacks: N parallel messages never get more than the limit."""
    token = await bench.token_of_another()
    bench.limit_rates(DeviceLimits(device_telemetry_messages="8:60", tenant_telemetry_messages="12:60"))
    sent = [bench.post("telemetry", {f"k{n}": n}) for n in range(20)]
    sent += [bench.post("telemetry", {f"k{n}": n}, token=token) for n in range(20)]
    answers = [it.status_code for it in await asyncio.gather(*sent)]
    assert sorted(set(answers)) == [200, 429]
    assert answers.count(200) == 12
    assert max(answers[:20].count(200), answers[20:].count(200)) <= 8


async def test_strangers_use_up_nothing(bench: DeviceBench) -> None:
    bench.limit_rates(DeviceLimits(tenant_messages="1:60"))
    for _ in range(5):
        assert (await bench.post("attributes", {"a": 1}, token="UNKNOWN")).status_code == 401
    assert (await bench.post("attributes", {"a": 1})).status_code == 200


async def test_who_holds_the_key_claims_a_device_that_is_held_back(bench: DeviceBench) -> None:
    """Behaviour §6.1: no counter on the device locks out its holder."""
    bench.limit_rates(DeviceLimits(device_messages="1:60", tenant_messages="1:60"))
    assert (await bench.post("claim", {"secretKey": "mine"})).status_code == 200
    assert (await bench.post("claim", {"secretKey": "other"})).status_code == 429
    assert (await bench.scene.claim(ALICE, bench.device, "mine")).answer is Answer.SUCCESS
