"""A deployment that answers WebSockets on a real port, and clients that speak with it."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from deedbox.api.live.settings import LiveSettings
from deedbox.main.applications import rest_side
from deedbox.serving.servers import HttpServer
from tests.api.deployment import Deployment
from tests.ports import free_port

#: Longer than anything here takes; nobody waits for it unless something is broken.
PATIENCE_S = 20.0


class LiveClient:
    """One WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, message: Any) -> None:
        """Send a message as JSON."""
        await self.connection.send(json.dumps(message))

    async def command(self, type_name: str, number: int, **more: Any) -> None:
        """Send one command."""
        await self.send({"cmds": [{"type": type_name, "cmdId": number, **more}]})

    async def next(self) -> dict[str, Any]:
        """The next message."""
        async with asyncio.timeout(PATIENCE_S):
            return cast(dict[str, Any], json.loads(await self.connection.recv()))

    async def ask(self, type_name: str, number: int, **more: Any) -> dict[str, Any]:
        """Send one command and return the next message."""
        await self.command(type_name, number, **more)
        return await self.next()

    async def refused(self, type_name: str, number: int, **more: Any) -> tuple[int, str]:
        """Send one command that is refused; return error code and message."""
        answer = await self.ask(type_name, number, **more)
        assert answer["subscriptionId"] == answer["cmdId"] == number
        return answer["errorCode"], answer["errorMsg"]

    async def is_quiet(self) -> bool:
        """Tell whether nothing comes before the answer to a command that is refused at once."""
        answer = await self.ask("NOTHING", 999_999)
        return bool(answer["cmdId"] == 999_999)

    async def ended(self) -> tuple[int, str]:
        """Read on until the server closes; return code and reason."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    await self.connection.recv()
        except ConnectionClosed:
            return self.connection.close_code or 0, self.connection.close_reason or ""


class LiveSite:
    """Opens WebSockets to a deployment."""

    def __init__(self, deployment: Deployment, port: int) -> None:
        self.deployment = deployment
        self.address = f"ws://127.0.0.1:{port}"

    @contextlib.asynccontextmanager
    async def stranger(self, path: str = "/api/ws", **more: Any) -> AsyncIterator[LiveClient]:
        """A client that has not said who it is."""
        async with connect(self.address + path, proxy=None, **more) as connection:
            yield LiveClient(connection)

    @contextlib.asynccontextmanager
    async def client(self, who: str, **more: Any) -> AsyncIterator[LiveClient]:
        """A client that is signed in as one of the deployment's people."""
        async with self.stranger(**more) as client:
            await client.send({"authCmd": {"cmdId": 0, "token": await self.deployment.token(who)}})
            yield client

    async def measure(self, device_token: str, values: Any) -> None:
        """Send telemetry as a device does."""
        answer = await self.deployment.call("", "POST", f"/api/v1/{device_token}/telemetry", json=values)
        assert answer.status_code == 200

    async def report(self, device_token: str, values: Any) -> None:
        """Send client attributes as a device does."""
        answer = await self.deployment.call("", "POST", f"/api/v1/{device_token}/attributes", json=values)
        assert answer.status_code == 200

    async def write(self, who: str, device_id: str, scope: str, values: Any) -> None:
        """Write attributes over REST."""
        await self.deployment.ok(who, "POST", f"/api/plugins/telemetry/DEVICE/{device_id}/{scope}", values)

    async def give(self, device_id: str, who: str) -> None:
        """Assign a device to somebody's customer."""
        customer_id = (await self.deployment.who(who))["customerId"]["id"]
        await self.deployment.ok("maker", "POST", f"/api/customer/{customer_id}/device/{device_id}")

    async def take_back(self, device_id: str) -> None:
        """Unassign a device."""
        await self.deployment.ok("maker", "DELETE", f"/api/customer/device/{device_id}")


@contextlib.asynccontextmanager
async def live_site(
    deployment: Deployment, settings: LiveSettings | None = None, sessions_asked_every_s: float = 0.05
) -> AsyncIterator[LiveSite]:
    """Serve WebSockets of the deployment while the block runs."""
    settings, port = settings or LiveSettings(), free_port()
    application = rest_side(deployment.parts, settings, sessions_asked_every_s)
    listening = socket.create_server(("127.0.0.1", port))
    # Longer ones come through: other WebSockets of a listener may need them.
    server = HttpServer(application, [listening], 5, 1, 2 * settings.largest_message_bytes)
    serving = asyncio.create_task(server.run_until_stopped())
    try:
        yield LiveSite(deployment, port)
    finally:
        server.stop()
        await serving
        listening.close()
