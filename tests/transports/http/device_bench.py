"""The device side on the bench: the real application over SQLite, served on a real socket."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from deedbox.core.device_limits import DeviceLimits
from deedbox.core.ownership import ClaimPolicy
from deedbox.core.value_limits import ValueLimits
from deedbox.serving.servers import HttpServer
from deedbox.transports.http.answers import Receive, Send
from deedbox.transports.http.answers import Scope as AsgiScope
from deedbox.transports.http.application import DeviceApplication, device_application
from deedbox.transports.http.context import DeviceContext
from deedbox.transports.http.settings import DeviceApiSettings
from deedbox.transports.login_guesses import LoginGuesses
from tests.ports import free_port
from tests.storage.sqlite_bench import SQLiteBench
from tests.transports.device_site import PATIENCE_MS, TOKEN, DeviceSite

T = TypeVar("T")
SETTINGS = DeviceApiSettings(largest_body_bytes=2_000, largest_rpc_body_bytes=1_100, body_timeout_s=1)


class DeviceBench(DeviceSite):
    """A server for devices. The clock is the storage bench's; `device` has the token TOKEN."""

    def __init__(self, sqlite: SQLiteBench, settings: DeviceApiSettings = SETTINGS) -> None:
        super().__init__(sqlite, commands_per_device=settings.commands_per_device)
        self.settings = settings
        self.login_guesses = LoginGuesses()
        self.application = self._application()
        self.port = free_port()
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", trust_env=False)

    def use_policy(self, policy: ClaimPolicy) -> None:
        """Go on with other settings for claiming."""
        self.scene.policy = policy
        self.application = self._application()

    async def use_limits(self, limits: ValueLimits) -> None:
        """Go on, as after a restart, with limits on names of values."""
        self.value_limits = limits
        self.application = self._application()
        await self.ingest.open()

    def limit_rates(self, limits: DeviceLimits) -> None:
        """Go on, as after a restart, with limits of the deployment on what devices send."""
        self.rate_limits = self.limits_of_all(limits)
        self.application = self._application()

    def use_guesses(self, guesses: LoginGuesses) -> None:
        """Go on with another limit on wrong tokens."""
        self.login_guesses = guesses
        self.application = self._application()

    def _application(self) -> DeviceApplication:
        self.wire()
        return device_application(
            DeviceContext(
                storage=self.sqlite.storage,
                keys=self.scene.keys,
                messages=self.messages,
                ingest=self.ingest,
                activity=self.activity,
                exchange=self.exchange,
                attribute_changes=self.changes,
                rate_limits=self.rate_limits,
                provisioning=self.provisioning,
                settings=self.settings,
                login_guesses=self.login_guesses,
                clock_ms=lambda: self.sqlite.now_ms,
            )
        )

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Hand a request on to the application of the moment."""
        await self.application(scope, receive, send)

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator["DeviceBench"]:
        """Serve while the block runs."""
        await self.prepare()
        listening = socket.create_server(("127.0.0.1", self.port))
        server = HttpServer(self, [listening], 5, 1)
        serving = asyncio.create_task(server.run_until_stopped())
        try:
            yield self
        finally:
            await self.client.aclose()
            self.application.end_polls()
            await self.ingest.close()
            await self.activity.close()
            server.stop()
            await serving
            listening.close()

    async def post(self, path: str, content: Any = b"", token: str = TOKEN, **more: Any) -> httpx.Response:
        """Send a message: bytes as they are, anything else as JSON."""
        body = content if isinstance(content, bytes) else msgspec.json.encode(content)
        return await self.client.post(_address(token, path), content=body, **more)

    async def get(self, path: str, token: str = TOKEN, **query: Any) -> httpx.Response:
        """Ask for something."""
        return await self.client.get(_address(token, path), params=query, timeout=PATIENCE_MS / 1000)

    async def send(self, method: str, path: str, token: str = TOKEN) -> httpx.Response:
        """Send a request without a body."""
        return await self.client.request(method, _address(token, path))

    async def until_polls(self, count: int) -> None:
        """Wait until so many long polls wait."""
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while self.application.waiting_polls != count:  # noqa: ASYNC110 - it says how many, not when
                await asyncio.sleep(0.002)


def _address(token: str, path: str) -> str:
    return f"/api/v1/{quote(token, safe='')}/{path}"
