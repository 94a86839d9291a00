"""Attacks with what was right once, or elsewhere: old keys, captured requests, other people's devices."""

import pytest

from deedbox.core.claim_requests import Answer
from deedbox.core.devices import Device
from deedbox.core.errors import NotFound
from deedbox.core.ownership import WindowKind
from deedbox.testing.claim_scene import (
    ACME,
    ADMIN,
    ALICE,
    ANNE,
    BOB,
    GLOBEX,
    HOUR_MS,
    NEIGHBOUR,
    NINA,
    STRANGERS,
    ClaimScene,
    Person,
    made_device,
)
from tests.storage.sqlite_bench import SQLiteBench


async def test_a08_a_key_works_to_the_last_millisecond_and_no_longer(
    scene: ClaimScene, device: Device
) -> None:
    """Attacks A08, behaviour §4.4: equal is open."""
    answer = await scene.announce(device, "key", 1000)
    scene.bench.now_ms = answer.expires_at + 1
    assert (await scene.claim(BOB, device, "key")).answer is Answer.FAILURE
    again = await scene.announce(device, "key", 1000)
    scene.bench.now_ms = again.expires_at
    assert (await scene.claim(ALICE, device, "key")).answer is Answer.SUCCESS


@pytest.mark.parametrize("kind", list(WindowKind))
async def test_a08_a_clock_that_steps_back_revives_nothing(
    scene: ClaimScene, device: Device, kind: WindowKind
) -> None:
    """Attacks A08: what was seen expired stays shut."""
    await scene.set_key(device, "key", kind, lasts_ms=1000)
    scene.bench.now_ms += 1001
    assert (await scene.claim(BOB, device, "key")).answer is Answer.FAILURE
    scene.bench.now_ms -= HOUR_MS
    assert (await scene.claim(BOB, device, "key")).answer is Answer.FAILURE


@pytest.mark.parametrize("kind", list(WindowKind))
@pytest.mark.parametrize("released_by", [ADMIN, ALICE])
async def test_a09_a_used_key_is_dead_after_release(
    scene: ClaimScene, device: Device, kind: WindowKind, released_by: Person
) -> None:
    """Attacks A09, behaviour §3.5, §6.5: a claim with one key burns all of them."""
    keys = {each: f"key {each}" for each in WindowKind} | {WindowKind.LABEL_SHORT_CODE: "BCD-FGH-JKQ"}
    for each, key in keys.items():
        await scene.set_key(device, key, each)
    assert (await scene.claim(ALICE, device, keys[kind])).answer is Answer.SUCCESS
    assert await scene.reclaim(released_by, device)
    assert [(await scene.claim(BOB, device, old)).answer for old in keys.values()] == [Answer.FAILURE] * 4
    assert await scene.owner(device) is None


async def test_a09_the_same_text_announced_anew_is_a_new_window(scene: ClaimScene, device: Device) -> None:
    """Behaviour §6.5: the device itself may offer the old key again."""
    await scene.announce(device, "key")
    await scene.claim(ALICE, device, "key")
    await scene.reclaim(ALICE, device)
    await scene.announce(device, "key")
    assert (await scene.claim(BOB, device, "key")).answer is Answer.SUCCESS


async def test_a10_a_captured_request_serves_nobody_else(scene: ClaimScene, device: Device) -> None:
    """Attacks A10, behaviour §4: a repeat is the same customer's; for others it is a late claim."""
    await scene.announce(device, "key")
    mark = b"digest of user, path, body and Idempotency-Key"
    assert (await scene.claim(ALICE, device, "key", mark)).answer is Answer.SUCCESS
    assert (await scene.claim(ALICE, device, "key", mark)).answer is Answer.SUCCESS
    assert (await scene.claim(BOB, device, "key", mark)).answer is Answer.CLAIMED
    assert (await scene.claim(NINA, device, "key", mark)).answer is Answer.FAILURE
    assert await scene.owner(device) == ACME
    await scene.reclaim(ALICE, device)
    assert (await scene.claim(ALICE, device, "key", mark)).answer is Answer.FAILURE


async def test_a10_a_repeat_is_a_repeat_for_a_day(scene: ClaimScene, device: Device) -> None:
    """Behaviour §4."""
    await scene.announce(device, "key")
    await scene.claim(ALICE, device, "key", b"mark")
    scene.bench.now_ms += 24 * HOUR_MS
    assert (await scene.claim(ALICE, device, "key", b"mark")).answer is Answer.SUCCESS
    scene.bench.now_ms += 1
    assert (await scene.claim(ALICE, device, "key", b"mark")).answer is Answer.CLAIMED
    assert len(await scene.bench.deeds(device.id)) == 1


@pytest.mark.parametrize("attacker", [BOB, NINA])
async def test_a11_only_the_owner_or_the_tenant_releases(
    scene: ClaimScene, device: Device, attacker: Person
) -> None:
    """Attacks A11, behaviour §5.1: anybody else gets 404, nothing changes."""
    await scene.announce(device, "key")
    with pytest.raises(NotFound):
        await scene.reclaim(attacker, device)
    assert (await scene.state(device)).windows
    await scene.claim(ALICE, device, "key")
    with pytest.raises(NotFound):
        await scene.reclaim(attacker, device)
    assert await scene.owner(device) == ACME
    assert await scene.reclaim(ANNE, device)


async def test_a12_names_reach_no_further_than_the_callers_tenant(scene: ClaimScene, device: Device) -> None:
    """Attacks A12: both tenants have a device of that name."""
    theirs = made_device(1, NEIGHBOUR)
    assert theirs.name == device.name
    await scene.announce(device, "key")
    await scene.announce(theirs, "their key")
    assert (await scene.claim(NINA, device, "key")).answer is Answer.FAILURE
    assert (await scene.claim(NINA, device, "their key")).answer is Answer.SUCCESS
    assert (await scene.owner(device), await scene.owner(theirs)) == (None, STRANGERS)


async def test_a12_nobody_assigns_across_tenants(scene: ClaimScene, device: Device) -> None:
    """Attacks A12: neither another tenant's device nor another tenant's customer."""
    theirs = made_device(1, NEIGHBOUR)
    for wanted, customer_id in ((theirs, ACME), (theirs, STRANGERS), (device, STRANGERS)):
        with pytest.raises(NotFound):
            await scene.assign(wanted, customer_id)
    with pytest.raises(NotFound):
        await scene.unassign(theirs)
    assert await scene.bench.events(NEIGHBOUR) == []


async def test_a16_a_device_speaks_for_itself_only(scene: ClaimScene, bench: SQLiteBench) -> None:
    """Attacks A16: a key counts for the device that announced it, even if its row is copied to another."""
    await scene.prepare(2)
    real, other = made_device(1), made_device(2)
    await scene.announce(other, "key")
    assert (await scene.claim(BOB, real, "key")).answer is Answer.FAILURE
    await scene.announce(real, "real key")
    bench._do(
        "update claim_window set digest = (select digest from claim_window where device_id = ?) "
        "where device_id = ?",
        other.id,
        real.id,
    )
    assert (await scene.claim(BOB, real, "key")).answer is Answer.FAILURE


async def test_a18_a_former_owner_reads_and_does_nothing(scene: ClaimScene, device: Device) -> None:
    """Attacks A18, behaviour §5.4, in the store: access ends in the transaction that ends the deed."""
    await scene.assign(device, ACME)
    await scene.bench.write_value(device.id, 1)
    assert await scene.bench.readable_values(device.id, ACME) == [1]
    await scene.reclaim(ALICE, device)
    assert await scene.bench.readable_values(device.id, ACME) == []
    with pytest.raises(NotFound):
        await scene.reclaim(ALICE, device)


async def test_a19_a_new_owner_sees_nothing_old(scene: ClaimScene, device: Device) -> None:
    """Attacks A19, behaviour §5.3: epochs decide, whatever the clock says."""
    write = scene.bench.write_value
    await write(device.id, 1)
    await scene.assign(device, ACME)
    await write(device.id, 2)
    scene.bench.now_ms -= 24 * HOUR_MS
    await scene.unassign(device)
    await write(device.id, 3)
    await scene.assign(device, GLOBEX)
    await write(device.id, 4)
    assert await scene.bench.readable_values(device.id, GLOBEX) == [3, 4]
    await scene.assign(device, ACME)
    assert await scene.bench.readable_values(device.id, ACME) == []
