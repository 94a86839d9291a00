"""Floods of connections that never say who they are cost those that do nothing."""

import asyncio
from pathlib import Path

from tests.acceptance.numbered_publishing import connect_packet
from tests.conformance.mqtt_site import HOST, running_mqtt_site

SILENT = 40


async def test_the_oldest_silent_connection_makes_room(tmp_path: Path) -> None:
    """Issue: CONNECT floods. A device that says CONNECT at once is let in, however many are silent."""
    limit = {"DEEDBOX_MQTT_SESSIONS_MOST_OPENING": "10"}
    with running_mqtt_site(tmp_path / "data", environment=limit) as site:
        device = site.new_device()
        silent = [await asyncio.open_connection(HOST, site.port) for _ in range(SILENT)]
        reader, writer = await asyncio.open_connection(HOST, site.port)
        writer.write(connect_packet("c", device.token))
        assert await reader.readexactly(4) == b"\x20\2\0\0"
        ended = [await it.read() for it, _ in silent[: SILENT - 10]]
        assert ended == [b""] * (SILENT - 10)
        for _, it in [*silent, (reader, writer)]:
            it.close()
