"""Whose requests these are: devices, by tokens or certificates; those that come together are one question."""

import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from deedbox.core.credentials import Login, ended_logins, find_logins
from deedbox.core.errors import StorageUnavailable, TooManyAttempts
from deedbox.core.storage import Stores
from deedbox.transports.coap.codes import Code
from deedbox.transports.coap.context import CoapContext
from deedbox.transports.coap.exchanges import Answer, Exchange

#: Asked for at once, on the event loop: some hundred microseconds.
_MOST_TOGETHER = 128
#: How long a change of credentials may stay unnoticed here when the hint about it is lost.
KNOWN_FOR_MS = 2_000

_log = logging.getLogger(__name__)


class Known(NamedTuple):
    """Who a peer was when it was asked for last, and how many hints about credentials had come by then."""

    access_token: str
    login: Login
    hints: int
    asked_at: int


class Authentication:
    """Finds out who asks. `deal` gets each request whose device is known; `run` runs in the background."""

    def __init__(
        self,
        context: CoapContext,
        deal: Callable[[Exchange], None],
        run: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._context = context
        self._deal = deal
        self._run = run
        self._arrivals: list[Exchange] = []
        self._hints = 0
        self.stop_watching = context.live.watch_credentials(self._doubt_all)

    def add(self, exchange: Exchange) -> None:
        """Find out about one more, with all that come in this turn of the event loop."""
        self._arrivals.append(exchange)
        if len(self._arrivals) == 1:
            self._run(self._authenticate())

    async def _authenticate(self) -> None:
        arrivals, self._arrivals = self._arrivals, []
        for start in range(0, len(arrivals), _MOST_TOGETHER):
            await self._deal_together(arrivals[start : start + _MOST_TOGETHER])

    async def _deal_together(self, arrivals: Sequence[Exchange]) -> None:
        hints = self._hints
        try:
            logins = await self._logins(arrivals)
            if self._context.rate_limits.is_limiting:
                await self._find_limiters(arrivals, logins)
            await self._find_manners(arrivals, logins)
        except Exception as error:
            if not isinstance(error, StorageUnavailable):
                _log.exception("devices could not be authenticated")
            for exchange in arrivals:
                exchange.refuse(StorageUnavailable())
            return
        for exchange, login in zip(arrivals, logins, strict=True):
            self._decide(exchange, login, hints)

    def _doubt_all(self, _device_id: UUID) -> None:
        """Hear that credentials may be others: all are asked for anew, which costs less than to search."""
        self._hints += 1

    def _known(self, exchange: Exchange) -> Login | None:
        known = exchange.conversation.known
        if known is None or known.access_token != exchange.access_token or known.hints != self._hints:
            return None
        return known.login if exchange.arrived_at - known.asked_at < KNOWN_FOR_MS else None

    async def _logins(self, arrivals: Sequence[Exchange]) -> list[Login | None]:
        known = [self._known(it) for it in arrivals]
        unknown = [exchange for exchange, login in zip(arrivals, known, strict=True) if login is None]
        if not unknown:
            return known
        found = iter(await self._looked_up(unknown))
        return [next(found) if login is None else login for login in known]

    async def _looked_up(self, arrivals: Sequence[Exchange]) -> list[Login | None]:
        tokens = [it.access_token for it in arrivals if it.access_token]
        proved = {it.conversation.peer.login for it in arrivals if not it.access_token} - {None}

        async def work(stores: Stores) -> list[Login | None]:
            by_token = iter(await find_logins(stores.credentials, self._context.keys, tokens))
            logins = [it for it in proved if it is not None]
            ended = set(await ended_logins(stores.credentials, logins)) if logins else set()
            valid = proved - ended
            return [next(by_token) if it.access_token else _of_peer(it, valid) for it in arrivals]

        return await self._context.storage.look(work)

    async def _find_limiters(self, arrivals: Sequence[Exchange], logins: Sequence[Login | None]) -> None:
        for exchange, login in zip(arrivals, logins, strict=True):
            if login is not None:
                exchange.limiter = await self._context.rate_limits.limiter_of(login.device_id)

    async def _find_manners(self, arrivals: Sequence[Exchange], logins: Sequence[Login | None]) -> None:
        device_ids = [it.device_id for it in logins if it is not None]
        found = await self._context.manners.recent(device_ids, arrivals[0].arrived_at)
        for exchange, login in zip(arrivals, logins, strict=True):
            if login is not None:
                exchange.manners = found[login.device_id]

    def _decide(self, exchange: Exchange, login: Login | None, hints: int) -> None:
        known = exchange.conversation.known
        if known is None or login is not known.login:
            if wait_ms := self._wait_ms(exchange, login is not None):
                exchange.refuse(TooManyAttempts(wait_ms))
                return
            if login is None:
                exchange.answer(Answer(Code.UNAUTHORIZED))
                return
            exchange.conversation.known = Known(exchange.access_token, login, hints, exchange.arrived_at)
        exchange.login, exchange.is_trusted = login, True
        self._context.activity.note(login.device_id, exchange.arrived_at)
        self._deal(exchange)

    def _wait_ms(self, exchange: Exchange, is_right: bool) -> int:
        """Return for how long an address that tries many tokens is not told which of them is right."""
        guesses = self._context.login_guesses
        if not exchange.access_token or (is_right and not guesses.remembered):
            return 0
        presented = exchange.access_token.encode("utf-8", "surrogatepass")
        address = exchange.conversation.peer.source_address
        return guesses.judge(address, presented, is_right, exchange.arrived_at)


def _of_peer(exchange: Exchange, valid: "set[Login | None]") -> Login | None:
    login = exchange.conversation.peer.login
    return login if login in valid else None
