"""Alarms about guesses: when they are raised, for whom, and that they refuse nobody."""

import msgspec
import pytest

from deedbox.core.claim_requests import Answer, ClaimOutcome
from deedbox.core.ids import NULL_ID
from deedbox.core.ownership import ClaimPolicy
from deedbox.core.records import Event
from deedbox.testing.claim_scene import (
    ALICE,
    GLOBEX,
    HOUR_MS,
    NEIGHBOUR,
    NINA,
    STRANGERS,
    TENANT,
    ClaimScene,
    Person,
    made_device,
    made_id,
)
from deedbox.testing.fakes import FakeBench

WINDOW_MS = 300_000
BEGIN_MS = 1_700_000_100_000 // WINDOW_MS * WINDOW_MS


@pytest.fixture
async def scene(bench: FakeBench) -> ClaimScene:
    bench.now_ms = BEGIN_MS
    scene = ClaimScene(bench, ClaimPolicy(alarm_per_tenant=10, alarm_per_deployment=15))
    await scene.prepare()
    return scene


async def guess(scene: ClaimScene, number: int, count: int, tenant: bool = True) -> list[ClaimOutcome]:
    """One of many accounts tries that many wrong keys at once."""
    home = (TENANT, GLOBEX) if tenant else (NEIGHBOUR, STRANGERS)
    who = Person(f"stranger {number}", made_id(10_000 + number), *home)
    return await scene.claim_all([scene.wish(who, "device-1", f"guess {n}") for n in range(count)])


async def alarms(scene: ClaimScene) -> list[Event]:
    events = [it for who in (TENANT, NEIGHBOUR, NULL_ID) for it in await scene.bench.events(who)]
    return [it for it in events if it.type.endswith("claim_guesses_alarm")]


async def test_many_accounts_raise_one_alarm_in_a_window(scene: ClaimScene) -> None:
    """Behaviour §6.1: the tenth wrong key of a tenant's users, whoever they are, and none after it."""
    outcomes = [it for number in range(3) for it in await guess(scene, number, 3)]
    assert not await alarms(scene)
    [last] = await guess(scene, 3, 1)
    [alarm] = await alarms(scene)
    assert (alarm.type, alarm.tenant_id, alarm.device_id) == ("tenant.claim_guesses_alarm", TENANT, None)
    told = {"guesses": 10, "windowStart": BEGIN_MS, "windowMs": WINDOW_MS}
    assert msgspec.json.decode(alarm.data) == told
    assert [(it.scope, it.owner_id, it.guesses) for it in last.alarms] == [("tenant", TENANT, 10)]
    assert not any(it.alarms for it in outcomes)
    await guess(scene, 4, 4)
    assert await alarms(scene) == [alarm]


async def test_the_deployment_counts_all_tenants(scene: ClaimScene) -> None:
    """Behaviour §6.1: no tenant is told about another one."""
    for number in range(2):
        await guess(scene, number, 4)
        await guess(scene, number + 10, 4, tenant=False)
    [alarm] = await alarms(scene)
    assert (alarm.type, alarm.tenant_id) == ("deployment.claim_guesses_alarm", NULL_ID)
    assert msgspec.json.decode(alarm.data)["guesses"] == 16


async def test_one_batch_may_raise_both(scene: ClaimScene) -> None:
    wishes = [
        scene.wish(Person(f"{n}", made_id(10_000 + n), TENANT, GLOBEX), "device-1", "guess")
        for n in range(20)
    ]
    outcomes = await scene.claim_all(wishes)
    assert {it.scope for outcome in outcomes for it in outcome.alarms} == {"tenant", "deployment"}
    assert len(await alarms(scene)) == 2


async def test_the_next_window_counts_anew(scene: ClaimScene) -> None:
    for number in range(3):
        await guess(scene, number, 3)
    scene.bench.now_ms += WINDOW_MS
    await guess(scene, 5, 5)
    assert not await alarms(scene)
    for number in range(10, 20):
        await guess(scene, number, 1)
    assert len(await alarms(scene)) == 2


async def test_an_alarm_refuses_nobody(scene: ClaimScene) -> None:
    """Behaviour §6.1: nor does a right key count, nor what was throttled."""
    device = made_device(1)
    await scene.announce(device, "right", HOUR_MS)
    for number in range(10):
        await guess(scene, number, 3)
    assert len(await alarms(scene)) == 2
    outcome = await scene.claim(ALICE, device, "right")
    assert (outcome.answer, outcome.alarms) == (Answer.SUCCESS, ())


async def test_what_costs_no_attempt_is_not_counted(scene: ClaimScene) -> None:
    """Behaviour §6.1: throttled guesses, the owner's own repeats, right keys that come too late."""
    device = made_device(1, NEIGHBOUR)
    await scene.announce(device, "right", HOUR_MS)
    await scene.claim(NINA, device, "right")
    for _ in range(20):
        assert (await scene.claim(NINA, device, "anything")).answer is Answer.CLAIMED
    late = Person("late", made_id(9_000), NEIGHBOUR, STRANGERS)
    for _ in range(20):
        await scene.claim(late, device, "right")
    throttled = await guess(scene, 1, 40)
    assert [it.answer for it in throttled].count(Answer.TOO_MANY_ATTEMPTS) == 35
    assert not await alarms(scene)
