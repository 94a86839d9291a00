"""A device with an owner (alice), with its own side of the story: polls and replies over HTTP."""

import asyncio
from typing import Any
from uuid import UUID

import httpx

from tests.api.deployment import Deployment

PATIENCE_MS = 20_000
TWO_WAY, ONE_WAY = "/api/rpc/twoway", "/api/rpc/oneway"


class Gadget:
    """Who it is, and what it does."""

    def __init__(self, deployment: Deployment, made: dict[str, Any], token: str) -> None:
        self.deployment = deployment
        self.id = made["id"]["id"]
        self.name = made["name"]
        self.address = f"/api/v1/{token}"

    async def poll(self, path: str = "rpc", timeout_ms: int = PATIENCE_MS) -> httpx.Response:
        return await self.deployment.call("", "GET", f"{self.address}/{path}", params={"timeout": timeout_ms})

    async def reply_once(self, content: bytes) -> dict[str, Any]:
        command: dict[str, Any] = (await self.poll()).json()
        answer = await self.deployment.call(
            "", "POST", f"{self.address}/rpc/{command['id']}", content=content
        )
        assert answer.status_code == 200
        return command

    async def called(self, path: str = TWO_WAY, who: str = "alice", **more: Any) -> httpx.Response:
        more = more or {"json": {"method": "getState", "params": {"pin": "s3cret"}}}
        return await self.deployment.call(who, "POST", f"{path}/{self.id}", **more)

    async def until_a_command_waits(self) -> None:
        exchange = self.deployment.parts.exchange
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while not exchange.waiting(UUID(self.id)):  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0.002)

    async def audit(self) -> list[dict[str, Any]]:
        found = await self.deployment.ok(
            "maker", "GET", f"/api/audit/logs/entity/DEVICE/{self.id}", pageSize=100, page=0
        )
        return [it for it in found["data"] if it["actionType"] == "RPC_CALL"]


async def claimed_gadget(deployment: Deployment) -> Gadget:
    """A new device that alice has claimed."""
    made = await deployment.make_device("gadget")
    gadget = Gadget(deployment, made, await deployment.device_token(made["id"]["id"]))
    await deployment.ok("", "POST", f"{gadget.address}/claim", {"secretKey": "k"})
    await deployment.ok("alice", "POST", "/api/customer/device/gadget/claim", {"secretKey": "k"})
    return gadget
