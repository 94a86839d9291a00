"""Carries live changes over the bus to whoever watches a device: one subject per device."""

from collections.abc import Callable
from uuid import UUID

import msgspec

from deedbox.cluster.bus import Bus, Stop
from deedbox.core.live import Change

_encode = msgspec.msgpack.Encoder().encode
_changes: msgspec.msgpack.Decoder[Change] = msgspec.msgpack.Decoder(Change)

#: One subject for all devices: whoever serves many of them need not subscribe for each.
_CREDENTIALS = "deedbox.credentials"

Receive = Callable[[Change], None]


class _Watch:
    """Everybody on this node who watches one device; a change is decoded once for all of them."""

    __slots__ = ("receivers", "stop")

    def __init__(self) -> None:
        #: By a key of each watcher's own, so that leaving a crowd takes no search.
        self.receivers: dict[object, Receive] = {}
        self.stop: Stop = lambda: None

    def receive(self, message: bytes) -> None:
        change = _changes.decode(message)
        for receive in list(self.receivers.values()):
            receive(change)


class BusLiveChanges:
    """`LiveChanges` over the bus of a server that runs alone.

    With more nodes, `is_watched` has to count those that watch elsewhere.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._watches: dict[UUID, _Watch] = {}

    def is_watched(self, device_id: UUID) -> bool:
        """Tell whether anybody watches; may be asked from any thread."""
        return device_id in self._watches

    def tell(self, change: Change) -> None:
        """Tell everybody who watches the change's device; to be called after the commit."""
        if self.is_watched(change.device_id):
            self._bus.publish(_subject(change.device_id), _encode(change))

    def watch(self, device_id: UUID, receive: Receive) -> Stop:
        """Call `receive` with each change; call what is returned to stop, more than once if need be."""
        watch = self._watches.get(device_id)
        if watch is None:
            watch = self._watches[device_id] = _Watch()
            watch.stop = self._bus.subscribe(_subject(device_id), watch.receive)
        key = object()
        watch.receivers[key] = receive
        return lambda: self._leave(device_id, watch, key)

    def tell_credentials(self, device_id: UUID) -> None:
        """Say that a device's credentials may be others now, or that it is gone; after the commit."""
        self._bus.publish(_CREDENTIALS, device_id.bytes)

    def watch_credentials(self, receive: Callable[[UUID], None]) -> Stop:
        """Call `receive` with each device whose credentials may be others now."""
        return self._bus.subscribe(_CREDENTIALS, lambda it: receive(UUID(bytes=it)))

    def _leave(self, device_id: UUID, watch: _Watch, key: object) -> None:
        if watch.receivers.pop(key, None) is None:
            return
        if not watch.receivers and self._watches.get(device_id) is watch:
            del self._watches[device_id]
            watch.stop()


def _subject(device_id: UUID) -> str:
    return f"deedbox.live.{device_id.hex}"
