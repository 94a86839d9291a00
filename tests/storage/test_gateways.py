"""Gateways on SQLite and PostgreSQL: who is under whom, and what making and adopting devices leaves."""

from collections.abc import Mapping

import pytest

from deedbox.core import gateways
from deedbox.core.device_profiles import add_default_profile
from deedbox.core.gateways import Entered, Entering, GatewayLimits, NotSpokenFor
from deedbox.storage.stores import Stores
from deedbox.testing.claim_scene import ACME, TENANT, ClaimScene, made_device
from tests.storage.sqlite_bench import StorageBench

GATEWAY, SECOND, THIRD = (made_device(number) for number in (1, 2, 3))


class Gateways:
    """Rules of gateways over a real database; the first of three devices is a gateway."""

    def __init__(self, bench: StorageBench) -> None:
        self.bench = bench
        self.scene = ClaimScene(bench)

    async def prepare(self) -> None:
        await self.scene.prepare(3)

        async def work(stores: Stores) -> None:
            await add_default_profile(stores.device_profiles, TENANT)

        await self.bench.storage.write(work)
        self.bench.sql("update device set additional_info = ? where id = ?", '{"gateway":true}', GATEWAY.id)

    async def enter(self, wishes: Mapping[str, str], limits: GatewayLimits | None = None) -> Entered:
        async def work(stores: Stores) -> Entered | None:
            entering = Entering(
                gateways=stores.gateways,
                devices=stores.devices,
                deeds=stores.claims,
                profiles=stores.device_profiles,
                keys=self.scene.keys,
                limits=limits or GatewayLimits(),
                is_news=lambda *_: True,
            )
            return await gateways.enter(entering, GATEWAY.id, wishes)

        entered = await self.bench.storage.write(work)
        assert entered is not None
        return entered


@pytest.fixture
async def site(either_bench: StorageBench) -> Gateways:
    made = Gateways(either_bench)
    await made.prepare()
    return made


async def test_devices_are_made_and_adopted_together(site: Gateways) -> None:
    """Behaviour §2.8."""
    entered = await site.enter({"A": "lamp", "B": "", SECOND.name: ""})
    assert (sorted(entered.children), entered.refused) == (["A", "B", SECOND.name], {})
    again = await site.enter({"A": "", SECOND.name: "", THIRD.name: ""})
    assert again.children == {
        "A": entered.children["A"],
        SECOND.name: SECOND.id,
        THIRD.name: THIRD.id,
    }
    types = site.bench.sql("select type from device where name in ('A', 'B') order by name")
    assert [it[0] for it in types] == ["lamp", "default"]
    kinds = site.bench.sql("select type from entity_relation where from_id = ? order by type", GATEWAY.id)
    assert [it[0] for it in kinds] == ["Created", "Created", "Manages", "Manages"]


async def test_who_is_spoken_for(site: Gateways) -> None:
    entered = await site.enter({"A": ""})
    child, pairs = entered.children["A"], [(GATEWAY.id, SECOND.id), (SECOND.id, GATEWAY.id)]

    async def work(stores: Stores) -> object:
        found = await gateways.known(stores.gateways, GATEWAY.id, ["A", SECOND.name])
        assert found is not None
        assert await gateways.known(stores.gateways, SECOND.id, ["A"]) is None
        spoken_for = await stores.gateways.spoken_for([(GATEWAY.id, child), *pairs])
        return found.children, spoken_for, await stores.gateways.child_count(GATEWAY.id, 10)

    assert await site.bench.storage.read(work) == ({"A": child}, {(GATEWAY.id, child)}, 1)


async def test_children_of_an_owner(site: Gateways) -> None:
    """A deed each, in the transaction that makes them (thingsboard §3.1)."""
    await site.scene.assign(GATEWAY, ACME)
    entered = await site.enter({"A": "", "B": "", SECOND.name: ""})
    assert entered.refused == {SECOND.name: NotSpokenFor.NOT_ITS_DEVICE}
    assert sorted(entered.owned) == sorted(entered.children.values())
    assert await site.bench.owned_count(ACME) == 3
    for device_id in entered.children.values():
        (row,) = await site.bench.ledger(TENANT, device_id)
        assert (row.change, row.reason, row.epoch) == ("opened", "made_by_gateway", 1)


async def test_the_last_ones_are_too_many(site: Gateways) -> None:
    entered = await site.enter({it: "" for it in "DCBA"}, GatewayLimits(most_devices=2))
    assert (set(entered.children), set(entered.refused)) == ({"D", "C"}, {"B", "A"})
    assert set((await site.enter({"A": "", "D": ""}, GatewayLimits(most_devices=2))).refused) == {"A"}


async def test_the_tenant_does_not_hear_of_everything(site: Gateways) -> None:
    """Whoever guesses names must not fill the audit log."""
    await site.enter({f"d{it}": "" for it in range(300)}, GatewayLimits(most_devices=0))
    entries = [it for it in await site.bench.audit(TENANT) if it.action == "SPEAK_FOR_DEVICE"]
    assert len(entries) == gateways.MOST_TOLD
