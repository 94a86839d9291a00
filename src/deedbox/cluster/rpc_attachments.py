"""A connected device that commands are pushed to: small while nothing comes, for there are many of them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from deedbox.cluster.rpc_messages import STORED
from deedbox.core.errors import StorageUnavailable
from deedbox.core.rpc import Delivery

_PAUSE_S = 1.0

_log = logging.getLogger(__name__)


class Attachment:
    """Takes what is offered with `take(offer)` and hands it to `deliver`; `give_back` what it can't."""

    __slots__ = ("_deliver", "_give_back", "_is_stopped", "_offers", "_pushing", "_take")

    def __init__(
        self,
        take: Callable[[bytes], Awaitable[Delivery | None]],
        deliver: Callable[[Delivery], None],
        give_back: Callable[[Delivery], None],
    ) -> None:
        self._take = take
        self._deliver = deliver
        self._give_back = give_back
        #: An ordered set: the same node may offer many commands, one after the other.
        self._offers: dict[bytes, None] = {}
        self._pushing: asyncio.Task[None] | None = None
        self._is_stopped = False

    def offer(self, offer: bytes) -> None:
        """Take what is offered, after what was offered before."""
        if self._is_stopped:
            return
        self._offers[offer] = None
        if self._pushing is None:
            self._pushing = asyncio.get_running_loop().create_task(self._push())

    def stop(self) -> None:
        """Deliver nothing any more."""
        self._is_stopped = True
        self._offers.clear()

    async def _push(self) -> None:
        try:
            while self._offers:
                offer = next(iter(self._offers))
                del self._offers[offer]
                await self._push_all(offer)
        finally:
            self._pushing = None

    async def _push_all(self, offer: bytes) -> None:
        try:
            while not self._is_stopped and (delivery := await self._take(offer)):
                self._hand_over(delivery)
        except StorageUnavailable:
            _log.warning("commands wait: the database can't be written")
            asyncio.get_running_loop().call_later(_PAUSE_S, self.offer, STORED)

    def _hand_over(self, delivery: Delivery) -> None:
        if self._is_stopped:
            self._give_back(delivery)
            return
        try:
            self._deliver(delivery)
        except Exception:
            _log.exception("a command could not be handed to its connection")
            self.stop()
            self._give_back(delivery)
