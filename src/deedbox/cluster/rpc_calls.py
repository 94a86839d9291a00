"""The caller's side of commands: what somebody on this node waits for, given away to whichever node asks."""

import asyncio
import secrets
from collections.abc import Iterator
from uuid import UUID

import msgspec

from deedbox.cluster.bus import Bus, Stop
from deedbox.cluster.carrying import Carrier
from deedbox.cluster.rpc_messages import (
    Asks,
    Cancels,
    Delivered,
    Failed,
    Outdated,
    Replies,
    caller_subject,
    decode_message,
    encode,
    offer_subject,
    take_subject,
)
from deedbox.core.errors import LimitReached
from deedbox.core.rpc import FIRST_STORED_ID, Command, Delivery, End, Outcome

_MOST_FAILURES = 5


class _Call:
    """A command that somebody waits for here."""

    __slots__ = ("_ends_at_s", "delivery", "failures", "is_taken", "outcome")

    def __init__(self, delivery: Delivery, timeout_ms: int) -> None:
        loop = asyncio.get_running_loop()
        self.delivery = delivery
        self.is_taken = False
        self.failures = 0
        self.outcome: asyncio.Future[Outcome] = loop.create_future()
        self._ends_at_s = loop.time() + timeout_ms / 1000

    @property
    def can_be_taken(self) -> bool:
        # A connection that always fails must not be asked forever.
        return not self.is_taken and self.failures < _MOST_FAILURES and not self.outcome.done()

    def taken(self) -> Delivery:
        """Give it away, with the time that its caller still waits."""
        self.is_taken = True
        left_s = max(0.0, self._ends_at_s - asyncio.get_running_loop().time())
        return msgspec.structs.replace(self.delivery, lasts_ms=int(left_s * 1000))

    def end(self, outcome: Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)


class Calls:
    """All calls of this node. `node` is its name on the bus, `most_per_device` how many may wait there."""

    def __init__(self, bus: Bus, node: str, most_per_device: int, carrier: Carrier) -> None:
        self._bus = bus
        self._node = node
        self._most_per_device = most_per_device
        self._carrier = carrier
        self._calls: dict[UUID, dict[int, _Call]] = {}
        self._stops: dict[UUID, Stop] = {}
        self.close = bus.respond(take_subject(node), self._take)

    async def call(self, command: Command, timeout_ms: int) -> Outcome:
        """Offer the command and wait for its end. Raises LimitReached when too many wait already."""
        call = self._open(command, timeout_ms)
        try:
            self._offer(command.device_id)
            async with asyncio.timeout(timeout_ms / 1000):
                return await call.outcome
        except TimeoutError:
            return Outcome(End.NOT_REPLIED if call.is_taken else End.NOT_DELIVERED)
        finally:
            self._forget(call)

    def offer_again(self) -> None:
        """Offer all that nobody has taken: some nodes may not have heard of it."""
        for device_id, calls in self._calls.items():
            if any(it.can_be_taken for it in calls.values()):
                self._offer(device_id)

    @property
    def count(self) -> int:
        """How many wait for the end of a command."""
        return sum(map(len, self._calls.values()))

    def waiting(self, device_id: UUID) -> int:
        """Return how many calls wait for the device."""
        return len(self._calls.get(device_id, {}))

    def _open(self, command: Command, timeout_ms: int) -> _Call:
        calls = self._calls.get(command.device_id, {})
        if len(calls) >= self._most_per_device:
            raise LimitReached(
                f"{len(calls)} commands wait for this device already. Try again when it has taken some."
            )
        if not calls:
            self._calls[command.device_id] = calls
            self._stops[command.device_id] = self._listen(command.device_id)
        command_id = next(it for it in _random_ids() if it not in calls)
        calls[command_id] = _Call(Delivery(command_id, command, self._carrier.pick_up()), timeout_ms)
        return calls[command_id]

    def _listen(self, device_id: UUID) -> Stop:
        return self._bus.subscribe(caller_subject(device_id), lambda it: self._receive(device_id, it))

    def _offer(self, device_id: UUID) -> None:
        self._bus.publish(offer_subject(device_id), self._node.encode())

    def _forget(self, call: _Call) -> None:
        device_id = call.delivery.command.device_id
        calls = self._calls[device_id]
        del calls[call.delivery.id]
        if not calls:
            del self._calls[device_id]
            self._stops.pop(device_id)()

    def _take(self, message: bytes) -> bytes:
        """Give away the oldest command that nobody has taken."""
        calls = self._calls.get(UUID(bytes=message), {})
        for call in calls.values():
            if call.can_be_taken:
                return encode(call.taken())
        return b""

    def _receive(self, device_id: UUID, message: bytes) -> None:
        calls = self._calls.get(device_id, {})
        match decode_message(message):
            case Asks():
                for call in calls.values():
                    call.failures = 0
                if any(it.can_be_taken for it in calls.values()):
                    self._offer(device_id)
            case Cancels():
                for call in calls.values():
                    call.end(Outcome(End.CANCELLED))
            case told:
                about = calls.get(told.id)
                if about is not None and about.is_taken:
                    self._follow(about, told)

    def _follow(self, call: _Call, told: Delivered | Failed | Outdated | Replies) -> None:
        match told:
            case Replies(_, reply):
                call.end(Outcome(End.REPLIED, reply))
            case Delivered():
                if call.delivery.command.one_way:
                    call.end(Outcome(End.DELIVERED))
            case Outdated():
                call.end(Outcome(End.CANCELLED))
            case Failed():
                call.is_taken = False
                call.failures += 1
                self._offer(call.delivery.command.device_id)


def _random_ids() -> Iterator[int]:
    while True:
        yield 1 + secrets.randbelow(FIRST_STORED_ID - 1)
