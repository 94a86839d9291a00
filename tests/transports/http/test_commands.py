"""Commands reach devices that poll over HTTP, and their replies come back."""

import asyncio
from typing import Any

import httpx
import pytest

from deedbox.core.errors import LimitReached
from deedbox.core.rpc import End
from deedbox.testing.claim_scene import ACME, ALICE
from deedbox.transports.http.settings import DeviceApiSettings
from tests.storage.sqlite_bench import SQLiteBench
from tests.transports.device_site import PATIENCE_MS
from tests.transports.http.device_bench import DeviceBench


async def poll(bench: DeviceBench) -> dict[str, Any]:
    answer = await bench.get("rpc", timeout=PATIENCE_MS)
    assert answer.status_code == 200
    command: dict[str, Any] = answer.json()
    return command


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (b'{"result":"ok"}', b'{"result":"ok"}'),
        (b"21.50", b"21.50"),
        (b"", b""),
        (b"{result: ok}", b'{"result":"ok"}'),
        (b"OK", b'"OK"'),
    ],
)
async def test_a_command_and_its_reply(bench: DeviceBench, reply: bytes, told: bytes) -> None:
    """See thingsboard §6.7"""
    params = {"pin": 23, "value": [1.5, None, "ü"]}
    async with asyncio.TaskGroup() as group:
        called = group.create_task(bench.call("setGpio", params))
        command = await poll(bench)
        assert command == {"id": command["id"], "method": "setGpio", "params": params}
        assert isinstance(command["id"], int)
        replied = await bench.post(f"rpc/{command['id']}", reply)
    assert (replied.status_code, replied.content) == (200, b"")
    assert (called.result().end, called.result().reply) == (End.REPLIED, told)


async def test_a_poll_that_waits_already_gets_the_command(bench: DeviceBench) -> None:
    """See thingsboard §6.7"""
    polled = asyncio.create_task(poll(bench))
    await bench.until_polls(1)
    called = asyncio.create_task(bench.call("m"))
    command = await polled
    await bench.post(f"rpc/{command['id']}", b"1")
    assert (await called).reply == b"1"


async def test_one_way_is_done_when_it_is_taken(bench: DeviceBench) -> None:
    """See thingsboard §6.7"""
    called = asyncio.create_task(bench.exchange.call(await bench.command("go", one_way=True), PATIENCE_MS))
    assert (await poll(bench))["method"] == "go"
    assert (await called).end is End.DELIVERED


async def test_each_command_goes_to_one_poll(bench: DeviceBench) -> None:
    async with asyncio.TaskGroup() as group:
        polls = [group.create_task(poll(bench)) for _ in range(4)]
        await bench.until_polls(4)
        commands = [await bench.command(f"m{n}", one_way=True) for n in range(4)]
        called = [group.create_task(bench.exchange.call(it, PATIENCE_MS)) for it in commands]
    assert {it.result()["method"] for it in polls} == {"m0", "m1", "m2", "m3"}
    assert {it.result().end for it in called} == {End.DELIVERED}


async def test_nothing_comes_in_time(bench: DeviceBench) -> None:
    """See thingsboard §2.3"""
    for path in ("rpc", "attributes/updates"):
        answer = await bench.get(path, timeout=5)
        assert (answer.status_code, answer.content) == (408, b"")


@pytest.mark.parametrize("asked", ["-1", "soon", "1.5", "9" * 30])
async def test_a_timeout_that_is_no_number_is_refused(bench: DeviceBench, asked: str) -> None:
    answer = await bench.get("rpc", timeout=asked)
    assert answer.status_code == 400
    assert "milliseconds" in answer.json()["message"]


async def test_a_device_that_does_not_poll_or_reply(bench: DeviceBench) -> None:
    """See thingsboard §6.7"""
    assert (await bench.call("m", timeout_ms=10)).end is End.NOT_DELIVERED
    called = asyncio.create_task(bench.call("m", timeout_ms=300))
    command = await poll(bench)
    assert (await called).end is End.NOT_REPLIED
    assert (await bench.post(f"rpc/{command['id']}", b"late")).status_code == 200


@pytest.mark.parametrize("command_id", ["1x", "-1", "%31.0", "9" * 30, "1/2"])
async def test_a_reply_to_what_is_no_id(bench: DeviceBench, command_id: str) -> None:
    assert (await bench.post(f"rpc/{command_id}", b"1")).status_code == 400


async def test_a_reply_that_is_not_json_is_refused(bench: DeviceBench) -> None:
    called = asyncio.create_task(bench.call("m"))
    command = await poll(bench)
    assert (await bench.post(f"rpc/{command['id']}", b"{")).status_code == 400
    assert (await bench.post(f"rpc/{command['id']}", b"{}")).status_code == 200
    assert (await called).reply == b"{}"


async def test_another_device_can_not_reply(bench: DeviceBench) -> None:
    await bench.give_token(bench.other, "other")
    called = asyncio.create_task(bench.call("m"))
    command = await poll(bench)
    assert (await bench.post(f"rpc/{command['id']}", b"1", token="other")).status_code == 200
    await bench.post(f"rpc/{command['id']}", b"2")
    assert (await called).reply == b"2"


async def test_a_command_of_a_former_owner_is_never_delivered(bench: DeviceBench) -> None:
    """See behaviour §5.1, §5.3, even where nobody cancelled it"""
    await bench.scene.assign(bench.device, ACME)
    old = await bench.offer("old", timeout_ms=500)
    await bench.scene.reclaim(ALICE, bench.device)
    new = asyncio.create_task(bench.exchange.call(await bench.command("new", one_way=True), PATIENCE_MS))
    assert (await poll(bench))["method"] == "new"
    assert (await new).end is End.DELIVERED
    assert (await old).end is End.CANCELLED


async def test_cancelled_commands_end_at_once(bench: DeviceBench) -> None:
    """See behaviour §5.1"""
    taken, waiting = [await bench.offer(method) for method in ("taken", "waiting")]
    assert (await poll(bench))["method"] == "taken"
    bench.exchange.cancel_device(bench.other.id)
    assert not waiting.done()
    bench.exchange.cancel_device(bench.device.id)
    assert {(await waiting).end, (await taken).end} == {End.CANCELLED}
    assert (await bench.get("rpc", timeout=5)).status_code == 408


async def test_commands_per_device_are_bounded(bench: DeviceBench) -> None:
    calls = [await bench.offer(f"m{n}") for n in range(20)]
    with pytest.raises(LimitReached):
        await bench.call("one too many")
    bench.exchange.cancel_device(bench.device.id)
    await asyncio.gather(*calls)
    assert (await bench.call("again", timeout_ms=1)).end is End.NOT_DELIVERED


async def test_newer_polls_end_the_oldest(sqlite: SQLiteBench) -> None:
    async with DeviceBench(sqlite, DeviceApiSettings(polls_per_device=2)).served() as bench:
        polls = []
        for number in range(1, 4):
            polls.append(asyncio.create_task(bench.get("rpc", timeout=PATIENCE_MS)))
            await bench.until_polls(min(number, 2))
        assert (await polls[0]).status_code == 408
        command = await bench.command("m", one_way=True)
        assert (await bench.exchange.call(command, PATIENCE_MS)).end is End.DELIVERED
        assert (await polls[2]).json()["method"] == "m", "the newest poll is the one that is alive"
        bench.application.end_polls()
        assert (await polls[1]).status_code == 408


async def test_polls_are_bounded_and_a_stopping_server_lets_them_go(sqlite: SQLiteBench) -> None:
    async with DeviceBench(sqlite, DeviceApiSettings(polls=1)).served() as bench:
        waiting = asyncio.create_task(bench.get("rpc", timeout=PATIENCE_MS))
        await bench.until_polls(1)
        refused = await bench.get("attributes/updates", timeout=PATIENCE_MS)
        assert (refused.status_code, refused.json()["code"]) == (503, "limit_reached")
        assert refused.headers["retry-after"]
        bench.application.end_polls()
        assert (await waiting).status_code == 408
        assert (await bench.get("rpc", timeout=PATIENCE_MS)).status_code == 408


async def test_a_device_that_hangs_up_takes_no_command(bench: DeviceBench) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await bench.client.get("/api/v1/A1_TEST_TOKEN/rpc", timeout=0.1)
    await bench.until_polls(0)
    assert (await bench.call("m", timeout_ms=10)).end is End.NOT_DELIVERED


@pytest.mark.parametrize("body", [b'{"method":"getTime","params":{}}', b"{method: getTime, params: null}"])
async def test_a_device_that_asks_the_server_is_told_that_nobody_answers(
    bench: DeviceBench, body: bytes
) -> None:
    """See thingsboard §3.3"""
    answer = await bench.post("rpc", body)
    assert answer.status_code == 200
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"method":"m"}', b'{"params":{}}', b'{"method":1,"params":1}']
)
async def test_a_request_needs_method_and_params(bench: DeviceBench, body: bytes) -> None:
    assert (await bench.post("rpc", body)).status_code == 400
