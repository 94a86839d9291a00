"""Who MQTT clients are: devices, by what they present. Those that come together are asked for together."""

import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from deedbox.core.certificate_logins import Shown
from deedbox.core.credentials import Login
from deedbox.core.errors import StorageUnavailable
from deedbox.core.mqtt_logins import Presented, find_mqtt_logins
from deedbox.core.storage import Stores
from deedbox.transports.mqtt.connection import Connection
from deedbox.transports.mqtt.context import MqttContext
from deedbox.transports.mqtt.packets import Connect
from deedbox.transports.mqtt.reasons import Reason
from deedbox.transports.mqtt.terms import Terms, manners_of
from deedbox.transports.rate_limits import Limiter

#: Asked for at once, on the event loop: some hundred microseconds.
_MOST_TOGETHER = 64
_TRY_LATER = "Who you are can't be looked up at this moment; come back later."

_TOO_MANY_TRIED = "Too many wrong credentials came from your address. Wait some minutes, then connect again."

_log = logging.getLogger(__name__)

Arrival = tuple[Connection, Connect]
Find = Callable[[Sequence[Arrival]], Coroutine[Any, Any, list[Login | None]]]
#: Hears who each client is, None for nobody, and what counts for it.
Decide = Callable[[Connection, Connect, Login | None, Terms], None]


class Authentication:
    """Finds out who has come. `run` runs a coroutine in the background."""

    def __init__(
        self, context: MqttContext, decide: Decide, run: Callable[[Coroutine[Any, Any, None]], None]
    ) -> None:
        self._context = context
        self._decide = decide
        self._run = run
        self._arrivals: list[Arrival] = []

    def add(self, connection: Connection, connect: Connect) -> None:
        """Find out about one more, with all that come in this turn of the event loop."""
        if self._context.certificates is not None and connection.link.certificates():
            self._run(self._decide_by_certificate(connection, connect))
            return
        self._arrivals.append((connection, connect))
        if len(self._arrivals) == 1:
            self._run(self._authenticate())

    async def _authenticate(self) -> None:
        arrivals, self._arrivals = self._arrivals, []
        for start in range(0, len(arrivals), _MOST_TOGETHER):
            await self._decide_together(arrivals[start : start + _MOST_TOGETHER])

    async def _decide_by_certificate(self, connection: Connection, connect: Connect) -> None:
        """Ask for one alone: it may take a commit, and the others need not wait for that."""
        await self._decide_together([(connection, connect)], self._proved_logins)

    async def _decide_together(self, arrivals: Sequence[Arrival], find: Find | None = None) -> None:
        try:
            logins = await (find or self._logins)(arrivals)
            limiters = [await self._limiter(it) for it in logins]
            terms = map(Terms, limiters, await manners_of(self._context.manners, logins))
        except Exception as error:
            if not isinstance(error, StorageUnavailable):
                _log.exception("clients could not be authenticated")
            for connection, _ in arrivals:
                connection.reject(Reason.SERVER_UNAVAILABLE, _TRY_LATER)
            return
        for (connection, connect), login, its_terms in zip(arrivals, logins, terms, strict=True):
            if not connection.is_closed and not self._is_guessing(connection, connect, login):
                self._decide(connection, connect, login, its_terms)

    def _is_guessing(self, connection: Connection, connect: Connect, login: Login | None) -> bool:
        """Turn away, without a word about its credentials, whoever tries many from one address."""
        address, now_ms = connection.link.source_address(), self._context.clock_ms()
        guesses = self._context.login_guesses
        presented = _credentials(connect, connection.link.certificates()[:1])
        wait_ms = guesses.judge(address, presented, login is not None, now_ms)
        if wait_ms:
            connection.reject(Reason.CONNECTION_RATE_EXCEEDED, _TOO_MANY_TRIED)
        return wait_ms > 0

    async def _proved_logins(self, arrivals: Sequence[Arrival]) -> list[Login | None]:
        """Return whom certificates prove, or else what is presented beside them; new devices come last."""
        logins: list[Login | None] = []
        for arrival in arrivals:
            link, certificates = arrival[0].link, self._context.certificates
            shown = await certificates.find(link.certificates()) if certificates else Shown()
            login = shown.login or (await self._logins([arrival]))[0]
            if login is None and certificates and shown.profile is not None:
                login = await certificates.provision(link.certificates(), link.source_address())
            logins.append(login)
        return logins

    async def _logins(self, arrivals: Sequence[Arrival]) -> list[Login | None]:
        presented = [Presented(it.client_id, it.username or "", it.password or b"") for _, it in arrivals]

        async def work(stores: Stores) -> list[Login | None]:
            return await find_mqtt_logins(stores.credentials, self._context.keys, presented)

        return await self._context.storage.look(work)

    async def _limiter(self, login: Login | None) -> Limiter | None:
        rates = self._context.rate_limits
        if login is None or not rates.is_limiting:
            return None
        return await rates.limiter_of(login.device_id, is_new=True)


def _credentials(connect: Connect, certificate: Sequence[bytes]) -> bytes:
    """Return what a guess consists of; a client id beside an access token is none, many are made up anew."""
    name, password = connect.username or "", connect.password
    client_id = connect.client_id if password or not (name or certificate) else ""
    return repr((name, password, client_id, *certificate)).encode("utf-8", "surrogatepass")
