"""What a stranger can tell from the answers to claims over REST: in uniform mode, nothing."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from deedbox.core.ownership import ClaimPolicy
from deedbox.storage.sqlite import SQLiteStorage
from tests.api.deployment import Deployment, copy_of, opened_deployment

KEY = "the right key"
WAYS = ["", "?unknown=parameter"]
VALUES = "/api/plugins/telemetry/DEVICE"
#: What differs between any two answers, whatever they are about.
VOLATILE = {"date", "x-request-id"}


@pytest.fixture
async def uniform(template_folder: Path, tmp_path: Path) -> AsyncIterator[Deployment]:
    """A deployment whose refusals read alike."""
    policy = ClaimPolicy(answers="uniform", attempts_per_user=1000)
    folder = copy_of(template_folder, tmp_path / "data")
    async with opened_deployment(folder, claim=policy) as opened:
        yield opened


async def prepare(it: Deployment) -> dict[str, dict[str, str]]:
    """Make a device for each reason to refuse a stranger; return the stranger's bodies by device name."""
    for name in ("wrong", "expired", "owned", "no-window", "not-allowed", "blocked", "withdrawn"):
        device_id = (await it.make_device(name))["id"]["id"]
        path, scope = f"/api/device/{device_id}/claiming", f"{VALUES}/{device_id}/attributes/SERVER_SCOPE"
        token = await it.device_token(device_id)
        if name != "no-window":
            await it.ok("", "POST", f"/api/v1/{token}/claim", {"secretKey": KEY, "durationMs": 600_000})
        if name == "expired":
            it.sql(
                "update claim_window set expires_at = 1 where expires_at > 1 and device_id = ?",
                UUID(device_id).bytes,
            )
        if name == "owned":
            await it.ok("alice", "POST", "/api/customer/device/owned/claim", {"secretKey": KEY})
        if name == "not-allowed":
            await it.ok("maker", "POST", scope, {"claimingAllowed": False})
        if name == "blocked":
            await it.ok("maker", "POST", f"{path}/block")
        if name == "withdrawn":
            await it.ok("maker", "DELETE", "/api/customer/device/withdrawn/claim")
    await it.ok("rival", "POST", "/api/device", {"name": "another-tenants", "type": "lamp"})
    guess, right = {"secretKey": "guess"}, {"secretKey": KEY}
    names = {"unknown": guess, "another-tenants": right, "wrong": guess, "owned": guess, "no-window": right}
    return names | {it: right for it in ("expired", "blocked", "withdrawn")} | {"empty-key": {}}


def seen(answer: httpx.Response) -> tuple[Any, ...]:
    """Return all that a client sees, but for the clock."""
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in VOLATILE)
    return answer.status_code, answer.content, headers


@pytest.mark.parametrize("way", WAYS)
async def test_a03_all_refusals_read_alike(uniform: Deployment, way: str) -> None:
    """Attacks A03, behaviour §6.3: status, body and headers, both through the framework and without it."""
    wishes = await prepare(uniform)
    answers = {
        name: await uniform.call("bob", "POST", f"/api/customer/device/{name}/claim{way}", json=body)
        for name, body in wishes.items()
    }
    assert {name for name, it in answers.items() if seen(it) != seen(answers["unknown"])} == set()
    assert (answers["unknown"].status_code, answers["unknown"].json()) == (400, "FAILURE")


@pytest.mark.parametrize("way", WAYS)
async def test_a03_spent_budgets_read_alike(uniform: Deployment, way: str) -> None:
    """Attacks A03, behaviour §6.1: names that do not exist are throttled like others, to the same second."""
    await prepare(uniform)
    last = {}
    for name in ("unknown", "wrong", "owned", "another-tenants"):
        path = f"/api/customer/device/{name}/claim{way}"
        answers = [await uniform.call("bob", "POST", path, json={"secretKey": "x"}) for _ in range(6)]
        assert [it.status_code for it in answers] == [400] * 5 + [429]
        last[name] = answers[-1]
    bodies = [{key: value for key, value in it.json().items() if key != "timestamp"} for it in last.values()]
    assert all(it == bodies[0] for it in bodies)
    assert {int(it.headers["retry-after"]) for it in last.values()} <= {299, 300}


async def test_a03_the_holder_and_the_owner_are_told(uniform: Deployment) -> None:
    """Behaviour §4.3: CLAIMED for the owner, and for whoever shows the key that the claim burnt."""
    await prepare(uniform)
    path = "/api/customer/device/owned/claim"
    told = [
        (await uniform.call(who, "POST", path, json={"secretKey": key})).json()
        for who, key in (("alice", "anything"), ("bob", KEY), ("bob", "guess"))
    ]
    assert told == ["CLAIMED", "CLAIMED", "FAILURE"]


@pytest.mark.parametrize("way", WAYS)
async def test_a04_every_refusal_asks_the_database_the_same(uniform: Deployment, way: str) -> None:
    """Attacks A04, behaviour §6.2: the statements of a whole request do not depend on the name."""
    wishes = await prepare(uniform)
    await uniform.who("bob")
    asked: dict[str, list[str]] = {}
    storage, seen_now = uniform.parts.storage, list[str]()
    assert isinstance(storage, SQLiteStorage)
    for name in ("unknown", "wrong", "owned", "no-window", "another-tenants"):
        seen_now.clear()
        for connection in (storage._writer, storage._inline):
            connection.set_trace_callback(lambda sql: seen_now.append(sql.partition("as (")[0][:40]))
        await uniform.call("bob", "POST", f"/api/customer/device/{name}/claim{way}", json=wishes[name])
        for connection in (storage._writer, storage._inline):
            connection.set_trace_callback(None)
        asked[name] = list(seen_now)
    assert len(asked["unknown"]) > 5
    assert [name for name, statements in asked.items() if statements != asked["unknown"]] == []


async def test_a31_all_ways_of_asking_share_one_budget(deployment: Deployment) -> None:
    """Attacks A31, behaviour §6.1: spellings of a name, requests of any kind, and new sessions."""
    await deployment.make_device("lamp")
    paths = ["lamp/claim", "%6camp/claim", "lamp/claim?x=1", "la%6Dp/claim", "lamp/claim?subCustomerId="]
    wishes = [{"secretKey": "x"}, {"secretKey": 7}, {"secretKey": True}, {}, {"other": 1}]
    answers = []
    for path, wish in zip(paths, wishes, strict=True):
        answers.append(await deployment.call("bob", "POST", f"/api/customer/device/{path}", json=wish))
        deployment.tokens.pop("bob")
    statuses = [it.status_code for it in answers]
    assert statuses == [400] * 5, [it.text for it in answers]
    spent = deployment.sql("select count(*) from spent_attempt group by scope having count(*) >= 4")
    more = [
        await deployment.call("bob", "POST", f"/api/customer/device/{path}", json={"secretKey": "y"})
        for path in paths[:4]
    ]
    assert [it.status_code for it in more][1:] == [429] * 3, (spent, [it.text for it in more])
