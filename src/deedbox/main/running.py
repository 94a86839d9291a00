"""`deedbox serve`: opens everything, then listens; on SIGTERM finishes what it accepted, then closes."""

import asyncio
import contextlib
import ctypes
import gc
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import structlog
import uvloop

from deedbox import __version__
from deedbox.config.declared import Settings
from deedbox.core.storage import Stores
from deedbox.main.administrator import ensure_administrator
from deedbox.main.applications import whole_application
from deedbox.main.device_sides import opened_device_sides
from deedbox.main.encryption import Encryption, encryption
from deedbox.main.failures import CannotStart, understandable
from deedbox.main.folder import held_folder, migrate_if_needed
from deedbox.main.housekeeping import keep_house, scheduled_works
from deedbox.main.parts import Parts, opened_parts
from deedbox.main.series_keeping import prepare_partitions
from deedbox.serving.addresses import ListenAddress, listen_address
from deedbox.serving.health import Application, Page, Readiness
from deedbox.serving.listeners import bind_all, close_all
from deedbox.serving.logs import configure_logs, is_for_people
from deedbox.serving.servers import HttpServer, SignalSteering, Steering, run_servers

_MQTT = ("mqtt.listen", "mqtts.listen")
_ENCRYPTED = ("https.listen", "mqtts.listen", "coaps.listen")
_M_MMAP_THRESHOLD, _LARGE_BUFFER_BYTES = -3, 128 * 1024

_log = structlog.get_logger("deedbox")


class Surroundings(Protocol):
    """What is around a server: who lets it stop, and whose metrics its page shows."""

    @property
    def steering(self) -> Steering:
        """Who lets it stop."""

    def metrics_page(self, own: Callable[[], bytes]) -> contextlib.AbstractContextManager[Page]:
        """Return what makes the page; `own` makes that of this process."""


class Alone:
    """Nothing but this process. `Surroundings`."""

    steering = SignalSteering()

    @contextlib.contextmanager
    def metrics_page(self, own: Callable[[], bytes]) -> Iterator[Page]:
        """Return what makes this process's page."""

        async def page() -> bytes:
            return own()

        yield page


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises CannotStart, with nothing listening, when it can't."""
    configure_logs(settings.log, names_node=bool(settings.nats.url))
    with _noted(settings), understandable(), held_folder(settings):
        tls = _tls(settings)
        if settings.serve.workers > 1:
            from deedbox.main.workers import serve_with_workers  # noqa: PLC0415 - it imports this module

            serve_with_workers(settings, listen_addresses(settings), tls)
            return
        bound = bind_all(listen_addresses(settings))
        try:
            prepare_database(settings)
            uvloop.run(serve_on(settings, bound, tls, Alone()))
        finally:
            close_all(bound)


@contextlib.contextmanager
def _noted(settings: Settings) -> Iterator[None]:
    """Have machines that read the log hear why nothing starts; people are told by the command."""
    try:
        yield
    except CannotStart as error:
        if not is_for_people(settings.log):
            _log.error("refused to start", reason=str(error))
        raise


def prepare_database(settings: Settings) -> None:
    """Bring the database to this release's schema."""
    before, after = migrate_if_needed(settings, in_child=True)
    if before != after:
        _log.info("migrated the database", before=before, after=after)


async def serve_on(
    settings: Settings,
    bound: Mapping[str, list[socket.socket]],
    tls: Encryption | None,
    around: Surroundings,
) -> None:
    """Serve on sockets that are bound, by the names of their settings, until `around` asks to stop."""
    async with opened_parts(settings) as parts:
        with around.metrics_page(parts.metrics.page) as page:
            await _serve(parts, bound, tls, (around.steering, page))
    _log.info("stopped")


async def _serve(
    parts: Parts,
    bound: Mapping[str, list[socket.socket]],
    tls: Encryption | None,
    around: tuple[Steering, Page],
) -> None:
    servers: list[HttpServer] = []
    steering, page = around
    await parts.storage.write_beside(_prove_writable)
    await prepare_partitions(parts)
    await ensure_administrator(parts)
    async with opened_device_sides(parts, tls.trusted if tls else None) as devices:
        application = whole_application(parts, devices, _readiness(parts, servers), page)
        for name, sockets in bound.items():
            if name == "coap.listen":
                devices.coap.listen(sockets)
            elif tls and name == "coaps.listen":
                devices.listen_to_coaps(sockets, tls.coaps)
            elif name in _MQTT:
                outer = tls.mqtts.around if tls and name == "mqtts.listen" else None
                await devices.mqtt.listen(sockets, outer)
            else:
                encrypted = tls.https if tls and name == "https.listen" else None
                servers.append(_http_server(parts.settings, application, sockets, encrypted))

        def let_go() -> None:
            devices.http.end_polls()
            devices.mqtt_web_sockets.end()
            parts.page_streams.end()

        await _run(parts, servers, let_go, steering)


def _http_server(
    settings: Settings, application: Application, sockets: list[socket.socket], tls: ssl.SSLContext | None
) -> HttpServer:
    http = settings.http
    # MQTT clients put a packet into a message; of other WebSockets, each part limits its own.
    largest_bytes = max(settings.live.largest_message_bytes, settings.mqtt_sessions.largest_packet_bytes)
    server = HttpServer(application, sockets, http.keep_alive_s, http.stop_grace_s, largest_bytes)
    if tls:
        server.use_tls(tls)
    return server


async def _run(
    parts: Parts, servers: list[HttpServer], stopping: Callable[[], None], steering: Steering
) -> None:
    settings = parts.settings
    addresses = {name.partition(".")[0]: str(it) for name, it in listen_addresses(settings).items()}
    _log.info("serving", version=__version__, data=settings.data.folder, **addresses)
    spare_what_stays()
    works = scheduled_works(parts)
    sweeping = asyncio.create_task(keep_house(parts.storage, works, parts.metrics.scheduled_work_held))
    try:
        await run_servers(servers, stopping, steering)
    finally:
        sweeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeping


def spare_what_stays() -> None:
    """Keep the garbage collector away from what lives as long as the server; let it look less often.

    A request leaves few cycles behind, but a look through everything stops all requests meanwhile.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _give_back_tls_buffers() -> None:
    """Have glibc give every large buffer pages of its own.

    Each TLS connection has a buffer of 256 KiB of which it touches a few pages. After the first is freed,
    glibc would take others from its heap, where all pages are touched sooner or later: twice the memory each.
    """
    with contextlib.suppress(OSError, AttributeError):  # another C library: it has its own ways
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BUFFER_BYTES)


def _tls(settings: Settings) -> Encryption | None:
    if not any(name in _ENCRYPTED for name in listen_addresses(settings)):
        return None
    _give_back_tls_buffers()
    return encryption(settings)


def listen_addresses(settings: Settings) -> dict[str, ListenAddress]:
    """Return where to listen, by the names of the settings."""
    wanted = {
        "http.listen": settings.http.listen,
        "https.listen": settings.https.listen,
        "mqtt.listen": settings.mqtt.listen,
        "mqtts.listen": settings.mqtts.listen,
        "coap.listen": settings.coap.listen,
        "coaps.listen": settings.coaps.listen,
    }
    parsed = {name: listen_address(text) for name, text in wanted.items()}
    return {name: address for name, address in parsed.items() if address is not None}


def _readiness(parts: Parts, servers: list[HttpServer]) -> Readiness:
    async def listeners() -> str | None:
        if any(server.should_exit for server in servers):
            return "the server is stopping"
        return None if all(server.started for server in servers) else "not every listener is open yet"

    async def database() -> str | None:
        try:
            await parts.storage.write_beside(_prove_writable)
        except Exception as error:
            _log.warning("the database can't be written", error=str(error))
            return "the database can't be written"
        return None

    return Readiness({"listeners": listeners, "database": database})


async def _prove_writable(stores: Stores) -> None:
    await stores.housekeeping.prove_writable()
