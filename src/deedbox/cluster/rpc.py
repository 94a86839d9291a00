"""Carries commands to devices over the bus, whichever nodes the caller and the device are on.

The caller's node keeps the command and says that it is ready; a node where the device asks for commands takes
it from there, so that it is delivered once. Replies go back under the device's subject.
"""

import asyncio
import secrets
from collections.abc import Callable
from uuid import UUID

import msgspec

from deedbox.cluster.bus import Bus, Stop
from deedbox.core.errors import LimitReached
from deedbox.core.rpc import Command, Delivery, End, Outcome

MOST_PER_DEVICE = 20
_HIGHEST_ID = 2**31 - 1  # firmware reads it into a signed 32-bit integer


class _Asks(msgspec.Struct, frozen=True, tag="ask"):
    """The device asks for commands."""


class _Replies(msgspec.Struct, frozen=True, tag="reply"):
    """The device replied."""

    id: int
    reply: bytes


class _Cancels(msgspec.Struct, frozen=True, tag="cancel"):
    """Nobody may wait for this device any more."""


_messages = msgspec.msgpack.Decoder(_Asks | _Replies | _Cancels)
_deliveries = msgspec.msgpack.Decoder(Delivery)
_encode = msgspec.msgpack.encode


class _Call:
    """A command that somebody waits for here."""

    __slots__ = ("delivery", "is_taken", "outcome")

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.is_taken = False
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def end(self, outcome: Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)


class CommandExchange:
    """An `Exchange` over a bus. `node` is this node's name on it, `most_per_device` how many may wait."""

    def __init__(self, bus: Bus, node: str, most_per_device: int = MOST_PER_DEVICE) -> None:
        self._bus = bus
        self._node = node
        self._most_per_device = most_per_device
        self._calls: dict[UUID, dict[int, _Call]] = {}
        self._stops: dict[UUID, Stop] = {}
        self.close = bus.respond(_take_subject(node), self._take)

    async def call(self, command: Command, timeout_ms: int) -> Outcome:
        """Offer the command and wait for its end. Raises LimitReached when too many wait already."""
        call = self._open(command)
        try:
            self._bus.publish(_ready_subject(command.device_id), self._node.encode())
            async with asyncio.timeout(timeout_ms / 1000):
                return await call.outcome
        except TimeoutError:
            return Outcome(End.NOT_REPLIED if call.is_taken else End.NOT_DELIVERED)
        finally:
            self._forget(call)

    async def next_command(self, device_id: UUID) -> Delivery:
        """Wait for a command and take it."""
        ready: asyncio.Queue[bytes] = asyncio.Queue()
        stop = self._bus.subscribe(_ready_subject(device_id), ready.put_nowait)
        try:
            self._bus.publish(_caller_subject(device_id), _encode(_Asks()))
            while True:
                node = (await ready.get()).decode()
                taken = await self._bus.request(_take_subject(node), device_id.bytes)
                if taken:
                    return _deliveries.decode(taken)
        finally:
            stop()

    def attach(self, device_id: UUID, deliver: Callable[[Delivery], None]) -> Stop:
        """Push commands to a device that stays connected; call what is returned to stop."""
        taking: set[asyncio.Task[None]] = set()

        def ready(node: bytes) -> None:
            task = asyncio.get_running_loop().create_task(self._deliver(device_id, node.decode(), deliver))
            taking.add(task)
            task.add_done_callback(taking.discard)

        stop = self._bus.subscribe(_ready_subject(device_id), ready)
        self._bus.publish(_caller_subject(device_id), _encode(_Asks()))
        return stop

    async def _deliver(self, device_id: UUID, node: str, deliver: Callable[[Delivery], None]) -> None:
        while taken := await self._bus.request(_take_subject(node), device_id.bytes):
            deliver(_deliveries.decode(taken))

    def reply(self, device_id: UUID, command_id: int, reply: bytes) -> None:
        """Hand the reply to whoever waits for it."""
        self._bus.publish(_caller_subject(device_id), _encode(_Replies(command_id, reply)))

    def cancel_device(self, device_id: UUID) -> None:
        """End every wait for this device, on every node."""
        self._bus.publish(_caller_subject(device_id), _encode(_Cancels()))

    def waiting(self, device_id: UUID) -> int:
        """Return how many callers on this node wait for the device."""
        return len(self._calls.get(device_id, {}))

    def _open(self, command: Command) -> _Call:
        calls = self._calls.get(command.device_id, {})
        if len(calls) >= self._most_per_device:
            raise LimitReached(
                f"{len(calls)} commands wait for this device already. Try again when it has taken some."
            )
        if not calls:
            self._calls[command.device_id] = calls
            self._stops[command.device_id] = self._listen(command.device_id)
        command_id = next(it for it in iter(_random_id, 0) if it not in calls)
        calls[command_id] = _Call(Delivery(command_id, command))
        return calls[command_id]

    def _listen(self, device_id: UUID) -> Stop:
        return self._bus.subscribe(_caller_subject(device_id), lambda it: self._receive(device_id, it))

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
        call = next((it for it in calls.values() if not it.is_taken and not it.outcome.done()), None)
        if call is None:
            return b""
        call.is_taken = True
        if call.delivery.command.one_way:
            call.end(Outcome(End.DELIVERED))
        return _encode(call.delivery)

    def _receive(self, device_id: UUID, message: bytes) -> None:
        calls = self._calls.get(device_id, {})
        match _messages.decode(message):
            case _Asks():
                if any(not it.is_taken for it in calls.values()):
                    self._bus.publish(_ready_subject(device_id), self._node.encode())
            case _Replies(command_id, reply):
                if (call := calls.get(command_id)) and call.is_taken:
                    call.end(Outcome(End.REPLIED, reply))
            case _Cancels():
                for call in calls.values():
                    call.end(Outcome(End.CANCELLED))


def _random_id() -> int:
    return 1 + secrets.randbelow(_HIGHEST_ID)


def _take_subject(node: str) -> str:
    return f"deedbox.rpc.take.{node}"


def _ready_subject(device_id: UUID) -> str:
    return f"deedbox.rpc.ready.{device_id.hex}"


def _caller_subject(device_id: UUID) -> str:
    return f"deedbox.rpc.caller.{device_id.hex}"
