"""Assigning, unassigning, reclaiming, and what they leave behind."""

import msgspec
import pytest

from deedbox.core.claim_requests import Answer
from deedbox.core.errors import NotFound
from deedbox.core.ownership import WindowKind
from deedbox.testing.claim_bench import PreparedDevice
from deedbox.testing.claim_scene import (
    ACME,
    ADMIN,
    ALICE,
    BOB,
    GLOBEX,
    TENANT,
    ClaimScene,
    made_device,
    made_id,
)


async def kinds(scene: ClaimScene) -> set[WindowKind]:
    return {it.kind for it in (await scene.state(made_device(1))).windows}


async def test_assigning_opens_a_deed_and_drops_the_windows(scene: ClaimScene) -> None:
    """Behaviour §5.6."""
    device = await scene.prepare()
    await scene.announce(device, "announced")
    await scene.set_key(device, "set")
    assert (await scene.assign(device, ACME)).customer_id == ACME
    assert await kinds(scene) == set()
    state = await scene.state(device)
    assert state.deed
    assert len(state.deed.burnt) == 2


async def test_assigning_to_another_closes_and_opens(scene: ClaimScene) -> None:
    device = await scene.prepare()
    await scene.assign(device, ACME)
    await scene.assign(device, GLOBEX)
    told = [(it.change, it.customer_id, it.reason) for it in await scene.bench.ledger(TENANT, device.id)]
    assert told == [
        ("opened", ACME, "assignment"),
        ("closed", ACME, "reassignment"),
        ("opened", GLOBEX, "assignment"),
    ]
    events = [it.type for it in await scene.bench.events(TENANT)]
    assert events == ["device.assigned", "device.released", "device.assigned"]


async def test_assigning_to_the_owner_changes_nothing(scene: ClaimScene) -> None:
    device = await scene.prepare()
    await scene.assign(device, ACME)
    await scene.set_key(device, "for the next owner")
    await scene.assign(device, ACME)
    assert await kinds(scene) == {WindowKind.SET_BY_TENANT}
    assert (await scene.state(device)).epoch == 1


async def test_what_is_not_there_is_not_found(scene: ClaimScene) -> None:
    device = await scene.prepare()
    with pytest.raises(NotFound):
        await scene.assign(device, made_id(99))
    with pytest.raises(NotFound):
        await scene.assign(made_device(7), ACME)
    with pytest.raises(NotFound):
        await scene.unassign(made_device(7))
    with pytest.raises(NotFound):
        await scene.reclaim(ADMIN, made_device(7))
    assert (await scene.state(device)).epoch == 0


async def test_reclaiming_keeps_the_keys_that_the_tenant_set_since(scene: ClaimScene) -> None:
    """Behaviour §5.2."""
    device = await scene.prepare()
    await scene.announce(device, "key")
    await scene.claim(ALICE, device, "key")
    await scene.set_key(device, "next")
    assert await scene.reclaim(ALICE, device)
    assert await kinds(scene) == {WindowKind.SET_BY_TENANT}
    assert (await scene.claim(BOB, device, "next")).answer is Answer.SUCCESS


async def test_reclaiming_what_nobody_owns_takes_back_the_offer(scene: ClaimScene) -> None:
    """Behaviour §5: 200 for the tenant; the device's own offer is forgotten, the tenant's keys stay."""
    device = await scene.prepare()
    await scene.announce(device, "announced")
    await scene.set_key(device, "set")
    assert not await scene.reclaim(ADMIN, device)
    assert await kinds(scene) == {WindowKind.SET_BY_TENANT}
    assert await scene.bench.ledger(TENANT, device.id) == []
    with pytest.raises(NotFound):
        await scene.reclaim(ALICE, device)


@pytest.mark.parametrize(("deployment", "override", "written"), [
    (True, None, None), (False, None, True), (False, True, None), (True, False, True),
])  # fmt: skip
@pytest.mark.parametrize("how", ["reclaim", "unassign"])
async def test_claiming_allowed_appears_where_it_is_needed(
    scene: ClaimScene, deployment: bool, override: bool | None, written: bool | None, how: str
) -> None:
    """Behaviour §5.2: written when `allowClaimingByDefault` is false."""
    device = await scene.prepare()
    scene.policy = msgspec.structs.replace(scene.policy, allow_by_default=deployment)
    await scene.bench.add_device(PreparedDevice(device, allow_by_default=override))
    await scene.assign(device, ACME)
    await (scene.reclaim(ADMIN, device) if how == "reclaim" else scene.unassign(device))
    assert await scene.bench.claiming_allowed(device.id) == written
    assert (await scene.announce(device, "key")).refused is None


async def test_every_step_is_told_to_audit_ledger_and_outbox(scene: ClaimScene) -> None:
    """Behaviour §4.5, §5.2; action and field names as clients of the reference server know them."""
    device = await scene.prepare()
    await scene.announce(device, "key")
    await scene.claim(ALICE, device, "key")
    await scene.reclaim(ALICE, device)
    opened, closed = await scene.bench.audit(TENANT)
    assert (opened.action, closed.action) == ("ASSIGNED_TO_CUSTOMER", "UNASSIGNED_FROM_CUSTOMER")
    assert '"assignedCustomerName":"Customer"' in opened.data
    assert f'"unassignedCustomerId":"{ACME}"' in closed.data
    assert (opened.customer_id, closed.customer_id, closed.user_id) == (ACME, ACME, ALICE.user_id)
    assert [it.type for it in await scene.bench.events(TENANT)] == ["device.claimed", "device.released"]
    assert [it.epoch for it in await scene.bench.ledger(TENANT, device.id)] == [1, 2]


async def test_credentials_are_replaced_where_the_profile_says_so(scene: ClaimScene) -> None:
    """Behaviour §5.5."""
    device = await scene.prepare()
    await scene.bench.add_device(PreparedDevice(device, rotates_credentials=True))
    await scene.assign(device, ACME)
    await scene.unassign(device)
    actions = [it.action for it in await scene.bench.audit(TENANT)]
    assert actions.count("CREDENTIALS_UPDATED") == 1
