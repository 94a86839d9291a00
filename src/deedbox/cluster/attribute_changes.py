"""Carries hints that shared attributes changed over the bus, and remembers them between a device's polls."""

import asyncio
from collections.abc import Callable, Collection
from uuid import UUID

import msgspec

from deedbox.cluster.bus import Bus, Stop
from deedbox.cluster.recent_hints import RecentHints
from deedbox.core.attribute_changes import MOST_NAMES

#: A device that polls asks again within this time; what changes meanwhile is kept for it.
REMEMBERED_FOR_S = 30.0
MOST_DEVICES = 20_000

#: Where a node says that it missed what others said.
_BACK = "deedbox.attributes.back"

_names = msgspec.msgpack.Decoder(list[str])


class _Watch:
    """One device's hints since it last heard of any; kept a while after its last poll."""

    __slots__ = ("forget", "names", "stop", "waiting")

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.waiting: list[asyncio.Future[None]] = []
        self.forget: asyncio.TimerHandle | None = None
        self.stop: Stop = lambda: None

    def receive(self, message: bytes) -> None:
        self.names.update(_names.decode(message)[: MOST_NAMES - len(self.names)])
        for waiting in self.waiting:
            if not waiting.done():
                waiting.set_result(None)


class AttributeHints:
    """`AttributeChanges` over a bus."""

    def __init__(self, bus: Bus, remembered_for_s: float = REMEMBERED_FOR_S) -> None:
        self._bus = bus
        #: Whether all nodes are in reach, as far as is known.
        self.is_whole: Callable[[], bool] = lambda: bus.is_whole
        self._remembered_for_s = remembered_for_s
        self._watches: dict[UUID, _Watch] = {}
        self._recent = RecentHints()

    def join(self) -> Stop:
        """Send hints again when nodes have missed some; call what is returned to stop."""
        stops = [
            self._bus.subscribe(_BACK, lambda _: self._tell_again()),
            self._bus.when_back(lambda: self._bus.publish(_BACK)),
        ]

        def stop() -> None:
            for it in stops:
                it()

        return stop

    def tell(self, device_id: UUID, names: Collection[str]) -> None:
        """Say that these shared attributes of the device were written or deleted."""
        if names:
            subject, message = _subject(device_id), msgspec.msgpack.encode(list(names))
            self._recent.add(subject, message, self.is_whole())
            self._bus.publish(subject, message)

    def attach(self, device_id: UUID, receive: Callable[[frozenset[str]], None]) -> Stop:
        """Call `receive` with each hint for a device that stays connected; call what is returned to stop."""
        return self._bus.subscribe(_subject(device_id), lambda it: receive(frozenset(_names.decode(it))))

    async def next_change(self, device_id: UUID) -> frozenset[str]:
        """Wait for the next hint; what came since the last poll, if that was a moment ago, comes at once."""
        watch = self._watch(device_id)
        try:
            while not watch.names:
                await self._next(watch)
            names, watch.names = frozenset(watch.names), set()
            return names
        finally:
            self._forget_later(device_id, watch)

    def _tell_again(self) -> None:
        for subject, message in self._recent.again():
            self._bus.publish(subject, message)

    async def _next(self, watch: _Watch) -> None:
        waiting = asyncio.get_running_loop().create_future()
        watch.waiting.append(waiting)
        try:
            await waiting
        finally:
            watch.waiting.remove(waiting)

    def _watch(self, device_id: UUID) -> _Watch:
        watch = self._watches.get(device_id)
        if watch is None:
            watch = self._watches[device_id] = _Watch()
            watch.stop = self._bus.subscribe(_subject(device_id), watch.receive)
        if watch.forget:
            watch.forget.cancel()
        return watch

    def _forget_later(self, device_id: UUID, watch: _Watch) -> None:
        if watch.waiting:
            return
        if len(self._watches) > MOST_DEVICES:
            self._forget(device_id, watch)
            return
        loop = asyncio.get_running_loop()
        watch.forget = loop.call_later(self._remembered_for_s, self._forget, device_id, watch)

    def _forget(self, device_id: UUID, watch: _Watch) -> None:
        if not watch.waiting and self._watches.get(device_id) is watch:
            del self._watches[device_id]
            watch.stop()


def _subject(device_id: UUID) -> str:
    return f"deedbox.attributes.{device_id.hex}"
