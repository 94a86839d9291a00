"""Who is connected: how many, how many of one user; and whether their sessions still last."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from itertools import zip_longest
from uuid import UUID

from deedbox.api.live.settings import LiveSettings
from deedbox.api.live.sockets import POLICY_VIOLATION, Socket, is_same_person
from deedbox.core.errors import LimitReached, NotSignedIn, StorageUnavailable
from deedbox.core.permissions import Principal
from deedbox.core.sessions import known_visitor
from deedbox.core.storage import Storage, Stores

#: So often it is asked whose sessions last. Ends of sessions are told; this is for those that are not.
ASKED_EVERY_S = 10.0
_ENDED = "Your session has ended. Sign in again."
_CHANGED = "What you may do has changed. Connect again."

_log = logging.getLogger(__name__)


class Attendance:
    """The sockets of this process. While there are any, it asks about their sessions, all in one question.

    Beside that, and never before it, subscriptions ask for what nobody tells of.
    """

    def __init__(
        self, storage: Storage, settings: LiveSettings, asked_every_s: float = ASKED_EVERY_S
    ) -> None:
        self._storage = storage
        self._settings = settings
        self._asked_every_s = asked_every_s
        self._strangers: dict[asyncio.Timeout, None] = {}
        self._sockets: dict[Socket, UUID] = {}
        self._of_user: dict[UUID, int] = {}
        self._asks_now = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def count(self) -> int:
        """How many connections there are, those that sign in among them."""
        return len(self._sockets) + len(self._strangers)

    @property
    def pending_bytes(self) -> int:
        """How much of updates waits for clients to read, about."""
        return sum(it.pending_bytes for it in self._sockets)

    @contextlib.asynccontextmanager
    async def stranger(self) -> AsyncIterator[None]:
        """Count a connection that signs in. Raises LimitReached, TimeoutError when it takes too long.

        Where too many do, the oldest of them makes room: silence does not keep others out.
        """
        if self._strangers and (len(self._strangers) >= self._settings.sockets_signing_in or self._is_full()):
            self._end_oldest_stranger()
        if self._is_full():
            raise LimitReached("Too many connections at this moment. Try again later.")
        patience = asyncio.timeout(self._settings.sign_in_timeout_s)
        try:
            async with patience:
                self._strangers[patience] = None
                yield
        finally:
            self._strangers.pop(patience, None)

    @contextlib.contextmanager
    def visitor(self, socket: Socket) -> Iterator[None]:
        """Count a socket while it is signed in. Raises LimitReached."""
        user_id = _whose(socket.principal)
        if self._is_full() or self._of_user.get(user_id, 0) >= self._settings.sockets_per_user:
            raise LimitReached("Too many connections of yours are open. Close some of them.")
        self._enter(socket, user_id)
        try:
            yield
        finally:
            self._leave(socket)

    def ask_soon(self, subject_id: UUID | None) -> None:
        """Ask at once if a change of this session, user, customer or tenant (None: any) concerns somebody."""
        if any(subject_id is None or subject_id in it.principal.subjects for it in self._sockets):
            self._asks_now.set()

    async def ask(self) -> None:
        """Close the sockets of sessions that ended."""
        known = {socket.principal.session_id: socket.principal for socket in self._sockets}

        async def work(stores: Stores) -> dict[UUID, str]:
            return {it: await _why_ended(stores, was) for it, was in known.items()}

        ended = await self._storage.read(work)
        for socket in list(self._sockets):
            why = ended.get(socket.principal.session_id)
            if why:
                socket.close(POLICY_VIOLATION, why)

    async def refresh(self) -> None:
        """Let subscriptions ask for what nobody tells of: one of each user in turn, so none waits long."""
        waiting: dict[UUID, list[tuple[Socket, int]]] = {}
        for socket, user_id in self._sockets.items():
            waiting.setdefault(user_id, []).extend((socket, number) for number in socket.asking)
        for turn in zip_longest(*waiting.values()):
            for socket, number in filter(None, turn):
                await socket.refresh(number)

    def _is_full(self) -> bool:
        return self.count >= self._settings.sockets

    def _end_oldest_stranger(self) -> None:
        oldest = next(iter(self._strangers))
        del self._strangers[oldest]
        if not oldest.expired():
            oldest.reschedule(asyncio.get_running_loop().time())

    def _enter(self, socket: Socket, user_id: UUID) -> None:
        self._sockets[socket] = user_id
        self._of_user[user_id] = self._of_user.get(user_id, 0) + 1
        if not self._tasks:
            loop = asyncio.get_running_loop()
            self._tasks = [loop.create_task(self._keep_asking()), loop.create_task(self._keep_refreshing())]

    def _leave(self, socket: Socket) -> None:
        user_id = self._sockets.pop(socket)
        self._of_user[user_id] -= 1
        if not self._of_user[user_id]:
            del self._of_user[user_id]
        if not self._sockets:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    async def _keep_asking(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._asked_every_s):
                    await self._asks_now.wait()
            self._asks_now.clear()
            try:
                await self.ask()
            except StorageUnavailable:
                continue
            except Exception:
                _log.exception("could not ask whether the sessions of live sockets last")

    async def _keep_refreshing(self) -> None:
        while True:
            await asyncio.sleep(self._asked_every_s)
            await self.refresh()


async def _why_ended(stores: Stores, was: Principal) -> str:
    """Return why somebody's connections end, "" if they go on."""
    try:
        now = await known_visitor(stores.users, was.session_id, was.is_public)
    except NotSignedIn:
        return _ENDED
    if is_same_person(now, was):
        return ""
    # Of the same person only roles and groups can be others: connecting again is enough.
    is_there = (now.user_id, now.tenant_id, now.customer_id) == (was.user_id, was.tenant_id, was.customer_id)
    return _CHANGED if is_there else _ENDED


def _whose(principal: Principal) -> UUID:
    """Return whose sockets are counted together: visitors of a public customer have no user of their own."""
    return principal.session_id if principal.is_public else principal.user_id
