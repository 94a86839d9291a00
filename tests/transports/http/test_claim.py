"""Devices offer themselves over HTTP."""

import asyncio
import json

import pytest

from deedbox.core.claim_requests import Answer
from deedbox.core.ownership import ClaimPolicy
from deedbox.core.windows import Refused
from deedbox.testing.claim_bench import PreparedDevice
from deedbox.testing.claim_scene import ACME, ALICE, BOB, made_device
from tests.transports.http.device_bench import DeviceBench

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS

ACCEPTED = [
    (b"", "", DAY_MS),
    (b"{}", "", DAY_MS),
    (b'{"durationMs":0}', "", DAY_MS),
    (b'{"durationMs":-5}', "", DAY_MS),
    (b'{"durationMs":"60000"}', "", 60_000),
    (b'{"durationMs":60000.7}', "", 60_000),
    (b'{"durationMs":6e4}', "", 60_000),
    (b'{"durationMs":1e300}', "", WEEK_MS),
    (b'{"durationMs":-99999999999999999999}', "", DAY_MS),
    (b'{"durationMs":99999999999999999999}', "", WEEK_MS),
    (b'{"durationMs":60000,"secretKey":"one","secretKey":"two"}', "two", 60_000),
    (b'{"secretKey":"value"}', "value", DAY_MS),
    (b'{"secretKey":12345}', "12345", DAY_MS),
    (b'{"secretKey":1.50}', "1.50", DAY_MS),
    (b'{"secretKey":true}', "true", DAY_MS),
    (b'{"secretKey":"k","other":[1,{"a":null}]}', "k", DAY_MS),
    (b"{secretKey: value, durationMs: 60000}", "value", 60_000),
    (b"{'secretKey':'it\\'s \"mine\"'}", 'it\'s "mine"', DAY_MS),
    ('{"secretKey":"Schlüssel 🔑"}'.encode(), "Schlüssel 🔑", DAY_MS),
    (b'{"secretKey":"\\ud83d\\udd11"}', "🔑", DAY_MS),
    (b'{"secretKey":"\\ud800"}', "\ud800", DAY_MS),
    (json.dumps({"secretKey": "k" * 256}).encode(), "k" * 256, DAY_MS),
]

REFUSED = [
    b"[]",
    b'"text"',
    b"17",
    b"null",
    b"   ",
    b"\n",
    b'{"secretKey":',
    b'{"secretKey":null}',
    b'{"secretKey":{"a":"s3cret"}}',
    b'{"secretKey":["s3cret"]}',
    b'{"durationMs":null}',
    b'{"durationMs":{}}',
    b'{"durationMs":"abc"}',
    b'{"durationMs":true}',
    b'{"durationMs":"60000.7 "}',
    b'{"durationMs":NaN}',
    b'{"durationMs":"1' + b"0" * 500 + b'"}',
    b'{"secretKey":"s3cret"} x',
    b"{'secretKey':'s3cret}",
    b"\xff\xfe{}",
    b"[" * 1_900,
    json.dumps({"secretKey": "s3cret" + "k" * 251}).encode(),
]


@pytest.mark.parametrize(("body", "secret_key", "duration_ms"), ACCEPTED)
async def test_what_real_devices_send_opens_a_window(
    bench: DeviceBench, body: bytes, secret_key: str, duration_ms: int
) -> None:
    """See thingsboard §2.1, behaviour §2.3, §2.5"""
    answer = await bench.post("claim", body)
    assert answer.status_code == 200
    assert answer.json() == {"accepted": True, "expiresAt": bench.sqlite.now_ms + duration_ms}
    assert (await bench.scene.claim(ALICE, bench.device, secret_key + "x")).answer is Answer.FAILURE
    assert (await bench.scene.claim(ALICE, bench.device, secret_key)).answer is Answer.SUCCESS


@pytest.mark.parametrize("body", REFUSED)
async def test_a_bad_payload_is_400_and_never_repeated(bench: DeviceBench, body: bytes) -> None:
    """See thingsboard §2.1, behaviour §2.5, §7"""
    answer = await bench.post("claim", body)
    assert answer.status_code == 400
    error = answer.json()
    assert error["status"] == 400
    assert error["errorCode"] == 31
    assert error["code"] == "invalid_value"
    assert error["message"]
    assert "s3cret" not in answer.text
    assert (await bench.scene.state(bench.device)).windows == ()


@pytest.mark.parametrize("name", ["text/plain", "application/x-www-form-urlencoded", "nonsense"])
async def test_the_content_type_is_not_looked_at(bench: DeviceBench, name: str) -> None:
    """See behaviour §2"""
    answer = await bench.post("claim", b'{"secretKey":"k"}', headers={"content-type": name})
    assert answer.json()["accepted"] is True


async def test_the_newest_message_wins(bench: DeviceBench) -> None:
    """See behaviour §2.1"""
    await bench.post("claim", {"secretKey": "old", "durationMs": 60_000})
    await bench.post("claim", {"secretKey": "new", "durationMs": 1_000})
    assert (await bench.scene.claim(ALICE, bench.device, "old")).answer is Answer.FAILURE
    assert (await bench.scene.claim(ALICE, bench.device, "new")).answer is Answer.SUCCESS


async def test_firmware_that_announces_at_every_boot_learns_that_it_has_an_owner(bench: DeviceBench) -> None:
    """See behaviour §2.5"""
    await bench.scene.assign(bench.device, ACME)
    answer = await bench.post("claim", {"secretKey": "k"})
    assert answer.status_code == 200
    assert answer.json() == {"accepted": False, "reason": "owned"}
    assert bench.heard[-1].refused is Refused.OWNED


async def test_a_blocked_device_is_refused(bench: DeviceBench) -> None:
    """See behaviour §2.5, §2.7"""
    await bench.sqlite.set_blocked(bench.device.id, True)
    assert (await bench.post("claim")).json() == {"accepted": False, "reason": "blocked"}


@pytest.mark.parametrize(("allowed", "accepted"), [(None, False), (False, False), (True, True)])
async def test_claiming_allowed_decides_where_claiming_is_off(
    bench: DeviceBench, allowed: bool | None, accepted: bool
) -> None:
    """See behaviour §2.5"""
    bench.use_policy(ClaimPolicy(allow_by_default=False))
    await bench.sqlite.set_claiming_allowed(bench.device.id, allowed)
    answer = (await bench.post("claim", {"secretKey": "k"})).json()
    assert answer["accepted"] is accepted
    assert accepted or answer["reason"] == "not_allowed"


async def test_many_devices_announce_at_once(bench: DeviceBench) -> None:
    """See behaviour §2.2, §2.6: each its own window, all stored when answered; attacks A28"""
    devices = [made_device(number) for number in range(10, 50)]
    for device in devices:
        await bench.sqlite.add_device(PreparedDevice(device))
        await bench.give_token(device, f"token-{device.name}")
    bodies = [bench.post("claim", {"secretKey": it.name}, token=f"token-{it.name}") for it in devices]
    answers = await asyncio.gather(*bodies)
    assert {it.json()["accepted"] for it in answers} == {True}
    for device in devices:
        assert len((await bench.scene.state(device)).windows) == 1


async def test_one_device_that_announces_many_times_at_once_has_one_window(bench: DeviceBench) -> None:
    """See behaviour §2.1"""
    answers = await asyncio.gather(*(bench.post("claim", {"secretKey": f"k{n}"}) for n in range(20)))
    assert {it.status_code for it in answers} == {200}
    assert len((await bench.scene.state(bench.device)).windows) == 1


async def test_scenario_s(bench: DeviceBench) -> None:
    """See thingsboard §11"""
    await bench.post("claim", {"secretKey": "value", "durationMs": 1})
    bench.sqlite.now_ms += 2
    assert (await bench.scene.claim(BOB, bench.device, "value")).answer is Answer.FAILURE
    await bench.post("claim", {"secretKey": "value", "durationMs": 60_000})
    assert (await bench.scene.claim(BOB, bench.device, "value")).answer is Answer.SUCCESS
    assert (await bench.scene.claim(BOB, bench.device, "value")).answer is Answer.CLAIMED
