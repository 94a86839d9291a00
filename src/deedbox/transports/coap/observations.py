"""All that is observed: who may begin to, and whose right to it has ended."""

import contextlib
from collections.abc import Collection
from typing import TYPE_CHECKING
from uuid import UUID

from deedbox.core.credentials import Login, ended_logins
from deedbox.core.errors import LimitReached, NotSignedIn, StorageUnavailable
from deedbox.core.storage import Stores
from deedbox.transports.coap.codes import Code
from deedbox.transports.coap.context import CoapContext
from deedbox.transports.coap.exchanges import Answer, Exchange
from deedbox.transports.coap.observing import Observation
from deedbox.transports.coap.routes import RPC

if TYPE_CHECKING:
    from deedbox.transports.coap.endpoint import CoapEndpoint

_OBSERVE = 0
_TOO_MANY = "You observe too much already. End what you do not need, then try again."
_RECHECKED_AT_ONCE = 256


class Observations:
    """What devices observe at this endpoint, `count` in number."""

    def __init__(self, context: CoapContext, endpoint: "CoapEndpoint") -> None:
        self._context = context
        self._endpoint = endpoint
        self._of_devices: dict[UUID, list[Observation]] = {}
        self.count = 0
        self._stop_watching = context.live.watch_credentials(self._recheck_device)

    async def answer(self, exchange: Exchange) -> Answer:
        """Begin or end what a GET with Observe asks for, and return what is so at this moment."""
        request, conversation = exchange.request, exchange.conversation
        before = conversation.observations.get(exchange.message.token) if conversation.is_observing else None
        if before is not None:
            before.end()
        if request is None or request.observe != _OBSERVE:
            return Answer(Code.DELETED)
        observation = self._begun(exchange)
        if observation.is_of_commands:
            return Answer(Code.VALID, b"", tuple(it for it in observation.options if it[0] != 12))
        found = await self._context.messages.attributes(observation.login.device_id, None, None)
        body = observation.manners.coap.writer.attribute_update(found.get("shared", {}))
        observation.first_told()
        return Answer(Code.CONTENT, body, tuple(observation.options))

    async def recheck_all(self) -> None:
        """Ask again about everybody: a hint that credentials have changed may be lost."""
        logins = list({it.login for its in self._of_devices.values() for it in its})
        for start in range(0, len(logins), _RECHECKED_AT_ONCE):
            await self._recheck(logins[start : start + _RECHECKED_AT_ONCE])

    def close(self) -> None:
        """Tell all observers to come back later."""
        self._stop_watching()
        for observations in tuple(self._of_devices.values()):
            for it in tuple(observations):
                it.end(Code.SERVICE_UNAVAILABLE)

    def _begun(self, exchange: Exchange) -> Observation:
        request, login, conversation = exchange.request, exchange.login, exchange.conversation
        if request is None or login is None:
            raise NotSignedIn
        if len(conversation.observations) >= self._context.settings.observations_per_peer:
            raise LimitReached(_TOO_MANY)
        observation = Observation(
            conversation,
            login,
            exchange.message.token,
            request.key,
            is_of_commands=exchange.feature == RPC,
            ended=self._forget,
        )
        observation.manners = exchange.manners
        conversation.observations[observation.token] = observation
        self._of_devices.setdefault(login.device_id, []).append(observation)
        self.count += 1
        observation.begin()
        return observation

    def _forget(self, observation: Observation) -> None:
        there = self._of_devices[observation.login.device_id]
        there.remove(observation)
        self.count -= 1
        if not there:
            del self._of_devices[observation.login.device_id]

    def _recheck_device(self, device_id: UUID) -> None:
        """Hear that a deed of the device has ended, or that its credentials may be others."""
        doubted = tuple(self._of_devices.get(device_id, ()))
        for it in doubted:
            it.pause()
        if doubted:
            self._endpoint.run(self._recheck_doubted(doubted))

    async def _recheck_doubted(self, doubted: Collection[Observation]) -> None:
        """Tell these nothing until it is known that they are the device's still."""
        await self._recheck({it.login for it in doubted})
        for it in doubted:
            if it in self._of_devices.get(it.login.device_id, ()):
                it.begin()

    async def _recheck(self, logins: Collection[Login]) -> None:
        async def work(stores: Stores) -> list[Login]:
            return await ended_logins(stores.credentials, logins)

        with contextlib.suppress(StorageUnavailable):  # the next round asks again
            for login in await self._context.storage.read(work):
                for it in tuple(self._of_devices.get(login.device_id, ())):
                    if it.login == login:
                        it.end(Code.UNAUTHORIZED)
