"""The claim, one decision at a time; `test_claiming_machine.py` plays them together."""

import msgspec
import pytest

from deedbox.core.claim_requests import Answer
from deedbox.core.ownership import WindowKind
from deedbox.testing.claim_scene import (
    ACME,
    ALICE,
    ANNE,
    BOB,
    GLOBEX,
    HOUR_MS,
    TENANT,
    ClaimScene,
    made_device,
    made_id,
)


async def test_a_right_key_makes_an_owner(scene: ClaimScene) -> None:
    """Behaviour §4.5."""
    device = await scene.prepare()
    await scene.announce(device, "key")
    await scene.bench.set_claiming_allowed(device.id, True)
    outcome = await scene.claim(ALICE, device, "key")
    assert outcome.answer is Answer.SUCCESS
    assert outcome.device == msgspec.structs.replace(device, customer_id=ACME)
    state = await scene.state(device)
    assert (state.windows, state.claiming_allowed, state.epoch) == ((), False, 1)


async def test_refusals_say_what_clients_of_the_reference_server_know(scene: ClaimScene) -> None:
    """Behaviour §4.2-§4.4, detailed answers."""
    await scene.prepare(2)
    taken = made_device(1)
    await scene.announce(taken, "key")
    await scene.claim(ALICE, taken, "key")
    asked = [(BOB, "device-1", "key"), (BOB, "device-1", "x"), (ANNE, "device-1", "x"), (BOB, "device-2", "")]
    asked += [(BOB, "nobody", ""), (BOB, "Device-2", "")]
    outcomes = [(await scene.claim_all([scene.wish(*it)]))[0].answer for it in asked]
    assert outcomes == [Answer.CLAIMED] * 3 + [Answer.FAILURE] + [Answer.NOT_FOUND] * 2


async def test_each_kind_of_key_works_until_its_own_expiry(scene: ClaimScene) -> None:
    """Behaviour §3.5."""
    device = await scene.prepare()
    for hours, kind in enumerate(WindowKind, start=1):
        await scene.set_key(
            device,
            "BCD-FGH-JKQ" if kind is WindowKind.LABEL_SHORT_CODE else f"k{kind}",
            kind,
            hours * HOUR_MS,
        )
    scene.bench.now_ms += 3 * HOUR_MS
    keys = ["k0", "k1", "k2"]
    scene.bench.now_ms += 1
    assert [(await scene.claim(BOB, device, it)).answer for it in keys] == [Answer.FAILURE] * 3
    assert (await scene.claim(ALICE, device, "bcdfghjkq")).answer is Answer.SUCCESS


@pytest.mark.parametrize("kind", [WindowKind.SET_BY_TENANT, WindowKind.LABEL_QR_KEY])
async def test_what_the_tenant_sets_is_consent_by_itself(scene: ClaimScene, kind: WindowKind) -> None:
    """Behaviour §3.6: whatever the switches say; what the device announced waits for them (§4.4)."""
    device = await scene.prepare()
    await scene.announce(device, "announced")
    scene.policy = msgspec.structs.replace(scene.policy, allow_by_default=False)
    await scene.set_key(device, "set", kind)
    assert (await scene.claim(ALICE, device, "announced")).answer is Answer.FAILURE
    assert (await scene.claim(ALICE, device, "set")).answer is Answer.SUCCESS


async def test_blocking_overrides_every_key_and_closes_none(scene: ClaimScene) -> None:
    """Behaviour §2.7, §4.4."""
    device = await scene.prepare()
    await scene.set_key(device, "set")
    await scene.bench.set_blocked(device.id, True)
    assert (await scene.claim(ALICE, device, "set")).answer is Answer.FAILURE
    await scene.bench.set_blocked(device.id, False)
    assert (await scene.claim(ALICE, device, "set")).answer is Answer.SUCCESS


async def test_right_keys_cost_nothing_however_late(scene: ClaimScene) -> None:
    """Behaviour §6.1: expired, taken, blocked, too early; nor does the owner's own repeat."""
    device = await scene.prepare()
    await scene.announce(device, "key", 1)
    scene.bench.now_ms += 2
    late = [(await scene.claim(BOB, device, "key")).answer for _ in range(9)]
    assert late == [Answer.FAILURE] * 9
    await scene.announce(device, "key")
    await scene.claim(ALICE, device, "key")
    await scene.set_key(device, "next")
    for who, key in ((BOB, "key"), (BOB, "next"), (ANNE, "anything")):
        assert {(await scene.claim(who, device, key)).answer for _ in range(9)} == {Answer.CLAIMED}
    assert (await scene.claim(BOB, device, "wrong")).answer is Answer.CLAIMED


async def test_success_gives_the_attempt_back_but_not_those_before(scene: ClaimScene) -> None:
    await scene.prepare(2)
    device = made_device(1)
    for _ in range(4):
        await scene.claim(ALICE, device, "wrong")
    for _ in range(3):
        await scene.announce(device, "key")
        assert (await scene.claim(ALICE, device, "key")).answer is Answer.SUCCESS
        await scene.reclaim(ALICE, device)
    assert (await scene.claim(ALICE, device, "wrong")).answer is Answer.FAILURE
    assert (await scene.claim(ALICE, device, "wrong")).answer is Answer.TOO_MANY_ATTEMPTS


async def test_a_batch_is_decided_in_its_order(scene: ClaimScene) -> None:
    """Behaviour §4: one owner each, losers CLAIMED, the same request twice SUCCESS."""
    await scene.prepare(2)
    for number in (1, 2):
        await scene.announce(made_device(number), "key")
    wishes = [
        scene.wish(BOB, "device-1", "wrong"),
        scene.wish(ALICE, "device-1", "key", b"mark"),
        scene.wish(BOB, "device-1", "key"),
        scene.wish(BOB, "device-1", "key", b"mark"),
        scene.wish(ALICE, "device-1", "key", b"mark"),
        scene.wish(BOB, "device-2", "key"),
    ]
    outcomes = await scene.claim_all(wishes)
    s, c, f = Answer.SUCCESS, Answer.CLAIMED, Answer.FAILURE
    assert [it.answer for it in outcomes] == [f, s, c, c, s, s]
    assert [len(await scene.bench.deeds(made_device(n).id)) for n in (1, 2)] == [1, 1]
    assert await scene.owner(made_device(2)) == GLOBEX


async def test_a_customer_that_was_just_deleted_owns_nothing(scene: ClaimScene) -> None:
    """Behaviour §4: whoever asked before its customer was gone is refused; the key opens for the next."""
    device = await scene.prepare()
    await scene.announce(device, "key")
    late = msgspec.structs.replace(scene.wish(ALICE, device.name, "key"), customer_id=made_id(99))
    outcomes = await scene.claim_all([late])
    assert [(it.answer, it.why) for it in outcomes] == [(Answer.FAILURE, "customer is gone")]
    outcomes = await scene.claim_all([late, scene.wish(BOB, device.name, "key")])
    assert [it.answer for it in outcomes] == [Answer.CLAIMED, Answer.SUCCESS]
    assert await scene.owner(device) == GLOBEX


async def test_nothing_to_decide_is_no_error(scene: ClaimScene) -> None:
    assert await scene.claim_all([]) == []


async def test_what_a_refusal_leaves_for_the_tenant(scene: ClaimScene) -> None:
    """Behaviour §6.4: who, from where, which name, why; never the key."""
    device = await scene.prepare()
    await scene.claim(BOB, device, "a wrong key")
    await scene.claim_all([scene.wish(BOB, "no such device", "a wrong key")])
    for entry, name in zip(await scene.bench.audit(TENANT), [device.name, "no such device"], strict=True):
        assert (entry.user_id, entry.user_name, entry.customer_id) == (BOB.user_id, "bob", GLOBEX)
        assert (entry.source_address, entry.entity_name, entry.success) == ("192.0.2.7", name, False)
        assert entry.failure
        assert "a wrong key" not in repr(entry)
