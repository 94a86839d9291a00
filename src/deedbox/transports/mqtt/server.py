"""The MQTT server: connections from sockets, devices by their access tokens, sessions, silence, the end."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Collection, Iterable
from uuid import UUID

from deedbox.core.credentials import Login, ended_logins
from deedbox.core.errors import StorageUnavailable
from deedbox.core.storage import Stores
from deedbox.transports.mqtt import pausing
from deedbox.transports.mqtt.authenticating import Authentication
from deedbox.transports.mqtt.connecting import refusal_of
from deedbox.transports.mqtt.connection import Connection
from deedbox.transports.mqtt.context import MqttContext
from deedbox.transports.mqtt.device_session import DeviceSession
from deedbox.transports.mqtt.device_side import DeviceSide
from deedbox.transports.mqtt.entering import Entrance
from deedbox.transports.mqtt.keep_alive import KeepAlive
from deedbox.transports.mqtt.last_words import LastWords
from deedbox.transports.mqtt.packets import Connect, Will
from deedbox.transports.mqtt.provisioning import ProvisioningClients, wants_provisioning
from deedbox.transports.mqtt.reasons import Reason
from deedbox.transports.mqtt.sessions import Sessions
from deedbox.transports.mqtt.sockets import STOPS, ClientProtocol
from deedbox.transports.mqtt.terms import renew_manners

_BACKLOG = 16_384
_RECHECKED_EVERY_S, _RECHECKED_AT_ONCE = 30.0, 256

Around = Callable[[Callable[[], asyncio.Protocol]], Callable[[], asyncio.Protocol]]

_log = logging.getLogger(__name__)


class MqttServer:
    """Serves devices on sockets that are bound already. A `Host` of connections."""

    def __init__(self, context: MqttContext) -> None:
        self._context = context
        self._settings = context.settings
        self.note_refusal = context.note_refusal
        self._sessions = Sessions(context.settings.most_per_device, context.settings.most_kept)
        self._keep_alive = KeepAlive()
        self._servers: list[asyncio.Server] = []
        self.last_words = LastWords()
        self._connections: set[Connection] = set()
        #: Before their CONNECT, oldest first.
        self._opening: dict[Connection, None] = {}
        self._unflushed: list[Connection] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._entrance = Entrance(context, self._sessions, self._keep_alive, self._tasks, self._run)
        self._authentication = Authentication(context, self._entrance.decide, self._run)
        self._provisioning = ProvisioningClients(context, self._run)
        self._is_flushing = self._is_watching = False
        #: Those whose will may still wait.
        self._wills: set[DeviceSession] = set()
        self._was_limiting = context.rate_limits.is_limiting
        self._stop_watching = context.live.watch_credentials(self._recheck_device)

    @property
    def most_inflight(self) -> int:
        """How many messages of one client may wait for their acknowledgement."""
        return self._settings.most_inflight

    @property
    def longest_expiry_s(self) -> int:
        """For how long a session is kept at most after its connection."""
        return self._settings.longest_expiry_s

    @property
    def connection_count(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    @property
    def absent_counts(self) -> tuple[int, int]:
        """How many connections have not sent their CONNECT, and how many sessions have no connection."""
        return len(self._opening), self._sessions.kept

    @property
    def provisioning_count(self) -> int:
        """How many clients want to be provisioned."""
        return len(self._provisioning)

    async def listen(self, sockets: Iterable[socket.socket], around: Around | None = None) -> None:
        """Take connections from these sockets from now on; `around` may put TLS around the protocol."""
        loop, factory = asyncio.get_running_loop(), self.new_protocol
        outer = around(factory) if around else factory
        for it in sockets:
            server = await loop.create_server(outer, sock=it, backlog=_BACKLOG)
            self._servers.append(server)
        self._begin()

    def new_protocol(self) -> ClientProtocol:
        """Return what serves one more connection, whatever carries its bytes."""
        self._begin()
        return ClientProtocol(self, self._context)

    async def close(self) -> None:
        """Take no more connections, tell devices to come back later, end what is under way."""
        self._stop_watching()
        for server in self._servers:
            server.close()
        for connection in tuple(self._connections):
            connection.fail(Reason.SERVER_SHUTTING_DOWN, STOPS)
        self.last_words.end()
        for it in self._wills:
            it.end_will()
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def connected(self, connection: Connection) -> bool:
        """Take a new connection, if there is room."""
        if len(self._connections) >= self._settings.most_connections:
            return False
        self._connections.add(connection)
        self._opening[connection] = None
        if len(self._opening) > self._settings.most_opening:
            # Whoever floods keeps connections silent; a device says CONNECT at once and is not the oldest.
            next(iter(self._opening)).lost()
        timeout_s = self._settings.connect_timeout_s
        self._keep_alive.watch_opening(connection, self._context.clock_ms(), timeout_s)
        return True

    def open(self, connection: Connection, connect: Connect) -> None:
        """Decide about a CONNECT."""
        self._opening.pop(connection, None)
        refusal = refusal_of(connect)
        if refusal is not None:
            connection.reject(refusal.reason, refusal.message)
            return
        if wants_provisioning(connect):
            self._provisioning.let_in(connection, connect)
            return
        self._authentication.add(connection, connect)

    def closed(self, connection: Connection, will: Will | None) -> None:
        """Keep or end the session of a connection that is over; publish its will."""
        self._connections.discard(connection)
        self._opening.pop(connection, None)
        self._provisioning.closed(connection)
        self._keep_alive.forget(connection)
        if isinstance(connection.application, DeviceSide):
            connection.application.close()
        session, now_ms = connection.session, self._context.clock_ms()
        if session is None or session.connection is not connection:
            return
        session.connection = None
        kept = next((it for it in self._sessions.of_device(session.device_id) if it.session is session), None)
        if will is not None:
            self._leave_will(connection, kept, will, now_ms)
        if kept is not None:
            kept.pushing.away()
            self._sessions.keep(kept, now_ms)

    def wants_flush(self, connection: Connection) -> None:
        """Flush the connection when the present moment's work is done."""
        self._unflushed.append(connection)
        if not self._is_flushing:
            self._is_flushing = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Send what was written for clients."""
        self._is_flushing = False
        unflushed, self._unflushed = self._unflushed, []
        for connection in unflushed:
            connection.flush()

    async def recheck(self, logins: Collection[Login]) -> None:
        """End the sessions of devices whose credentials are others by now, or that are no more."""

        async def work(stores: Stores) -> list[Login]:
            return await ended_logins(stores.credentials, logins)

        with contextlib.suppress(StorageUnavailable):  # the next round asks again
            for login in await self._context.storage.read(work):
                self._end(login)

    def _recheck_device(self, device_id: UUID) -> None:
        """Hear that a deed of the device has ended, or that its credentials may be others."""
        there = self._sessions.of_device(device_id)
        self._entrance.begin_anew(device_id)
        for it in there:
            it.begin_anew()
        if there:
            doubted = [it.session.connection for it in there if isinstance(it.session.connection, Connection)]
            for connection in doubted:
                connection.pause(pausing.IN_DOUBT)
            self._run(self._recheck_paused({it.session.login for it in there}, doubted))

    async def _recheck_paused(self, logins: Collection[Login], doubted: Collection[Connection]) -> None:
        """Take nothing of these connections until it is known that they are the device's still."""
        try:
            await self.recheck(logins)
        finally:
            for connection in doubted:
                connection.resume(pausing.IN_DOUBT)

    def _end(self, login: Login) -> None:
        for it in [it for it in self._sessions.of_device(login.device_id) if it.session.login == login]:
            connection = it.session.connection
            self._sessions.forget(it)
            if isinstance(connection, Connection):
                connection.fail(Reason.NOT_AUTHORIZED, "The device's credentials are others now.")

    def _leave_will(
        self, connection: Connection, kept: DeviceSession | None, will: Will, now_ms: int
    ) -> None:
        """Publish a will, after the delay that its client wished for, or when its session ends."""

        def publish() -> None:
            if connection.application is not None:
                connection.application.receive(will.topic, will.payload, 0, will.properties)

        if kept is None or not will.properties.will_delay_s:
            publish()
            return
        kept.publish_will = publish
        kept.will_at_ms = now_ms + will.properties.will_delay_s * 1000
        self._wills.add(kept)

    def _begin(self) -> None:
        if not self._is_watching:
            self._is_watching = True
            self._run(self._watch())
            self._run(self._recheck_all())

    def _run(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def tick(self, now_ms: int) -> None:
        """Do what time brings about; to be called about once a second."""
        for connection in self._keep_alive.silent(now_ms):
            connection.fail(Reason.KEEP_ALIVE_TIMEOUT, "Nothing came for longer than the keep-alive.")
        for it in [it for it in self._wills if it.will_at_ms <= now_ms or it.publish_will is None]:
            self._wills.discard(it)
            it.end_will()
        self._provisioning.end_late(now_ms)
        self._sessions.forget_expired(now_ms)
        await self._limit_connected()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(1)
            try:
                await self.tick(self._context.clock_ms())
            except StorageUnavailable as error:
                _log.warning("devices that are connected are not limited yet: %s", error.message)
            except Exception:  # silence would go unnoticed from now on, for all devices
                _log.exception("what the time had to bring about for devices was not all done")

    async def _recheck_all(self) -> None:
        """Ask again about everybody, now and then: a hint that credentials have changed may be lost."""
        while True:
            await asyncio.sleep(_RECHECKED_EVERY_S)
            sessions = [it.session for it in self._connections if it.session is not None]
            for start in range(0, len(sessions), _RECHECKED_AT_ONCE):
                some = sessions[start : start + _RECHECKED_AT_ONCE]
                try:
                    await self.recheck([it.login for it in some])
                    await renew_manners(self._context.manners, some)
                except Exception:
                    _log.exception("devices whose credentials are others may still be connected")

    async def _limit_connected(self) -> None:
        """Hold devices to limits that there were none of when they came."""
        rates = self._context.rate_limits
        if rates.is_limiting and not self._was_limiting:
            for connection in tuple(self._connections):
                application, session = connection.application, connection.session
                if isinstance(application, DeviceSide) and session is not None:
                    application.limiter = await rates.limiter_of(session.device_id)
                    if application.limiter and not connection.is_closed:
                        application.limiter.stay_connected(connection)
                    await asyncio.sleep(0)
        self._was_limiting = rates.is_limiting
