"""A small world for the exam of claim stores: one tenant, two customers of two users each, a neighbour."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from deedbox.core import claiming, deeds, labels, windows
from deedbox.core.claim_requests import ClaimOutcome, ClaimRequest
from deedbox.core.devices import Device
from deedbox.core.keys import KeyRing, RingKey
from deedbox.core.ownership import ClaimPolicy, DeviceState, WindowKind
from deedbox.core.records import Actor
from deedbox.core.windows import Announced, Announcement, NewWindow
from deedbox.testing.claim_bench import ClaimBench, HeartStore, PreparedDevice

HOUR_MS = 3_600_000


def made_id(number: int) -> UUID:
    """Return an identifier that is the same in every run."""
    return UUID(int=(0x019 << 116) | (0x7 << 76) | (0b10 << 62) | number)


def ring(*numbers: int) -> KeyRing:
    """Return a key ring of these generations, with keys that are the same in every run."""
    return KeyRing(
        {n: RingKey(bytes([n]) * 32, bytes([n + 100]) * 32, bytes([n + 200]) * 32) for n in numbers}
    )


class Person(msgspec.Struct, frozen=True):
    """Somebody who is signed in; `customer_id` is None for the tenant's administrator."""

    name: str
    user_id: UUID
    tenant_id: UUID
    customer_id: UUID | None = None

    @property
    def actor(self) -> Actor:
        """Who did it, for the rules."""
        return Actor(self.tenant_id, self.customer_id, self.user_id, self.name, "192.0.2.7")


TENANT, NEIGHBOUR = made_id(1), made_id(2)
ACME, GLOBEX, STRANGERS = made_id(11), made_id(12), made_id(13)
ADMIN = Person("admin", made_id(21), TENANT)
ALICE = Person("alice", made_id(22), TENANT, ACME)
ANNE = Person("anne", made_id(23), TENANT, ACME)
BOB = Person("bob", made_id(24), TENANT, GLOBEX)
BERT = Person("bert", made_id(25), TENANT, GLOBEX)
#: Of another tenant, which has devices of the same names.
NINA = Person("nina", made_id(26), NEIGHBOUR, STRANGERS)
CUSTOMERS = [(TENANT, ACME), (TENANT, GLOBEX), (NEIGHBOUR, STRANGERS)]


def made_device(number: int, tenant_id: UUID = TENANT) -> Device:
    """Return a device as it leaves the factory, named `device-<number>`, with a profile of its own."""
    base = 1000 if tenant_id == TENANT else 5000
    return Device(
        id=made_id(base + number),
        tenant_id=tenant_id,
        name=f"device-{number}",
        type="default",
        label=None,
        profile_id=made_id(base + 2000 + number),
        additional_info="{}",
        created_at=0,
        version=1,
    )


class ClaimScene:
    """The rules of the core played on a bench, one transaction per call, as the edges play them."""

    def __init__(self, bench: ClaimBench, policy: ClaimPolicy | None = None) -> None:
        self.bench = bench
        self.policy = policy or ClaimPolicy()
        self.keys = ring(1)

    async def prepare(self, device_count: int = 1) -> Device:
        """Store customers and devices of both tenants; return the first device."""
        for tenant_id, customer_id in CUSTOMERS:
            await self.bench.add_customer(tenant_id, customer_id, f"Customer {customer_id.int & 0xFF}")
        for tenant_id in (TENANT, NEIGHBOUR):
            for number in range(1, device_count + 1):
                await self.bench.add_device(PreparedDevice(made_device(number, tenant_id)))
        return made_device(1)

    async def announce(self, device: Device, secret_key: str = "", duration_ms: int = 0) -> Announced:
        """The device offers itself."""
        return (await self.announce_all([Announcement(device.id, secret_key, duration_ms)]))[0]

    async def announce_all(self, announcements: Sequence[Announcement]) -> list[Announced]:
        """Devices offer themselves in one transaction."""

        async def work(store: HeartStore) -> list[Announced]:
            return await windows.announce(announcements, store, self.keys, self.policy)

        return await self.bench.run(work)

    async def set_key(
        self,
        device: Device,
        secret_key: str,
        kind: WindowKind = WindowKind.SET_BY_TENANT,
        lasts_ms: int = HOUR_MS,
    ) -> None:
        """The tenant sets one of the device's keys. A short code is kept as its nine symbols."""
        text = labels.normalised_short_code(secret_key) if kind is WindowKind.LABEL_SHORT_CODE else secret_key
        now_ms = self.bench.now_ms
        digest = self.keys.digest(device.id, text or secret_key)
        window = NewWindow(device.id, kind, digest, now_ms + lasts_ms, now_ms)

        async def work(store: HeartStore) -> None:
            await store.open_windows([window])

        await self.bench.run(work)

    def wish(
        self, person: Person, device_name: str, secret_key: str = "", idempotency: bytes | None = None
    ) -> ClaimRequest:
        """Return a request as the edge makes it."""
        owner = person.customer_id or person.tenant_id
        return ClaimRequest(person.actor, owner, "Customer", device_name, secret_key, idempotency)

    async def claim(
        self, person: Person, device: Device, secret_key: str = "", idempotency: bytes | None = None
    ) -> ClaimOutcome:
        """Somebody claims the device by its name."""
        return (await self.claim_all([self.wish(person, device.name, secret_key, idempotency)]))[0]

    async def claim_all(self, wishes: Sequence[ClaimRequest]) -> list[ClaimOutcome]:
        """Several requests that waited at the same time are decided in one transaction."""

        async def work(store: HeartStore) -> list[ClaimOutcome]:
            return await claiming.claim(wishes, store, self.keys, self.policy)

        return await self.bench.run(work)

    async def assign(self, device: Device, customer_id: UUID, by: Person = ADMIN) -> Device:
        """The tenant gives the device to a customer."""

        async def work(store: HeartStore) -> Device:
            return await deeds.assign(store, device.id, customer_id, by.actor, self.keys)

        return await self.bench.run(work)

    async def unassign(self, device: Device, by: Person = ADMIN) -> Device:
        """The tenant takes the device from its owner."""

        async def work(store: HeartStore) -> Device:
            return await deeds.unassign(store, device.id, by.actor, self.policy, self.keys)

        return await self.bench.run(work)

    async def reclaim(self, person: Person, device: Device) -> bool:
        """Somebody ends the deed, by the device's name."""
        named = person.tenant_id, device.name

        async def work(store: HeartStore) -> bool:
            states = await store.lock_named_devices([named])
            return await deeds.reclaim(store, states.get(named), person.actor, self.policy, self.keys)

        return await self.bench.run(work)

    async def state(self, device: Device) -> DeviceState:
        """Return the device's state."""

        async def work(store: HeartStore) -> DeviceState:
            return (await store.lock_devices([device.id]))[device.id]

        return await self.bench.run(work)

    async def owner(self, device: Device) -> UUID | None:
        """Return who owns the device."""
        return (await self.state(device)).device.customer_id
