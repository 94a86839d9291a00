"""Who does not read is neither waited for nor kept in memory, and keeps nobody else waiting."""

import asyncio
import base64
import json
import socket
from typing import Any

from deedbox.api.live.settings import LiveSettings
from tests.api.deployment import Deployment
from tests.api.live.live_site import LiveSite, live_site

LARGE = "x" * 100_000


def _frame(message: Any) -> bytes:
    """A text frame of a client, masked with zeros."""
    text = json.dumps(message).encode()
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text


async def _deaf(site: LiveSite, message: Any) -> socket.socket:
    """A connection that sends one message and then never reads."""
    loop = asyncio.get_running_loop()
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.setblocking(False)
    host, _, port = site.address.removeprefix("ws://").partition(":")
    await loop.sock_connect(deaf, (host, int(port)))
    key = base64.b64encode(bytes(16)).decode()
    lines = ["GET /api/ws HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
    await loop.sock_sendall(deaf, "\r\n".join(lines).encode() + _frame(message))
    return deaf


async def test_a_client_that_does_not_read_is_closed_and_others_are_served(deployment: Deployment) -> None:
    device_id = str((await deployment.make_device("Chatty"))["id"]["id"])
    device_token, token = await deployment.device_token(device_id), await deployment.token("maker")
    keys = [f"k{number}" for number in range(40)]
    about = {"entityType": "DEVICE", "entityId": device_id}
    async with live_site(deployment, LiveSettings(pending_bytes=200_000)) as site:
        commands = [{"type": "TIMESERIES", "cmdId": 1, **about}]
        deaf = await _deaf(site, {"authCmd": {"cmdId": 0, "token": token}, "cmds": commands})
        async with site.client("maker") as client:
            await client.ask("TIMESERIES", 1, keys="last", **about)
            live = deployment.parts.live
            for number in range(1000):
                # Each key is large, so newest values alone are too many for one that does not read.
                await site.measure(device_token, {keys[number % 40]: LARGE})
                if not any(len(it) > 1 for it in live._watches.values()):
                    break
            assert [len(it) for it in live._watches.values()] == [1]
            await site.measure(device_token, {"ts": 7, "values": {"last": 1}})
            assert (await client.next())["data"] == {"last": [[7, "1"]]}
        deaf.close()
