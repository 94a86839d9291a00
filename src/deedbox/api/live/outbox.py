"""What waits to be sent to one client: answers in order, updates merged; it never grows beyond its limit."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any, NamedTuple

import msgspec

#: What a value costs beside its text.
_OVERHEAD_BYTES = 64

_encode = msgspec.json.Encoder().encode


class Told(NamedTuple):
    """A value as text at a moment (epoch milliseconds)."""

    ts: int
    text: str


Values = Mapping[Hashable, list[Told]]
Shape = Callable[[Values], Any]


class _Pending:
    """Updates of one subscription that wait: values by place, oldest first; `shape` makes them a message."""

    __slots__ = ("shape", "size_bytes", "values")

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.values: dict[Hashable, list[Told]] = {}
        self.size_bytes = 0

    def add(self, place: Hashable, told: Told, only_newest: bool) -> None:
        waiting = self.values.setdefault(place, [])
        if only_newest and waiting:
            self.size_bytes -= sum(map(_size, waiting))
            waiting.clear()
        waiting.append(told)
        self.size_bytes += _size(told)

    def thin(self) -> None:
        """Keep the newest value of each place only."""
        for waiting in self.values.values():
            waiting[:] = [max(waiting, key=lambda it: it.ts)]
        self.size_bytes = sum(_size(it[0]) for it in self.values.values())


class Outbox:
    """Sends what is put into it. `overflow` is called when a slow client leaves no other way."""

    def __init__(
        self, send: Callable[[str], Awaitable[None]], most_bytes: int, overflow: Callable[[], None]
    ) -> None:
        self._send = send
        self._most_bytes = most_bytes
        self._overflow = overflow
        self._answers: deque[tuple[str, asyncio.Future[None]]] = deque()
        self._messages: dict[int, str] = {}
        self._pending: dict[int, _Pending] = {}
        self._filled = asyncio.Event()
        #: How much of updates waits, about. Of messages there is one per subscription at most.
        self.pending_bytes = 0

    async def answer(self, message: Any) -> None:
        """Send a message before all updates; return once the connection has taken it."""
        sent = asyncio.get_running_loop().create_future()
        self._answers.append((_encode(message).decode(), sent))
        self._filled.set()
        await sent

    def put(self, subscription_id: int, message: Any) -> None:
        """Send a message soon, in place of all that waits of the subscription."""
        self.forget(subscription_id)
        self._messages[subscription_id] = _encode(message).decode()
        self._filled.set()

    def update(
        self, subscription_id: int, shape: Shape, place: Hashable, told: Told, *, only_newest: bool = False
    ) -> None:
        """Send a value soon, with others of the subscription; `only_newest`: the last of a place counts."""
        pending = self._pending.get(subscription_id)
        if pending is None:
            pending = self._pending[subscription_id] = _Pending(shape)
        before = pending.size_bytes
        pending.add(place, told, only_newest)
        self.pending_bytes += pending.size_bytes - before
        self._filled.set()
        if self.pending_bytes > self._most_bytes:
            self._thin()

    def forget(self, subscription_id: int) -> None:
        """Drop updates of a subscription that ended."""
        pending = self._pending.pop(subscription_id, None)
        self.pending_bytes -= pending.size_bytes if pending else 0
        self._messages.pop(subscription_id, None)

    async def run(self) -> None:
        """Send until cancelled. Raises what sending raises."""
        while True:
            await self._filled.wait()
            while self._answers or self._messages or self._pending:
                await self._send_next()
            self._filled.clear()

    async def _send_next(self) -> None:
        if self._answers:
            text, sent = self._answers.popleft()
            await self._send(text)
            if not sent.done():
                sent.set_result(None)
        elif self._messages:
            await self._send(self._messages.pop(next(iter(self._messages))))
        else:
            pending = self._pending.pop(next(iter(self._pending)))
            self.pending_bytes -= pending.size_bytes
            await self._send(_encode(pending.shape(pending.values)).decode())

    def _thin(self) -> None:
        for pending in self._pending.values():
            pending.thin()
        self.pending_bytes = sum(it.size_bytes for it in self._pending.values())
        if self.pending_bytes > self._most_bytes:
            self._pending.clear()
            self.pending_bytes = 0
            self._overflow()


def _size(told: Told) -> int:
    return len(told.text) + _OVERHEAD_BYTES
