"""Opens what connects this node to others: NATS where a setting names one, else a bus inside the process."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deedbox.cluster.bus import Bus
from deedbox.cluster.live import BusLiveChanges
from deedbox.cluster.local import LocalBus
from deedbox.cluster.nats_addresses import nats_addresses
from deedbox.cluster.settings import NatsSettings
from deedbox.main.failures import CannotStart
from deedbox.serving.metrics import Metrics


@asynccontextmanager
async def opened_bus(settings: NatsSettings, metrics: Metrics) -> AsyncIterator[Bus]:
    """Open the bus; with NATS it connects, and heals, in the background. Raises CannotStart."""
    if not settings.url:
        yield LocalBus()
        return
    try:
        from deedbox.cluster.nats import (  # noqa: PLC0415 - takes a tenth of a second; few need it
            MOST_WAITING,
            MOST_WAITING_BYTES,
            NatsBus,
        )
        from deedbox.cluster.nats_link import NatsLink  # noqa: PLC0415 - as said above
    except ModuleNotFoundError as error:
        raise CannotStart(
            "nats.url is set, but the client for NATS is not installed: pip install 'deedbox[nats]'."
        ) from error
    link = NatsLink(nats_addresses(settings.url), f"deedbox on {socket.gethostname()}", nats_tls(settings))
    bus = NatsBus(link, metrics)
    metrics.readings.queue("bus", lambda: bus.waiting[0], MOST_WAITING)
    metrics.readings.queue("bus_bytes", lambda: bus.waiting[1], MOST_WAITING_BYTES)
    keeping = asyncio.create_task(bus.keep_connected())
    try:
        yield bus
        await bus.drain()
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])


@asynccontextmanager
async def opened_live(bus: Bus, node: str) -> AsyncIterator[BusLiveChanges]:
    """Open live changes, and keep up with what is watched on other nodes."""
    live = BusLiveChanges(bus, node)
    keeping = asyncio.create_task(live.keep())
    try:
        yield live
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])
        live.close()


def nats_tls(settings: NatsSettings) -> ssl.SSLContext:
    """Return what decides whose certificates are believed. Raises CannotStart."""
    try:
        return ssl.create_default_context(cafile=settings.trusted_certificates_file or None)
    except (OSError, ssl.SSLError) as error:
        raise CannotStart(
            f"nats.trusted_certificates_file: {settings.trusted_certificates_file} can't be read "
            f"as PEM: {error}."
        ) from error
