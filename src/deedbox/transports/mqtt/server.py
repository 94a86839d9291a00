"""The MQTT server: connections from sockets, devices by their access tokens, sessions, silence, the end."""

import asyncio
import contextlib
import logging
import secrets
import socket
import ssl
from collections.abc import Collection, Iterable
from uuid import UUID

from deedbox.core.credentials import Login, ended_logins
from deedbox.core.errors import StorageUnavailable
from deedbox.core.mqtt_logins import Presented, find_mqtt_login
from deedbox.core.storage import Stores
from deedbox.transports.mqtt.connecting import granted, refusal_of
from deedbox.transports.mqtt.connection import Connection
from deedbox.transports.mqtt.context import MqttContext
from deedbox.transports.mqtt.device_session import DeviceSession
from deedbox.transports.mqtt.device_side import DeviceSide
from deedbox.transports.mqtt.keep_alive import KeepAlive
from deedbox.transports.mqtt.packets import Connect, Will
from deedbox.transports.mqtt.pushing import Pushing
from deedbox.transports.mqtt.reasons import Reason
from deedbox.transports.mqtt.session import Session
from deedbox.transports.mqtt.sessions import Sessions
from deedbox.transports.mqtt.sockets import ClientProtocol

_BACKLOG = 16_384
_RECHECKED_EVERY_S, _RECHECKED_AT_ONCE = 30.0, 256
_UNKNOWN_DEVICE = "No device has this access token or these credentials; see where devices are managed."

_log = logging.getLogger(__name__)


class MqttServer:
    """Serves devices on sockets that are bound already. A `Host` of connections."""

    def __init__(self, context: MqttContext) -> None:
        self._context = context
        self._settings = context.settings
        self._sessions = Sessions(context.settings.most_per_device, context.settings.most_kept)
        self._keep_alive = KeepAlive()
        self._servers: list[asyncio.Server] = []
        self._connections: set[Connection] = set()
        self._unflushed: list[Connection] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_flushing = False
        self._stop_watching = context.live.watch_credentials(self._recheck_device)

    @property
    def most_inflight(self) -> int:
        """How many messages of one client may wait for their acknowledgement."""
        return self._settings.most_inflight

    @property
    def connection_count(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    async def listen(self, sockets: Iterable[socket.socket], tls: ssl.SSLContext | None = None) -> None:
        """Take connections from these sockets from now on."""
        loop = asyncio.get_running_loop()
        for it in sockets:
            server = await loop.create_server(
                lambda: ClientProtocol(self, self._context), sock=it, ssl=tls, backlog=_BACKLOG
            )
            self._servers.append(server)
        if not self._tasks:
            self._run(self._watch())
            self._run(self._recheck_all())

    async def close(self) -> None:
        """Take no more connections, tell devices to come back later, end what is under way."""
        self._stop_watching()
        for server in self._servers:
            server.close()
        for connection in tuple(self._connections):
            connection.fail(Reason.SERVER_SHUTTING_DOWN, "The server stops; come back in a moment.")
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def connected(self, connection: Connection) -> bool:
        """Take a new connection, if there is room."""
        if len(self._connections) >= self._settings.most_connections:
            return False
        self._connections.add(connection)
        timeout_s = self._settings.connect_timeout_s
        self._keep_alive.watch_opening(connection, self._context.clock_ms(), timeout_s)
        return True

    def open(self, connection: Connection, connect: Connect) -> None:
        """Decide about a CONNECT."""
        refusal = refusal_of(connect)
        if refusal is not None:
            connection.reject(refusal.reason, refusal.message)
            return
        self._run(self._authenticate(connection, connect))

    def closed(self, connection: Connection, will: Will | None) -> None:
        """Keep or end the session of a connection that is over; publish its will."""
        self._connections.discard(connection)
        session = connection.session
        if session is None or session.connection is not connection:
            return
        session.connection = None
        if will is not None:
            self._publish_later(connection, session, will)
        for it in self._sessions.of_device(session.device_id):
            if it.session is session:
                it.pushing.away()
                self._sessions.keep(it, asyncio.get_running_loop().time())

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
        logins = {it.session.login for it in self._sessions.of_device(device_id)}
        if logins:
            self._run(self.recheck(logins))

    def _end(self, login: Login) -> None:
        for it in self._sessions.of_device(login.device_id):
            connection = it.session.connection
            if it.session.login != login:
                continue
            self._sessions.forget(it)
            if isinstance(connection, Connection):
                connection.fail(Reason.NOT_AUTHORIZED, "The device's credentials are others now.")

    def _publish_later(self, connection: Connection, session: Session, will: Will) -> None:
        """Publish a will, after the delay that its client wished for, unless that is back by then."""

        def publish() -> None:
            if session.connection is None and connection.application is not None:
                connection.application.receive(will.topic, will.payload, 0)

        delay_s = min(will.properties.will_delay_s or 0, session.expiry_s)
        if delay_s:
            asyncio.get_running_loop().call_later(delay_s, publish)
        else:
            publish()

    def _run(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _authenticate(self, connection: Connection, connect: Connect) -> None:
        try:
            login = await self._login(connect)
        except StorageUnavailable as error:
            connection.reject(Reason.SERVER_UNAVAILABLE, error.message)
            return
        if connection.is_closed:
            return
        if login is None:
            connection.reject(Reason.BAD_USERNAME_OR_PASSWORD, _UNKNOWN_DEVICE)
            return
        await self._accept(connection, connect, login)

    async def _login(self, connect: Connect) -> Login | None:
        presented = Presented(connect.client_id, connect.username or "", connect.password or b"")

        async def work(stores: Stores) -> Login | None:
            return await find_mqtt_login(stores.credentials, self._context.keys, presented)

        return await self._context.storage.look(work)

    async def _accept(self, connection: Connection, connect: Connect, login: Login) -> None:
        device_id = login.device_id
        limiter = None
        if self._context.rate_limits.is_limiting:
            limiter = await self._context.rate_limits.limiter_of(device_id)
        grant = granted(connect, self._settings, _new_client_id)
        found = self._taken_over(device_id, grant.client_id, connect)
        if found is None and not self._sessions.has_room(device_id):
            connection.reject(Reason.QUOTA_EXCEEDED, "The device has too many sessions already.")
            return
        kept = found or self._new_session(login, grant.client_id)
        session = kept.session
        session.login = login
        session.connection, session.expiry_s = connection, grant.expiry_s
        session.outgoing_window = grant.window
        connection.keep_alive_s = grant.keep_alive_s
        application = DeviceSide(self._context, connection, session, kept.pushing, limiter)
        self._keep_alive.watch(connection, self._context.clock_ms())
        self._context.activity.note(device_id, self._context.clock_ms())
        connection.accept(
            session, application, is_resumed=found is not None, connect=connect, properties=grant.properties
        )
        kept.pushing.resumed()

    def _taken_over(self, device_id: UUID, client_id: str, connect: Connect) -> DeviceSession | None:
        """Return the session to go on with; another connection of the same client is closed."""
        now_s = asyncio.get_running_loop().time()
        found = self._sessions.find(device_id, client_id, now_s)
        if found is not None and isinstance(found.session.connection, Connection):
            found.session.connection.fail(Reason.SESSION_TAKEN_OVER, "Another connection has this client id.")
            found = self._sessions.find(device_id, client_id, now_s)
        if found is None:
            return None
        if connect.clean_start:
            self._sessions.forget(found)
            return None
        self._sessions.taken_up(found)
        return found

    def _new_session(self, login: Login, client_id: str) -> DeviceSession:
        session = Session(login, client_id, self._settings.most_queued)
        made = DeviceSession(session, Pushing(self._context, session, self._tasks))
        self._sessions.add(made)
        return made

    async def _watch(self) -> None:
        """Close silent connections and forget sessions whose time is over, once a second."""
        is_limiting = self._context.rate_limits.is_limiting
        while True:
            await asyncio.sleep(1)
            if self._context.rate_limits.is_limiting and not is_limiting:
                await self._limit_connected()
            is_limiting = self._context.rate_limits.is_limiting
            for connection in self._keep_alive.silent(self._context.clock_ms()):
                connection.fail(Reason.KEEP_ALIVE_TIMEOUT, "Nothing came for longer than the keep-alive.")
            self._sessions.forget_expired(asyncio.get_running_loop().time())

    async def _recheck_all(self) -> None:
        """Ask again about everybody, now and then: a hint that credentials have changed may be lost."""
        while True:
            await asyncio.sleep(_RECHECKED_EVERY_S)
            logins = [it.session.login for it in self._connections if it.session is not None]
            for start in range(0, len(logins), _RECHECKED_AT_ONCE):
                await self.recheck(logins[start : start + _RECHECKED_AT_ONCE])

    async def _limit_connected(self) -> None:
        """Hold devices to limits that there were none of when they came."""
        for connection in tuple(self._connections):
            application, session = connection.application, connection.session
            if isinstance(application, DeviceSide) and session is not None:
                application.limiter = await self._context.rate_limits.limiter_of(session.device_id)
                await asyncio.sleep(0)


def _new_client_id() -> str:
    return f"deedbox-{secrets.token_hex(8)}"
