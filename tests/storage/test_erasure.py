"""Deleting customers and tenants in pieces, over the real storage."""

from itertools import pairwise
from uuid import UUID, uuid4

import pytest

from deedbox.core import customers, deeds, device_profiles, tenants
from deedbox.core.assets import Asset
from deedbox.core.customers import Customer
from deedbox.core.devices import Device
from deedbox.core.entities import EntityKind, Reference
from deedbox.core.erasure import PIECE, Piece, erase_customer, erase_tenant
from deedbox.core.errors import NotFound
from deedbox.core.ids import NULL_ID
from deedbox.core.keys import KeyRing, RingKey
from deedbox.core.ownership import ClaimPolicy
from deedbox.core.records import Actor
from deedbox.core.relations import Relation, RelationKey
from deedbox.core.tenants import Tenant
from deedbox.storage.stores import Stores
from tests.storage.sqlite_bench import StorageBench

KEYS = KeyRing({1: RingKey(b"d" * 32, b"e" * 32, b"s" * 32)})
POLICY = ClaimPolicy()
ROOT = Actor(NULL_ID, None, None, "root")


class Site:
    """A tenant with a customer that owns more devices than one piece takes."""

    def __init__(self, bench: StorageBench) -> None:
        self.bench, self.storage = bench, bench.storage
        self.tenant_id = self.customer_id = NULL_ID

    @property
    def maker(self) -> Actor:
        """The tenant's administrator."""
        return Actor(self.tenant_id, None, None, "maker")

    async def fill(self, count: int) -> None:
        """Make a tenant, its customer, and `count` devices that the customer owns."""

        async def work(stores: Stores) -> None:
            wanted = Tenant(NULL_ID, "Gadget Works", "", 0)
            tenant = await tenants.create(stores.tenants, stores.device_profiles, ROOT, wanted)
            self.tenant_id = tenant.id
            customer = Customer(NULL_ID, NULL_ID, "Alice's home", 0)
            self.customer_id = (await customers.create(stores.customers, self.maker, customer)).id
            profile = await device_profiles.default_profile(stores.device_profiles, tenant.id)
            devices = [
                Device(uuid4(), tenant.id, f"D{n}", profile.name, None, profile.id, "null", 0, 1)
                for n in range(count)
            ]
            await stores.devices.add_devices(devices)
            for it in devices:
                await deeds.assign(stores.claims, it.id, self.customer_id, self.maker, KEYS)

        await self.storage.write(work)

    async def add_assets(self, count: int) -> None:
        """Make assets that the customer has, each related to the next one."""

        async def work(stores: Stores) -> None:
            made = [
                Asset(uuid4(), self.tenant_id, f"A{n}", "default", None, self.tenant_id, "{}", 0, 1)
                for n in range(count)
            ]
            for it in made:
                await stores.assets.add(it)
                await stores.assets.assign(it, self.customer_id)
            ends = [Reference(EntityKind.ASSET, it.id) for it in made]
            for source, goal in pairwise(ends):
                relation = Relation(RelationKey(source, goal, "Next"))
                await stores.relations.put(self.tenant_id, relation)

        await self.storage.write(work)

    async def erase_customer(self) -> Piece:
        """Delete a piece of the customer."""

        async def work(stores: Stores) -> Piece:
            return await erase_customer(
                stores.erasure, stores.customers, self.maker, self.customer_id, POLICY, KEYS
            )

        return await self.storage.write(work)

    async def erase_tenant(self) -> Piece:
        """Delete a piece of the tenant."""

        async def work(stores: Stores) -> Piece:
            return await erase_tenant(stores.erasure, stores.tenants, ROOT, self.tenant_id, KEYS)

        return await self.storage.write(work)

    async def count(self, table: str, condition: str = "true", *values: UUID) -> int:
        """Count rows of a table."""
        [(found,)] = self.bench.sql(f"select count(*) from {table} where {condition}", *values)
        return int(found)


@pytest.fixture
async def site(either_bench: StorageBench) -> Site:
    opened = Site(either_bench)
    await opened.fill(PIECE + 1)
    return opened


async def test_a_customer_with_many_devices_goes_in_pieces(site: Site) -> None:
    """Behaviour §5.6: every deed is closed with its records, in bounded transactions."""
    first = await site.erase_customer()
    assert (first.is_last, len(first.closed)) == (False, PIECE)
    # Whoever stopped here goes on by deleting again.
    assert await site.count("deed", "closed_at is null") == 1
    assert await site.count("customer") == 1
    last = await site.erase_customer()
    assert (last.is_last, len(last.closed)) == (True, 1)
    assert await site.count("customer") == 0
    assert await site.count("deed", "closing_reason = 'customer_deleted'") == PIECE + 1
    assert await site.count("ownership_ledger", "change = 'closed'") == PIECE + 1
    assert await site.count("tally", "noun = 'customer' and total <> 0") == 0
    assert not await _owns_anything(site, site.customer_id)
    with pytest.raises(NotFound):
        await site.erase_customer()


async def test_a_tenant_with_many_devices_goes_in_pieces(site: Site) -> None:
    """Behaviour §5.6; its ownership ledger tells how every deed ended."""
    pieces = [await site.erase_tenant()]
    assert await site.count("device") == 1
    assert await site.count("tenant") == 1
    while not pieces[-1].is_last:
        pieces.append(await site.erase_tenant())
    assert sum(len(it.closed) for it in pieces) == PIECE + 1
    for table in ("tenant", "customer", "device_profile", "device", "device_state", "deed", "claim_window"):
        assert await site.count(table) == 0, table
    assert await site.count("ownership_ledger", "reason = 'tenant_deleted'") == PIECE + 1
    assert await site.count("audit_entry", "tenant_id <> ?", NULL_ID) == 0
    assert await site.count("tally", "total <> 0") == 0
    with pytest.raises(NotFound):
        await site.erase_tenant()


async def test_assets_of_a_large_customer_are_released_in_pieces(site: Site) -> None:
    """Behaviour §5.6: each with its entry in the audit log, before the devices."""
    await site.add_assets(PIECE + 1)
    first = await site.erase_customer()
    assert (first.is_last, first.closed) == (False, [])
    assert await site.count("asset", "customer_id is not null") == 1
    while not (await site.erase_customer()).is_last:
        pass
    assert await site.count("asset", "customer_id is not null") == 0
    assert await site.count("asset") == PIECE + 1
    taken = "action = 'UNASSIGNED_FROM_CUSTOMER' and entity_type = 'ASSET'"
    assert await site.count("audit_entry", taken) == PIECE + 1
    assert await site.count("tally", "noun = 'asset' and owner_id = ?", site.tenant_id) == 1
    assert await site.count("tally", "total <> 0 and owner_id = ?", site.customer_id) == 0


async def test_assets_and_relations_of_a_large_tenant_go_in_pieces(site: Site) -> None:
    """Behaviour §5.6: what was stored about assets is left to be forgotten in the background."""
    await site.add_assets(PIECE + 2)
    await site.erase_tenant()
    assert await site.count("asset") == 2
    assert await site.count("tenant") == 1
    while not (await site.erase_tenant()).is_last:
        pass
    for table in ("asset", "asset_profile", "entity_relation"):
        assert await site.count(table) == 0, table
    assert await site.count("removed_device") == PIECE + 1 + PIECE + 2
    assert await site.count("tally", "total <> 0") == 0


async def _owns_anything(site: Site, customer_id: UUID) -> bool:
    return await site.count("deed", "closed_at is null and customer_id = ?", customer_id) > 0
