"""Three nodes whose clocks are a minute fast, right, a minute slow: the database's clock decides for all."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from deedbox.core.rpc import SHORTEST_TIMEOUT_MS
from tests.acceptance.cluster_site import Cluster, running_cluster
from tests.acceptance.crowd import PASSWORD, Crowd, Gadget, claim, done, new_crowd, outcome
from tests.acceptance.wire import Wire
from tests.storage.postgresql_bench import EMPTY, drop_postgresql, new_postgresql

KEY = "the right key"
SKEW_S, TOLERANCE_S = 60, 20
#: Announced for so long: less than clocks differ.
WINDOW_S = 30


def faked(skew_s: int) -> dict[str, str]:
    """Return what makes a process believe in another time; waiting takes as long as ever."""
    found = [*Path("/usr/lib").glob("**/faketime/libfaketimeMT.so.1")]
    if not found:
        raise RuntimeError("There is no libfaketime; `make test-packages` installs it.")
    return {"LD_PRELOAD": str(found[0]), "FAKETIME": f"{skew_s:+}", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    url = new_postgresql(EMPTY)
    folder = Path(tmp_path_factory.mktemp("nodes"))
    try:
        with running_cluster(folder, url, of_each=(faked(SKEW_S), {}, faked(-SKEW_S))) as running:
            yield running
    finally:
        drop_postgresql(url)


@pytest.fixture(scope="module")
def ports(cluster: Cluster) -> list[int]:
    return [it.server.port for it in cluster.members]


@pytest.fixture(scope="module")
def crowd(cluster: Cluster) -> Crowd:
    return asyncio.run(new_crowd(cluster.members[0].server, 3))


def is_now(moment_ms: float) -> bool:
    """Tell whether a moment is nearer to now than to what the wrong clocks say."""
    return abs(moment_ms / 1000 - time.time()) < TOLERANCE_S


async def offered(port: int, gadget: Gadget, duration_s: float) -> Any:
    """Let the device open a window on one node; return when it closes, in epoch milliseconds."""
    async with Wire(port) as wire:
        body = {"secretKey": KEY, "durationMs": int(duration_s * 1000)}
        return (await done(wire, "POST", f"/api/v1/{gadget.token}/claim", "", body))["expiresAt"]


async def test_the_clocks_of_the_nodes_are_wrong(ports: list[int]) -> None:
    skews = []
    for port in ports:
        async with Wire(port) as wire:
            refused = await wire.ask("GET", "/api/device/none", "no token")
            skews.append(refused.body["timestamp"] / 1000 - time.time())
    assert [round(it / SKEW_S) for it in skews] == [1, 0, -1]


async def test_sessions_last_as_long_on_every_node(ports: list[int], crowd: Crowd) -> None:
    """Issue 4."""
    lasts_until = []
    for port in ports:
        async with Wire(port) as wire:
            who = {"username": crowd.people[0].email, "password": PASSWORD}
            token = (await done(wire, "POST", "/api/auth/login", "", who))["token"]
        said = jwt.decode(token, options={"verify_signature": False})
        assert is_now(said["iat"] * 1000)
        lasts_until.append(said["exp"])
        for other in ports:
            async with Wire(other) as wire:
                await done(wire, "GET", "/api/auth/user", token)
                assert is_now(await done(wire, "GET", "/api/dashboard/serverTime", token))
    assert max(lasts_until) - min(lasts_until) < TOLERANCE_S


async def test_windows_are_open_as_long_on_every_node(ports: list[int], crowd: Crowd) -> None:
    """Issue 4, behaviour §4: now is the database's clock."""
    numbers = [(one, other) for one in range(3) for other in range(3)]
    gadgets = await crowd.gadgets(len(numbers), "WINDOW")
    for (one, other), gadget in zip(numbers, gadgets, strict=True):
        closes_at = await offered(ports[one], gadget, WINDOW_S)
        assert is_now(closes_at - WINDOW_S * 1000)
        async with Wire(ports[other]) as wire:
            assert outcome(await claim(wire, crowd.people[0], gadget, KEY)) == "SUCCESS", (one, other)


async def test_windows_close_at_the_same_moment_on_every_node(ports: list[int], crowd: Crowd) -> None:
    gadgets = await crowd.gadgets(3, "CLOSED")
    closes_at = [await offered(port, it, 0.5) for port, it in zip(ports, gadgets, strict=True)]
    await asyncio.sleep(max(0.0, max(closes_at) / 1000 - time.time()) + 0.5)
    for gadget in gadgets:
        for port in ports:
            async with Wire(port) as wire:
                said = outcome(await claim(wire, crowd.people[1], gadget, KEY))
                assert said == "FAILURE", (gadget.name, port)


async def test_attempts_are_counted_over_the_same_time_on_every_node(ports: list[int], crowd: Crowd) -> None:
    """Behaviour §6.1: five in five minutes, of the database's."""
    [gadget] = await crowd.gadgets(1, "GUESSED")
    await offered(ports[0], gadget, WINDOW_S)
    said: Counter[str] = Counter()
    for number in range(9):
        async with Wire(ports[number % 3]) as wire:
            reply = await claim(wire, crowd.people[2], gadget, f"guess {number}")
            said[outcome(reply)] += 1
            assert reply.status != 429 or 240 < int(reply.headers["retry-after"]) <= 300
    assert said == {"FAILURE": 5, "429": 4}


async def test_values_have_the_order_in_which_they_came(ports: list[int], crowd: Crowd) -> None:
    """Issue 4: a message without a moment of its own gets the database's, whichever node took it."""
    [gadget] = await crowd.gadgets(1, "MEASURED")
    for number in range(12):
        async with Wire(ports[number % 3]) as wire:
            await done(wire, "POST", f"/api/v1/{gadget.token}/telemetry", "", {"n": number})
        await asyncio.sleep(0.05)
    path = f"/api/plugins/telemetry/DEVICE/{gadget.id}/values/timeseries?keys=n"
    async with Wire(ports[1]) as wire:
        [latest] = (await done(wire, "GET", path, crowd.maker.token))["n"]
        found = await done(wire, "GET", f"{path}&startTs=0&endTs=4102444800000&limit=99", crowd.maker.token)
    assert latest["value"] == "11"
    assert [int(it["value"]) for it in sorted(found["n"], key=lambda it: it["ts"])] == [*range(12)]
    assert all(is_now(it["ts"]) for it in found["n"])


async def test_commands_wait_as_long_on_every_node(ports: list[int], crowd: Crowd) -> None:
    """Issue 4: a command that ends at a moment ends at that of the database."""
    gadgets = await crowd.gadgets(len(ports), "COMMANDED")

    async def ask(port: int, gadget: Gadget) -> int:
        ends_at = round((time.time() + WINDOW_S) * 1000)
        wish = {"method": "blink", "params": {}, "expirationTime": ends_at}
        async with Wire(port) as wire:
            path = f"/api/rpc/twoway/{gadget.id}"
            return (await wire.ask("POST", path, crowd.maker.token, wish)).status

    async def obey(gadget: Gadget) -> None:
        await asyncio.sleep(SHORTEST_TIMEOUT_MS / 1000 + 1)
        async with Wire(ports[1]) as wire:
            path = f"/api/v1/{gadget.token}/rpc"
            command = await done(wire, "GET", f"{path}?timeout=10000")
            await done(wire, "POST", f"{path}/{command['id']}", "", {"done": True})

    asked = [ask(*it) for it in zip(ports, gadgets, strict=True)]
    statuses = await asyncio.gather(*asked, *(obey(it) for it in gadgets))
    assert statuses[:3] == [200, 200, 200]
