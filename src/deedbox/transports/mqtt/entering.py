"""Lets clients in that have proved who they are: with the session that was kept for them, or a new one."""

import asyncio
import logging
from collections.abc import Callable
from uuid import UUID

import msgspec

from deedbox.core.credentials import Login
from deedbox.core.errors import LimitReached
from deedbox.transports.mqtt.connecting import Granted, granted, held_to, new_client_id
from deedbox.transports.mqtt.connection import Connection
from deedbox.transports.mqtt.context import MqttContext
from deedbox.transports.mqtt.device_session import DeviceSession
from deedbox.transports.mqtt.device_side import DeviceSide
from deedbox.transports.mqtt.keep_alive import KeepAlive
from deedbox.transports.mqtt.packets import Connect
from deedbox.transports.mqtt.pushing import Pushing
from deedbox.transports.mqtt.reasons import Reason
from deedbox.transports.mqtt.session import Session
from deedbox.transports.mqtt.sessions import Sessions
from deedbox.transports.mqtt.terms import Terms
from deedbox.transports.rate_limits import Limiter

_UNKNOWN_DEVICE = "No device has this access token or these credentials; see where devices are managed."

_log = logging.getLogger(__name__)

Run = Callable[["asyncio._CoroutineLike[None]"], None]


class _Arriving:
    """A client that waits for what other nodes kept, and what happened to it meanwhile."""

    __slots__ = ("client_id", "device_id", "has_left", "is_anew")

    def __init__(self, device_id: UUID, client_id: str) -> None:
        self.device_id = device_id
        self.client_id = client_id
        #: The client has come to another node; the device may have another owner.
        self.has_left = self.is_anew = False


class Entrance:
    """Decides which session a client gets. `run` has something done in the background."""

    def __init__(
        self,
        context: MqttContext,
        sessions: Sessions,
        keep_alive: KeepAlive,
        tasks: set[asyncio.Task[None]],
        run: Run,
    ) -> None:
        self._context = context
        self._sessions = sessions
        self._keep_alive = keep_alive
        self._tasks = tasks
        self._run = run
        self._arriving: set[_Arriving] = set()
        context.moves.give_by(self._give)

    def decide(self, connection: Connection, connect: Connect, login: Login | None, terms: Terms) -> None:
        """Let the client in that is this device, or turn away whoever it is."""
        if login is None:
            connection.reject(Reason.BAD_USERNAME_OR_PASSWORD, _UNKNOWN_DEVICE)
            return
        moves, client_id = self._context.moves, connect.client_id
        if client_id and moves.has_others:
            if not connect.clean_start and self._found(login, client_id) is None:
                self._run(self._accept_from_afar(connection, connect, login, terms))
                return
            moves.tell(login.device_id, client_id)
        self._accept(connection, connect, login, terms)

    async def _accept_from_afar(
        self, connection: Connection, connect: Connect, login: Login, terms: Terms
    ) -> None:
        """Let a client in when other nodes have said what they kept for it."""
        arriving = _Arriving(login.device_id, connect.client_id)
        self._arriving.add(arriving)
        try:
            state = await self._context.moves.take(login.device_id, connect.client_id)
        finally:
            self._arriving.discard(arriving)
        if state is not None and self._found(login, connect.client_id) is None:
            self._settle_in(login, arriving, state)
        if arriving.has_left:
            connection.reject(Reason.SERVER_BUSY, "This client came to another node, too. Connect again.")
        elif not connection.is_closed:
            self._accept(connection, connect, login, terms)

    def begin_anew(self, device_id: UUID) -> None:
        """Hear that the device may have another owner: nothing of the last one's time comes here."""
        for it in self._arriving:
            it.is_anew = it.is_anew or it.device_id == device_id

    def _settle_in(self, login: Login, arriving: _Arriving, state: bytes) -> None:
        """Keep a session here as it was kept elsewhere: its client may have gone again meanwhile."""
        now_ms = self._context.clock_ms()
        if not self._sessions.has_room(login.device_id, now_ms):
            return
        kept = self._new_session(login, arriving.client_id)
        try:
            kept.settle_in(state)
        except msgspec.DecodeError:
            _log.warning("a session of another node can't be understood: does it run the same release?")
            self._sessions.forget(kept)
            return
        if arriving.is_anew:
            kept.begin_anew()
        if arriving.has_left:
            self._sessions.forget(kept)
        else:
            self._sessions.keep(kept, now_ms)

    def _accept(self, connection: Connection, connect: Connect, login: Login, terms: Terms) -> None:
        (limiter, manners), device_id, now_ms = terms, login.device_id, connection.heard_at_ms
        settings = held_to(self._context.settings, limiter)
        grant = granted(connect, settings, new_client_id)
        found = self._taken_over(login, grant.client_id, is_anew=connect.clean_start)
        if found is None and not self._sessions.has_room(device_id, now_ms):
            connection.reject(Reason.QUOTA_EXCEEDED, "The device has too many sessions already.")
            return
        if limiter is not None and (refusal := _no_place(limiter, connection)):
            connection.reject(Reason.QUOTA_EXCEEDED, refusal)
            return
        connection.most_inflight = settings.most_inflight
        kept = found or self._new_session(login, grant.client_id)
        _connect(kept.session, connection, login, grant)
        kept.session.manners = manners
        application = DeviceSide(self._context, connection, kept.session, kept.pushing, limiter)
        self._keep_alive.watch(connection, now_ms)
        self._context.activity.note(device_id, now_ms)
        connection.accept(
            kept.session,
            application,
            is_resumed=found is not None,
            connect=connect,
            properties=grant.properties,
        )
        if not connection.is_closed:
            kept.pushing.resumed()

    def _found(self, login: Login, client_id: str) -> DeviceSession | None:
        return self._sessions.find(login.device_id, client_id, self._context.clock_ms())

    def _taken_over(self, login: Login, client_id: str, *, is_anew: bool) -> DeviceSession | None:
        """Return the session to go on with; another connection of the same client is closed."""
        found = self._found(login, client_id)
        if found is not None and isinstance(found.session.connection, Connection):
            found.session.connection.fail(Reason.SESSION_TAKEN_OVER, "Another connection has this client id.")
            found = self._found(login, client_id)
        if found is None:
            return None
        if is_anew:
            self._sessions.forget(found)
            return None
        found.publish_will = None
        self._sessions.taken_up(found)
        return found

    def _give(self, device_id: UUID, client_id: str, is_wanted: bool) -> bytes | None:
        """End a session whose client has gone to another node; return what is in it, if that is wanted.

        Of clients that come to two nodes at the same moment neither stays: who was last, nobody can tell.
        """
        for it in self._arriving:
            it.has_left = it.has_left or (it.device_id, it.client_id) == (device_id, client_id)
        found = self._sessions.find(device_id, client_id, self._context.clock_ms())
        if found is not None and isinstance(found.session.connection, Connection):
            found.session.connection.fail(Reason.SESSION_TAKEN_OVER, "This client came to another node.")
            found = self._sessions.find(device_id, client_id, self._context.clock_ms())
        if found is None:
            return None
        state = found.move_out() if is_wanted else None
        self._sessions.forget(found)
        return state

    def _new_session(self, login: Login, client_id: str) -> DeviceSession:
        context = self._context
        session = Session(login, client_id, context.settings.most_queued, context.clock_ms)
        made = DeviceSession(session, Pushing(context, session, self._tasks))
        self._sessions.add(made)
        return made


def _no_place(limiter: Limiter, connection: Connection) -> str:
    """Count a connection of its tenant; return why there is no place for it, empty when there is."""
    try:
        limiter.connect(connection)
    except LimitReached as refusal:
        return refusal.message
    return ""


def _connect(session: Session, connection: Connection, login: Login, grant: Granted) -> None:
    session.login = login
    session.connection, session.expiry_s = connection, grant.expiry_s
    session.outgoing_window = grant.window
    connection.keep_alive_s = grant.keep_alive_s
