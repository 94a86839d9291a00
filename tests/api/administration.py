"""A deployment for tests of administration: the ids of its tenants and customers, and devices with owners."""

from uuid import UUID

from deedbox.core.credentials import find_by_token
from tests.api.deployment import Deployment


class Administration(Deployment):
    """Call it as root, maker or rival (administrators of two tenants), alice or bob (maker's customers)."""

    async def look_around(self) -> None:
        """Learn the ids of those who are there; give the rival a customer."""
        self.tenant_id = await self._home("maker", "tenantId")
        self.rival_id = await self._home("rival", "tenantId")
        self.alices = await self._home("alice", "customerId")
        self.bobs = await self._home("bob", "customerId")
        made = await self.ok("rival", "POST", "/api/customer", {"title": "Rival's home"})
        self.rivals = UUID(made["id"]["id"])

    async def device(self, name: str, kind: str = "gadget") -> str:
        """Make a device of the maker's; return its id."""
        return str((await self.make_device(name, kind))["id"]["id"])

    async def announce(self, device_id: str) -> None:
        """Open the device's window for an empty key, as its firmware does."""
        token = await self.device_token(device_id)
        answer = await self.call("", "POST", f"/api/v1/{token}/claim")
        assert answer.status_code == 200, answer.text

    async def claimed_device(self, name: str, kind: str = "gadget") -> str:
        """Make a device that Alice claims; return its id."""
        device_id = await self.device(name, kind)
        await self.announce(device_id)
        await self.ok("alice", "POST", f"/api/customer/device/{name}/claim", {})
        return device_id

    async def device_with_token(self, token: str) -> UUID | None:
        """Return which device the token belongs to."""
        keys = self.parts.keys
        return await self.parts.storage.read(lambda stores: find_by_token(stores.credentials, keys, token))

    async def _home(self, who: str, field: str) -> UUID:
        return UUID((await self.who(who))[field]["id"])


async def administration(deployment: Deployment) -> Administration:
    """Return the deployment with what these tests ask of it."""
    site = Administration(deployment.parts, deployment.application, deployment.client)
    await site.look_around()
    return site
