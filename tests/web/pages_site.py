"""A site for tests of the pages: real storage, real sign-in, the real application; two makers, customers."""

from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import msgspec

from deedbox.cluster.attribute_changes import AttributeHints
from deedbox.cluster.live import BusLiveChanges
from deedbox.cluster.local import LocalBus
from deedbox.cluster.rpc import CommandExchange
from deedbox.core import attributes, telemetry
from deedbox.core.accounts.mails import Postbox
from deedbox.core.attributes import Report
from deedbox.core.claim_intents import ClaimPagePolicy
from deedbox.core.claim_requests import ClaimOutcome, ClaimRequest
from deedbox.core.claiming import claim
from deedbox.core.keys import KeyRing, RingKey
from deedbox.core.ownership import ClaimPolicy, WindowKind
from deedbox.core.permissions import Authority
from deedbox.core.sign_in import SignInPolicy
from deedbox.core.sign_ins import SignIns
from deedbox.core.telemetry import Point, Recording
from deedbox.core.users import User
from deedbox.core.values import Value
from deedbox.core.windows import NewWindow
from deedbox.security.authentication import SessionAuthenticator
from deedbox.security.passwords import Argon2Hasher
from deedbox.security.tokens import SignInTokens
from deedbox.storage.stores import Stores
from deedbox.testing.claim_bench import PreparedDevice
from deedbox.web.application import web_application
from deedbox.web.context import Step, WebContext
from deedbox.web.settings import PagesSettings
from deedbox.web.streams import PageStreams
from tests.storage.sqlite_bench import SQLiteBench, device_named, new_database

NOW = 1_700_000_000_000
PASSWORD = "a password for everybody"
ORIGIN = "https://things.test"
KEY = "K3YOFTHEDEVICE234567ABCDEF"


class PagesSite:
    """Makers "Gadget Works" (its host: things.test) and "Rival Works"; alice and bob are customers' users."""

    def __init__(self, folder: Path, now_ms: int = NOW, base_url: str = "", **page_policy: int) -> None:
        self.bench = SQLiteBench(new_database(folder), now_ms)
        self.storage = self.bench.storage
        self.maker_id, self.rival_id = uuid4(), uuid4()
        self.alices, self.bobs, self.carols = uuid4(), uuid4(), uuid4()
        self.keys = KeyRing({1: RingKey(b"d" * 32, b"e" * 32, b"s" * 32)})
        self.hasher = Argon2Hasher(time_cost=1, memory_cost_kib=64)
        sign_in = SignInPolicy(attempts_per_address=5)
        tokens = SignInTokens(self.keys, sign_in, lambda: self.bench.now_ms)
        authenticator = SessionAuthenticator(tokens, self.storage, lambda: self.bench.now_ms)
        self.postbox = Postbox(self.keys, base_url)
        self.sign_ins = SignIns(self.storage, self.postbox, self.hasher, tokens, authenticator, sign_in)
        bus = LocalBus()
        self.changes, self.live = AttributeHints(bus), BusLiveChanges(bus)
        self.streams = PageStreams(PagesSettings(streams_per_user=2), self.live)
        #: What was counted of people with a label.
        self.steps: list[Step] = []
        self.application = web_application(
            WebContext(
                storage=self.storage,
                keys=self.keys,
                policy=ClaimPolicy(),
                page_policy=ClaimPagePolicy(**page_policy),
                authenticator=authenticator,
                claim=self.claim,
                sign_ins=self.sign_ins,
                exchange=CommandExchange(bus, "node", self.storage),
                attribute_changes=self.changes,
                live=self.live,
                streams=self.streams,
                count_step=self.steps.append,
            )
        )

    async def open(self) -> None:
        """Fill the site."""
        self._make_tenant(self.maker_id, "Gadget Works", "gadget-works", "things.test")
        self._make_tenant(self.rival_id, "Rival Works", "rival-works", None)
        await self.bench.add_customer(self.maker_id, self.alices, "Alice and Ann")
        await self.bench.add_customer(self.maker_id, self.bobs, "Bakery Bob")
        await self.bench.add_customer(self.rival_id, self.carols, "Café Carol")
        await self._make_user("alice", self.maker_id, self.alices)
        await self._make_user("bob", self.maker_id, self.bobs)
        await self._make_user("carol", self.rival_id, self.carols)
        await self._make_user("maker", self.maker_id, None)

    async def close(self) -> None:
        """End it."""
        await self.bench.close()
        self.hasher.close()

    def browser(self, origin: str = ORIGIN, address: str = "192.0.2.1") -> httpx.AsyncClient:
        """Return somebody's browser: it keeps cookies and says which page its forms come from."""
        transport = httpx.ASGITransport(app=cast(Any, self.application), client=(address, 1))
        headers = {"Origin": origin}
        return httpx.AsyncClient(transport=transport, base_url=origin, headers=headers)

    async def signed_in(self, who: str) -> httpx.AsyncClient:
        """Return the browser of somebody who is signed in."""
        browser = self.browser()
        answer = await browser.post("/d/sign-in", data={"email": f"{who}@example.org", "password": PASSWORD})
        assert answer.status_code == 303
        return browser

    async def claim(self, request: ClaimRequest) -> ClaimOutcome:
        """Claim as `main` would."""

        async def work(stores: Stores) -> ClaimOutcome:
            return (await claim([request], stores.claims, self.keys, ClaimPolicy()))[0]

        return await self.storage.write(work)

    async def device(self, name: str, key: str | None = KEY) -> UUID:
        """Make a device of Gadget Works; with a key, it can be claimed."""
        device_id = uuid4()
        made = device_named(name, self.maker_id, device_id, self.maker_id)
        await self.bench.add_device(PreparedDevice(made))
        if key is not None:
            await self.offer(device_id, key)
        return device_id

    async def offer(self, device_id: UUID, key: str) -> None:
        """Let the tenant offer the device for a day."""
        digest, now_ms = self.keys.digest(device_id, key), self.bench.now_ms
        window = NewWindow(device_id, WindowKind.SET_BY_TENANT, digest, now_ms + 86_400_000, now_ms)

        async def work(stores: Stores) -> None:
            await stores.claims.open_windows([window])

        await self.storage.write(work)

    async def measure(self, device_id: UUID, **values: Value) -> None:
        """Store points as the device would."""
        points = [Point(name, self.bench.now_ms, value) for name, value in values.items()]

        async def work(stores: Stores) -> None:
            await telemetry.record([Recording(device_id, points)], stores.time_series)

        await self.storage.write(work)

    async def report(self, device_id: UUID, **values: Value) -> None:
        """Store client attributes as the device would."""

        async def work(stores: Stores) -> None:
            await attributes.report([Report(device_id, values)], stores.attributes)

        await self.storage.write(work)

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Look into the database."""
        return self.bench._rows(sql, *values)

    def _make_tenant(self, tenant_id: UUID, title: str, slug: str, host: str | None) -> None:
        self.bench._do(
            "insert into tenant (id, title, slug, claim_host, created_at) values (?, ?, ?, ?, 0)",
            tenant_id, title, slug, host,
        )  # fmt: skip

    async def _make_user(self, name: str, tenant_id: UUID, customer_id: UUID | None) -> None:
        authority = Authority.CUSTOMER_USER if customer_id else Authority.TENANT_ADMIN
        user = User(
            uuid4(), tenant_id, customer_id, f"{name}@example.org", authority,
            None, None, None, "{}", enabled=True, activated=True, created_at=0, version=1,
        )  # fmt: skip
        password_hash = await self.hasher.hash(PASSWORD)

        async def work(stores: Stores) -> None:
            await stores.users.add_user(msgspec.structs.replace(user, activated=False))
            await stores.users.set_password(user.id, password_hash)

        await self.storage.write(work)


def cookie_of(answer: httpx.Response, name: str) -> str:
    """Return the Set-Cookie header of that name, "" when there is none."""
    found = [it for it in answer.headers.get_list("set-cookie") if it.startswith(f"{name}=")]
    return found[0] if found else ""
