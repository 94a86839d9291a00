"""Carries commands to devices over the bus, whichever nodes the caller and the device are on.

The caller's node keeps the command and offers it; a node where the device asks for commands takes it from
there, so that it is delivered once. Replies go back under the device's subject.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from uuid import UUID

from deedbox.cluster.bus import Bus, Stop
from deedbox.cluster.carrying import Carrier, NoCarrier
from deedbox.cluster.persistent_commands import StoredCommands
from deedbox.cluster.rpc_attachments import Attachment
from deedbox.cluster.rpc_calls import Calls
from deedbox.cluster.rpc_messages import (
    BACK_SUBJECT,
    STORED,
    Asks,
    Cancels,
    Delivered,
    Failed,
    Message,
    Outdated,
    Replies,
    caller_subject,
    decode_delivery,
    encode,
    offer_subject,
    take_subject,
)
from deedbox.cluster.served_devices import LOOKED_EVERY_S, ServedDevices
from deedbox.core.command_limits import CommandLimits
from deedbox.core.rpc import FIRST_STORED_ID, Command, Delivery, Outcome, is_current
from deedbox.core.storage import Storage, Stores

MOST_PER_DEVICE = 20

_log = logging.getLogger(__name__)


class CommandExchange:
    """An `Exchange` over a bus. `node` is this node's name on it, `most_per_device` how many may wait.

    `storage` tells which epoch a device is in, at the moment of each delivery, and keeps what is stored.
    """

    def __init__(
        self,
        bus: Bus,
        node: str,
        storage: Storage,
        most_per_device: int = MOST_PER_DEVICE,
        limits: CommandLimits | None = None,
        carrier: Carrier | None = None,
    ) -> None:
        self._bus = bus
        self._storage = storage
        self._carrier = carrier or NoCarrier()
        self._calls = Calls(bus, node, most_per_device, self._carrier)
        self._stored = StoredCommands(storage, limits or CommandLimits(), self.wake)
        self._served = ServedDevices(bus, storage, self.wake)

    async def keep(self, looked_every_s: float = LOOKED_EVERY_S) -> None:
        """Make good, until cancelled, what is missed while other nodes are out of reach."""
        stops = [
            self._bus.subscribe(BACK_SUBJECT, lambda _: self._calls.offer_again()),
            self._bus.when_back(lambda: self._bus.publish(BACK_SUBJECT)),
        ]
        try:
            await self._served.keep(looked_every_s)
        finally:
            for stop in stops:
                stop()

    async def time_out(self) -> None:
        """Let steps of stored commands end that took too long; to be called now and then, on any node.

        Raises StorageUnavailable.
        """
        await self._stored.time_out()

    async def close(self) -> None:
        """Offer nothing any more, and wait until all is noted that is to be stored."""
        self._calls.close()
        await self._stored.close()

    async def call(self, command: Command, timeout_ms: int) -> Outcome:
        """Offer the command and wait for its end. Raises LimitReached when too many wait already."""
        with self._carrier.step("call device"):
            return await self._calls.call(command, timeout_ms)

    @property
    def calls(self) -> int:
        """How many callers on this node wait for the end of a command."""
        return self._calls.count

    def waiting(self, device_id: UUID) -> int:
        """Return how many callers on this node wait for the device."""
        return self._calls.waiting(device_id)

    def wake(self, device_id: UUID) -> None:
        """Offer what is stored to whoever serves the device."""
        self._bus.publish(offer_subject(device_id), STORED)

    async def next_command(self, device_id: UUID) -> Delivery:
        """Wait for a command and take it."""
        offers: asyncio.Queue[bytes] = asyncio.Queue()
        offers.put_nowait(STORED)
        stop = self._listen(device_id, offers.put_nowait)
        try:
            self._tell(device_id, Asks())
            while True:
                if delivery := await self.take(device_id, await offers.get()):
                    return delivery
        finally:
            stop()

    def attach(self, device_id: UUID, deliver: Callable[[Delivery], None]) -> Stop:
        """Push commands to a device that stays connected; call what is returned to stop."""
        attachment = Attachment(self, device_id, deliver)
        attachment.unsubscribe = self._listen(device_id, attachment.offer)
        attachment.offer(STORED)
        self._tell(device_id, Asks())
        return attachment.stop

    def _listen(self, device_id: UUID, hear: Callable[[bytes], None]) -> Stop:
        self._served.enter(device_id)
        return partial(self._stop_listening, device_id, self._bus.subscribe(offer_subject(device_id), hear))

    def _stop_listening(self, device_id: UUID, unsubscribe: Stop) -> None:
        unsubscribe()
        self._served.leave(device_id)

    def delivered(self, device_id: UUID, command_id: int) -> None:
        """Note that the device has the command."""
        if command_id >= FIRST_STORED_ID:
            self._stored.delivered(device_id, command_id)
        else:
            self._tell(device_id, Delivered(command_id))

    def failed(self, device_id: UUID, command_id: int) -> None:
        """Note that the device did not get the command."""
        if command_id >= FIRST_STORED_ID:
            self._stored.failed(device_id, command_id)
        else:
            self._tell(device_id, Failed(command_id))

    async def reply(self, device_id: UUID, command_id: int, reply: bytes) -> None:
        """Hand the reply to whoever waits for it, or store it. Raises StorageUnavailable."""
        if command_id >= FIRST_STORED_ID:
            await self._stored.reply(device_id, command_id, reply)
        else:
            self._tell(device_id, Replies(command_id, reply))

    def cancel_device(self, device_id: UUID) -> None:
        """End every wait for this device, on every node."""
        self._tell(device_id, Cancels())

    def _tell(self, device_id: UUID, message: Message) -> None:
        self._bus.publish(caller_subject(device_id), encode(message))

    async def take(self, device_id: UUID, offer: bytes) -> Delivery | None:
        """Take one command. Whoever gives up meanwhile gives it back, so that it is not lost."""
        # Almost always nothing is stored: looking costs neither a task nor a commit.
        if offer == STORED and not await self._stored.is_waiting(device_id):
            return None
        taking = asyncio.create_task(self._taken(device_id, offer))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            taking.add_done_callback(self._give_back_result)
            raise

    async def _taken(self, device_id: UUID, offer: bytes) -> Delivery | None:
        if offer == STORED:
            return await self._stored.take(device_id)
        while taken := await self._bus.request(take_subject(offer.decode()), device_id.bytes):
            delivery = decode_delivery(taken)
            with self._carrier.step("take command", delivery.carried):
                _log.debug("a command for device %s was taken", device_id)
                if await self._is_current(delivery.command):
                    return delivery
                self._tell(device_id, Outdated(delivery.id))
        return None

    def _give_back_result(self, taking: "asyncio.Task[Delivery | None]") -> None:
        if not taking.cancelled() and not taking.exception() and (delivery := taking.result()):
            self.give_back(delivery)

    def give_back(self, delivery: Delivery) -> None:
        """Offer again what was taken and not sent."""
        device_id = delivery.command.device_id
        if delivery.id >= FIRST_STORED_ID:
            self._stored.give_back(device_id, delivery.id)
        else:
            self.failed(device_id, delivery.id)

    async def _is_current(self, command: Command) -> bool:
        async def work(stores: Stores) -> bool:
            return await is_current(stores.attributes, command)

        return await self._storage.look(work)
