"""Sockets of devices: who floods is read from once per commit, who speaks is noted now and then."""

import asyncio

from deedbox.transports.mqtt import encoding
from deedbox.transports.mqtt.sockets import ClientProtocol
from tests.transports.mqtt.joined import TELEMETRY, JoinedSite, message


class Wire(asyncio.Transport):
    """A socket's side of a connection: notes whether it is read from."""

    def __init__(self) -> None:
        super().__init__()
        self.is_read = True

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    def is_closing(self) -> bool:
        return False

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        pass

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass


async def connected(site: JoinedSite, client_id: str) -> tuple[ClientProtocol, Wire]:
    """Return a connection that was accepted, and its socket."""
    protocol, wire = ClientProtocol(site.server, site.context()), Wire()
    protocol.connection_made(wire)
    protocol.data_received(encoding.encode(site.client(4).opening(client_id), 4))
    await site.settled()
    return protocol, wire


def told(count: int) -> bytes:
    """Return so many messages of about a kibibyte."""
    return encoding.encode(message(TELEMETRY, {"long": "x" * 1_000}, 0), 4) * count


async def test_a_flood_waits_for_its_commit(site: JoinedSite) -> None:
    """Issue: back-pressure to the sockets instead of queues that grow."""
    (flooding, full), (other, free) = await connected(site, "a"), await connected(site, "b")
    flooding.data_received(told(70))
    other.data_received(told(1))
    assert (full.is_read, free.is_read) == (False, True)
    await site.settled()
    assert full.is_read


async def test_many_small_pieces_are_a_flood_too(site: JoinedSite) -> None:
    flooding, wire = await connected(site, "a")
    for _ in range(70):
        assert wire.is_read or site.ingest.batch.size
        flooding.data_received(told(1))
    assert not wire.is_read
    await site.settled()
    for _ in range(10):
        flooding.data_received(told(1))
    assert wire.is_read


async def test_a_device_that_stays_is_heard_of(site: JoinedSite) -> None:
    """It is shown as active for as long as it speaks, if only by PINGREQ."""
    device, _ = await connected(site, "a")
    site.sqlite.now_ms += 3_600_000
    device.data_received(encoding.PINGREQ)
    await site.activity.close()
    assert await site.last_activity_at(site.device.id) == site.sqlite.now_ms


async def test_what_is_not_telemetry_waits_for_nothing(site: JoinedSite) -> None:
    """Nobody would say when to go on."""
    pinging, wire = await connected(site, "a")
    pinging.data_received(encoding.PINGREQ * 40_000)
    assert wire.is_read
