"""A site for tests of attributes and time series: two tenants, two customers, devices, the real REST API."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import httpx

from deedbox.api.application import rest_application
from deedbox.api.context import ApiContext
from deedbox.cluster.attribute_changes import AttributeHints
from deedbox.cluster.live import BusLiveChanges
from deedbox.cluster.local import LocalBus
from deedbox.cluster.rpc import CommandExchange
from deedbox.core import attributes, deeds, telemetry
from deedbox.core.attributes import Report
from deedbox.core.claim_requests import ClaimOutcome, ClaimRequest
from deedbox.core.claiming import claim
from deedbox.core.errors import NotSignedIn
from deedbox.core.histories import ReadingLimits
from deedbox.core.ids import NULL_ID
from deedbox.core.keys import KeyRing, RingKey
from deedbox.core.ownership import ClaimPolicy
from deedbox.core.permissions import Authority, Principal
from deedbox.core.sign_ins import SignIns
from deedbox.core.telemetry import Point, Recording
from deedbox.core.values import Value
from deedbox.storage.stores import Stores
from deedbox.testing.claim_bench import PreparedDevice
from tests.storage.sqlite_bench import SQLiteBench, device_named, new_database

NOW = 1_700_000_000_000
LIMITS = ReadingLimits(most_points=50, most_intervals=20, most_keys=5)


class KnownPeople:
    """Takes the name of a test's person for a sign-in token."""

    def __init__(self) -> None:
        self.people: dict[str, Principal] = {}

    async def authenticate(self, token: str) -> Principal:
        """Return the person of that name. Raises NotSignedIn."""
        if token not in self.people:
            raise NotSignedIn
        return self.people[token]

    def forget(self, subject_id: UUID) -> None:
        """Nothing is remembered."""

    def watch(self, receive: Callable[[UUID], None]) -> None:
        """Nobody is ever forgotten."""


class ValuesSite:
    """Real storage, real API; `as_` calls it as somebody: maker, rival, alice, bob, root."""

    def __init__(self, folder: Path) -> None:
        self.bench = SQLiteBench(new_database(folder), NOW)
        self.storage = self.bench.storage
        self.path = self.storage.path
        self.tenant_id, self.rival_id = uuid4(), uuid4()
        self.alices, self.bobs = uuid4(), uuid4()
        self.keys = KeyRing({1: RingKey(b"d" * 32, b"e" * 32, b"s" * 32)})
        self.known = KnownPeople()
        bus = LocalBus()
        self.changes, self.live = AttributeHints(bus), BusLiveChanges(bus)
        self._exchange = CommandExchange(bus, "node", self.storage)
        self._client: httpx.AsyncClient | None = None

    async def settle(self) -> None:
        """Let the people in."""
        await self.bench.add_customer(self.tenant_id, self.alices, "Alice's")
        await self.bench.add_customer(self.tenant_id, self.bobs, "Bob's")
        self._add("maker", Authority.TENANT_ADMIN, self.tenant_id)
        self._add("rival", Authority.TENANT_ADMIN, self.rival_id)
        self._add("alice", Authority.CUSTOMER_USER, self.tenant_id, self.alices)
        self._add("bob", Authority.CUSTOMER_USER, self.tenant_id, self.bobs)
        self._add("root", Authority.SYS_ADMIN, NULL_ID)

    async def open(self) -> None:
        """Let the people in and start the API."""
        await self.settle()
        context = ApiContext(
            storage=self.storage,
            keys=self.keys,
            policy=ClaimPolicy(),
            authenticator=self.known,
            sign_ins=cast(SignIns, None),  # nobody signs in here: `KnownPeople` knows everybody
            claim=self.claim,
            exchange=self._exchange,
            attribute_changes=self.changes,
            live=self.live,
            reading_limits=LIMITS,
        )
        transport = httpx.ASGITransport(app=rest_application(context))  # type: ignore[arg-type]
        self._client = httpx.AsyncClient(transport=transport, base_url="http://deedbox.test")

    async def close(self) -> None:
        """End the API and the storage."""
        if self._client:
            await self._client.aclose()
        await self.bench.close()

    async def call(self, who: str, method: str, path: str, **more: Any) -> httpx.Response:
        """Call `/api/plugins/telemetry` + path as somebody."""
        assert self._client
        headers = {"X-Authorization": f"Bearer {who}"} | more.pop("headers", {})
        return await self._client.request(method, "/api/plugins/telemetry" + path, headers=headers, **more)

    async def openapi(self) -> Any:
        """Return the OpenAPI document."""
        assert self._client
        return (await self._client.get("/docs/openapi.json")).json()

    async def claim(self, request: ClaimRequest) -> ClaimOutcome:
        """Claim, as the API would."""

        async def work(stores: Stores) -> ClaimOutcome:
            return (await claim([request], stores.claims, self.keys, ClaimPolicy()))[0]

        return await self.storage.write(work)

    async def device(self, name: str = "Gadget") -> UUID:
        """Make a device of the maker's."""
        device_id = uuid4()
        profile_id = self.tenant_id
        await self.bench.add_device(PreparedDevice(device_named(name, self.tenant_id, device_id, profile_id)))
        return device_id

    async def give(self, device_id: UUID, customer_id: UUID) -> None:
        """Assign the device."""
        actor = self.known.people["maker"].actor()

        async def work(stores: Stores) -> None:
            await deeds.assign(stores.claims, device_id, customer_id, actor, self.keys)

        await self.storage.write(work)

    async def take_back(self, device_id: UUID) -> None:
        """Unassign the device."""
        actor = self.known.people["maker"].actor()

        async def work(stores: Stores) -> None:
            await deeds.unassign(stores.claims, device_id, actor, ClaimPolicy(), self.keys)

        await self.storage.write(work)

    async def measure(self, device_id: UUID, points: Sequence[Point]) -> None:
        """Store points as the device would."""

        async def work(stores: Stores) -> None:
            await telemetry.record([Recording(device_id, points)], stores.time_series)

        await self.storage.write(work)

    async def report(self, device_id: UUID, values: dict[str, Value]) -> None:
        """Store client attributes as the device would."""

        async def work(stores: Stores) -> None:
            await attributes.report([Report(device_id, values)], stores.attributes)

        await self.storage.write(work)

    @asynccontextmanager
    async def heard(self, device_id: UUID) -> AsyncIterator[set[str]]:
        """Listen as the device while the block runs; yields what it will have heard."""
        names: set[str] = set()
        waiting = asyncio.ensure_future(self.changes.next_change(device_id))
        await asyncio.sleep(0)
        yield names
        names.update(await waiting)

    async def audit(self) -> list[tuple[str, str, str]]:
        """Return (who, action, data) of the maker's audit log."""
        return [(it.user_name, it.action, it.data) for it in await self.bench.audit(self.tenant_id)]

    def _add(self, name: str, authority: Authority, tenant_id: UUID, customer_id: UUID | None = None) -> None:
        email = f"{name}@example.org"
        self.known.people[name] = Principal(uuid4(), authority, tenant_id, customer_id, email, uuid4())
