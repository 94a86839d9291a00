"""A deployment for tests of devices: who its tenants and customers are, and short words for what tests do."""

from typing import Any
from uuid import UUID

import httpx

from deedbox.core.credentials import find_by_token
from tests.api.deployment import Deployment


class DeviceSite:
    """Call it as root, maker or rival (administrators of two tenants), alice or bob (maker's customers)."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.storage = deployment.parts.storage
        self.keys = deployment.parts.keys
        self.ok = deployment.ok
        self.refused = deployment.refused

    async def fill(self) -> "DeviceSite":
        """Find out who is who, and give the rival a customer."""
        alice, bob = await self.deployment.who("alice"), await self.deployment.who("bob")
        rival = await self.deployment.who("rival")
        self.tenant_id, self.rival_id = UUID(alice["tenantId"]["id"]), UUID(rival["tenantId"]["id"])
        self.alices, self.bobs = UUID(alice["customerId"]["id"]), UUID(bob["customerId"]["id"])
        made = await self.ok("rival", "POST", "/api/customer", {"title": "Rival's home"})
        self.rivals = UUID(made["id"]["id"])
        return self

    async def call(self, who: str, method: str, path: str, json: Any = None) -> httpx.Response:
        """Call the API as somebody; `json` is the body."""
        body = {} if json is None else {"json": json}
        return await self.deployment.call(who, method, path, **body)

    async def device(self, name: str) -> str:
        """Make a device of the maker's; return its id."""
        return str((await self.deployment.make_device(name, "gadget"))["id"]["id"])

    async def claimed_device(self, name: str) -> str:
        """Make a device, let it offer itself without a key, and let Alice claim it; return its id."""
        device_id = await self.device(name)
        token = await self.deployment.device_token(device_id)
        await self.ok("", "POST", f"/api/v1/{token}/claim", {})
        await self.ok("alice", "POST", f"/api/customer/device/{name}/claim", {})
        return device_id

    async def device_with_token(self, token: str) -> UUID | None:
        """Return which device the token belongs to."""
        return await self.storage.read(lambda stores: find_by_token(stores.credentials, self.keys, token))

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """Return rows of the database."""
        return self.deployment.sql(sql, *values)
