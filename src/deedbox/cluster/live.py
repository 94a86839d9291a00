"""Carries live changes to whoever watches a device, on this node and on others.

Watchers on this node hear at once. Other nodes say which devices they watch (`interests.py`), and changes go
to those nodes only, under one subject per node. While this node or another one is out of reach, and once when
it is back, watchers are told to ask the database.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from uuid import UUID, uuid4

import msgspec

from deedbox.cluster.bus import LARGEST_MESSAGE_BYTES, Bus, Stop
from deedbox.cluster.interests import Interests
from deedbox.core.live import Change, OwnershipChanged

_encode = msgspec.msgpack.Encoder().encode
_changes: msgspec.msgpack.Decoder[Change] = msgspec.msgpack.Decoder(Change)

#: One subject for all devices: whoever serves many of them need not subscribe for each.
_CREDENTIALS = "deedbox.credentials"

ASKED_EVERY_S = 3.0
_BITES_PER_S = 10
#: So long it takes at most until other nodes know of a new watcher.
_KNOWN_AFTER_S = 0.5

_log = logging.getLogger(__name__)

Receive = Callable[[Change], None]
_NOBODY: dict[object, Receive] = {}


class BusLiveChanges:
    """`LiveChanges` over a bus; with several nodes, `keep` has to run beside it. `node` names this one."""

    def __init__(
        self, bus: Bus, node: str | None = None, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._bus = bus
        #: By a key of each watcher's own, so that leaving a crowd takes no search.
        self._watches: dict[UUID, dict[object, Receive]] = {}
        node = node or uuid4().hex
        self._interests = Interests(bus, node, self._watches.keys, clock_s)
        self._interests.when_returned = self._miss
        #: Whether changes of other nodes may have been lost since watchers asked last.
        self._missed = False
        self._stops = [bus.subscribe(_subject(node), self._receive), bus.when_back(self._miss)]

    async def keep(self, asked_every_s: float = ASKED_EVERY_S) -> None:
        """Keep up with other nodes, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._interests.keep())
            tasks.create_task(self._ask_while_away(asked_every_s))

    def close(self) -> None:
        """Tell other nodes that nobody watches here any more."""
        for stop in self._stops:
            stop()
        self._interests.close()

    @property
    def is_whole(self) -> bool:
        """Whether changes of all other nodes arrive here, as far as is known."""
        return self._bus.is_whole and not self._interests.misses_somebody

    @property
    def watched(self) -> int:
        """How many devices are watched on this node."""
        return len(self._watches)

    @property
    def other_nodes(self) -> Collection[str]:
        """Which other nodes were heard of of late."""
        return self._interests.others

    def is_watched(self, device_id: UUID) -> bool:
        """Tell whether anybody watches, on any node; may be asked from any thread."""
        return device_id in self._watches or self._interests.is_wanted(device_id)

    def tell(self, change: Change) -> None:
        """Tell everybody who watches the change's device; to be called after the commit."""
        self._tell_here(change)
        nodes = self._interests.nodes_of(change.device_id)
        if nodes:
            message = _encode(change)
            if len(message) > LARGEST_MESSAGE_BYTES:
                message = _encode(OwnershipChanged(change.device_id))
            for node in nodes:
                self._bus.publish(_subject(node), message)

    def watch(self, device_id: UUID, receive: Receive) -> Stop:
        """Call `receive` with each change; call what is returned to stop, more than once if need be."""
        receivers = self._watches.get(device_id)
        if receivers is None:
            receivers = self._watches[device_id] = {}
            self._begin(device_id)
        key = object()
        receivers[key] = receive
        return lambda: self._leave(device_id, receivers, key)

    def tell_credentials(self, device_id: UUID) -> None:
        """Say that a device's credentials may be others now, or that it is gone; after the commit."""
        self._bus.publish(_CREDENTIALS, device_id.bytes)

    def watch_credentials(self, receive: Callable[[UUID], None]) -> Stop:
        """Call `receive` with each device whose credentials may be others now."""
        return self._bus.subscribe(_CREDENTIALS, lambda it: receive(UUID(bytes=it)))

    def _begin(self, device_id: UUID) -> None:
        self._interests.begin(device_id)
        if self._interests.has_others:
            # What another node stored after the watcher read, but before it knew of him, it told nobody.
            ask = OwnershipChanged(device_id)
            asyncio.get_running_loop().call_later(_KNOWN_AFTER_S, self._tell_here, ask)

    def _leave(self, device_id: UUID, receivers: dict[object, Receive], key: object) -> None:
        if receivers.pop(key, None) is None:
            return
        if not receivers and self._watches.get(device_id) is receivers:
            del self._watches[device_id]
            self._interests.end(device_id)

    def _receive(self, message: bytes) -> None:
        self._tell_here(_changes.decode(message))

    def _tell_here(self, change: Change) -> None:
        for receive in list(self._watches.get(change.device_id, _NOBODY).values()):
            receive(change)

    def _miss(self) -> None:
        self._missed = True

    async def _ask_while_away(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            is_whole = self.is_whole
            if self._missed or not is_whole:
                self._missed = not is_whole
                await self._ask_all(every_s)

    async def _ask_all(self, within_s: float) -> None:
        """Have all watchers ask the database, a bite at a time."""
        devices = list(self._watches)
        bite = 1 + int(len(devices) / (_BITES_PER_S * within_s))
        for start in range(0, len(devices), bite):
            for device_id in devices[start : start + bite]:
                try:
                    self._tell_here(OwnershipChanged(device_id))
                except Exception:
                    _log.exception("somebody who watches a device could not be told to ask again")
            await asyncio.sleep(1 / _BITES_PER_S)


def _subject(node: str) -> str:
    return f"deedbox.live.{node}"
