"""Attacks by racing: many at once, and everything at once."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

from deedbox.core import claiming
from deedbox.core.claim_requests import Answer, ClaimOutcome, ClaimRequest
from deedbox.core.devices import Device
from deedbox.core.errors import NotFound
from deedbox.core.windows import Announcement
from deedbox.storage.stores import Stores
from deedbox.testing.claim_scene import (
    ACME,
    ADMIN,
    ALICE,
    BOB,
    GLOBEX,
    HOUR_MS,
    TENANT,
    ClaimScene,
    Person,
    made_device,
    made_id,
)
from tests.storage.sqlite_bench import SQLiteBench


async def test_a06_two_hundred_claim_at_once_and_one_owns(
    scene: ClaimScene, bench: SQLiteBench, device: Device
) -> None:
    """Attacks A06, behaviour §4: one SUCCESS, the others CLAIMED, one deed, one ledger row; nobody pays."""
    people = [Person(f"p{n}", made_id(20_000 + n), TENANT, made_id(30_000 + n)) for n in range(200)]
    for person in people:
        await bench.add_customer(TENANT, person.customer_id or ACME, person.name)
    await scene.announce(device, "key")

    async def decide(stores: Stores, wishes: Sequence[ClaimRequest]) -> Sequence[ClaimOutcome]:
        return await claiming.claim(wishes, stores.claims, scene.keys, scene.policy)

    submit = bench.storage.batched(decide)
    outcomes = await asyncio.gather(*(submit(scene.wish(it, device.name, "key")) for it in people))
    assert Counter(it.answer for it in outcomes) == {Answer.SUCCESS: 1, Answer.CLAIMED: 199}
    [won] = [it.device for it in outcomes if it.device]
    [row] = await bench.ledger(TENANT, device.id)
    [deed] = await bench.deeds(device.id)
    assert row.customer_id == deed.customer_id == won.customer_id == await scene.owner(device)
    assert await bench.owned_count(deed.customer_id) == 1
    assert bench._rows("select 1 from spent_attempt") == []


async def test_a06_one_transaction_each_makes_no_difference(scene: ClaimScene, device: Device) -> None:
    """Attacks A06."""
    await scene.announce(device, "key")
    people = [Person(f"p{n}", made_id(20_000 + n), TENANT, ACME if n % 2 else GLOBEX) for n in range(50)]
    outcomes = await asyncio.gather(*(scene.claim(it, device, "key") for it in people))
    assert Counter(it.answer for it in outcomes) == {Answer.SUCCESS: 1, Answer.CLAIMED: 49}


async def test_a07_every_interleaving_ends_in_a_legal_state(scene: ClaimScene, bench: SQLiteBench) -> None:
    """Attacks A07: claims against reclaims, assignments, announcements and expiry, many times over."""
    device = await scene.prepare()
    order = random.Random(7)

    async def reclaims(person: Person) -> None:
        try:
            await scene.reclaim(person, device)
        except NotFound:
            return

    for _ in range(20):
        lot = [
            *(scene.announce(device, "key", order.choice([1, HOUR_MS])) for _ in range(3)),
            *(scene.claim(who, device, "key") for who in (ALICE, BOB) * 2),
            *(reclaims(who) for who in (ALICE, BOB, ADMIN)),
            scene.assign(device, order.choice([ACME, GLOBEX])),
            scene.unassign(device),
        ]
        order.shuffle(lot)
        await asyncio.gather(*lot)
        bench.now_ms += order.choice([0, 1, 2])
    ledger = await bench.ledger(TENANT, device.id)
    assert len(ledger) > 20
    assert [it.epoch for it in ledger] == list(range(1, len(ledger) + 1))
    assert [it.change for it in ledger] == ["opened", "closed"] * (len(ledger) // 2) + ["opened"] * (
        len(ledger) % 2
    )
    owner = ledger[-1].customer_id if len(ledger) % 2 else None
    assert await scene.owner(device) == owner
    for opened, closed in zip(ledger[::2], ledger[1::2], strict=False):
        assert (opened.deed_id, opened.customer_id) == (closed.deed_id, closed.customer_id)
    assert await bench.owned_count(ACME) + await bench.owned_count(GLOBEX) == (owner is not None)


async def test_a28_no_number_of_windows_evicts_another(scene: ClaimScene) -> None:
    """Attacks A28, behaviour §2.2: the first of 1,500 pending windows is as good as the last."""
    count = 1500
    await scene.prepare(count)
    await scene.announce_all([Announcement(made_device(n).id, f"key {n}") for n in range(1, count + 1)])
    for number in (1, 2, count // 2, count):
        assert (await scene.claim(ALICE, made_device(number), f"key {number}")).answer is Answer.SUCCESS
