"""A connected device that commands are pushed to: small while nothing comes, for there are many of them."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from deedbox.cluster.bus import Stop
from deedbox.cluster.rpc_messages import STORED
from deedbox.core.errors import StorageUnavailable
from deedbox.core.rpc import Delivery

_PAUSE_S = 1.0

_log = logging.getLogger(__name__)


class Source(Protocol):
    """Where commands come from."""

    async def take(self, device_id: UUID, offer: bytes) -> Delivery | None:
        """Take a command of those that were offered. Raises StorageUnavailable."""
        ...

    def give_back(self, delivery: Delivery) -> None:
        """Offer again what was taken and not sent."""
        ...


class Attachment:
    """Takes what is offered to the device and hands it to `deliver`, until it is stopped."""

    __slots__ = ("_deliver", "_device_id", "_is_stopped", "_offers", "_pushing", "_source", "unsubscribe")

    def __init__(self, source: Source, device_id: UUID, deliver: Callable[[Delivery], None]) -> None:
        self._source = source
        self._device_id = device_id
        self._deliver = deliver
        #: An ordered set: the same node may offer many commands, one after the other.
        self._offers: dict[bytes, None] | None = None
        self._pushing: asyncio.Task[None] | None = None
        self._is_stopped = False
        #: Called when it stops: offers are of no interest any more.
        self.unsubscribe: Stop | None = None

    def offer(self, offer: bytes) -> None:
        """Take what is offered, after what was offered before."""
        if self._is_stopped:
            return
        if self._offers is None:
            self._offers = {}
        self._offers[offer] = None
        if self._pushing is None:
            self._pushing = asyncio.get_running_loop().create_task(self._push())

    def stop(self) -> None:
        """Deliver nothing any more."""
        self._is_stopped = True
        self._offers = None
        if self.unsubscribe is not None:
            self.unsubscribe()
            self.unsubscribe = None

    async def _push(self) -> None:
        try:
            while self._offers:
                offer = next(iter(self._offers))
                del self._offers[offer]
                await self._push_all(offer)
        finally:
            self._pushing = self._offers = None

    async def _push_all(self, offer: bytes) -> None:
        try:
            while not self._is_stopped and (delivery := await self._source.take(self._device_id, offer)):
                self._hand_over(delivery)
        except StorageUnavailable:
            _log.warning("commands wait: the database can't be written")
            asyncio.get_running_loop().call_later(_PAUSE_S, self.offer, STORED)

    def _hand_over(self, delivery: Delivery) -> None:
        if self._is_stopped:
            self._source.give_back(delivery)
            return
        try:
            self._deliver(delivery)
        except Exception:
            _log.exception("a command could not be handed to its connection")
            self.stop()
            self._source.give_back(delivery)
