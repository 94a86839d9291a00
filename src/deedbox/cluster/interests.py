"""Which devices are watched on other nodes: nodes announce what they watch, so that asking is a look-up.

Each tells at once when a first watcher comes and when the last leaves, and everything every ten seconds, when
it is asked, and when it was cut off. A node that is silent for half a minute is forgotten. Watchers who were
not counted for a moment miss a change at worst; `live.py` has them ask the database then.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator
from uuid import UUID

import msgspec

from deedbox.cluster.bus import Bus, Stop

ANNOUNCED_EVERY_S = 10.0
FORGOTTEN_AFTER_S = 30.0
_ANSWERED_AFTER_S = 0.1
_DEVICES_PER_MESSAGE = 4_000
_UUID_BYTES = 16

_SUBJECT = "deedbox.live.interests"


class Begins(msgspec.Struct, frozen=True, tag="begin"):
    """A node watches this device from now on; `turn` is that of its last announcement."""

    node: str
    turn: int
    device_id: bytes


class Ends(msgspec.Struct, frozen=True, tag="end"):
    """A node does not watch this device any more."""

    node: str
    device_id: bytes


class Watches(msgspec.Struct, frozen=True, tag="all"):
    """A part of all that a node watches: ids one after the other; it watches nothing else after the last."""

    node: str
    turn: int
    device_ids: bytes
    is_last: bool


class Asks(msgspec.Struct, frozen=True, tag="ask"):
    """A node wants to hear what all others watch."""

    node: str


class Leaves(msgspec.Struct, frozen=True, tag="leave"):
    """A node stops."""

    node: str


_Message = Begins | Ends | Watches | Asks | Leaves
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Message).decode


class _Neighbour:
    """What another node watches, by the turn it last said so in."""

    __slots__ = ("heard_at_s", "turns")

    def __init__(self) -> None:
        self.heard_at_s = 0.0
        self.turns: dict[UUID, int] = {}


class Interests:
    """What other nodes watch; `watched` returns what this one does. `clock_s` need not be anybody's time."""

    def __init__(
        self, bus: Bus, node: str, watched: Callable[[], Collection[UUID]], clock_s: Callable[[], float]
    ) -> None:
        self._bus = bus
        self._node = node
        self._watched = watched
        self._clock_s = clock_s
        self._turn = 0
        self._neighbours: dict[str, _Neighbour] = {}
        #: Looked up from other threads, too; changed on the event loop only.
        self._nodes: dict[UUID, tuple[str, ...]] = {}
        self._answering: asyncio.TimerHandle | None = None
        self._stops: list[Stop] = [bus.subscribe(_SUBJECT, self._receive), bus.when_back(self.introduce)]

    @property
    def has_others(self) -> bool:
        """Tell whether there are other nodes."""
        return bool(self._neighbours)

    @property
    def others(self) -> Collection[str]:
        """Which other nodes there are."""
        return self._neighbours.keys()

    def is_wanted(self, device_id: UUID) -> bool:
        """Tell whether another node watches the device; may be asked from any thread."""
        return device_id in self._nodes

    def nodes_of(self, device_id: UUID) -> tuple[str, ...]:
        """Return the other nodes that watch the device."""
        return self._nodes.get(device_id, ())

    def begin(self, device_id: UUID) -> None:
        """Tell that the first watcher came."""
        self._say(Begins(self._node, self._turn, device_id.bytes))

    def end(self, device_id: UUID) -> None:
        """Tell that the last watcher left."""
        self._say(Ends(self._node, device_id.bytes))

    def introduce(self) -> None:
        """Tell all that is watched here, and ask for what is watched elsewhere."""
        self.announce()
        self._say(Asks(self._node))

    def announce(self) -> None:
        """Tell all that is watched here."""
        self._turn += 1
        devices = [it.bytes for it in self._watched()]
        parts = [
            devices[it : it + _DEVICES_PER_MESSAGE] for it in range(0, len(devices), _DEVICES_PER_MESSAGE)
        ]
        for number, part in enumerate(parts or [[]], 1):
            is_last = number >= len(parts)
            self._say(Watches(self._node, self._turn, b"".join(part), is_last))

    def forget_silent(self) -> None:
        """Forget nodes that were not heard of for long."""
        now_s = self._clock_s()
        for node, neighbour in list(self._neighbours.items()):
            if now_s - neighbour.heard_at_s > FORGOTTEN_AFTER_S:
                self._forget(node)

    async def keep(self) -> None:
        """Announce and forget in time, until cancelled."""
        self.introduce()
        while True:
            await asyncio.sleep(ANNOUNCED_EVERY_S)
            self.announce()
            self.forget_silent()

    def close(self) -> None:
        """Tell the others that this node watches nothing any more."""
        if self._answering is not None:
            self._answering.cancel()
        for stop in self._stops:
            stop()
        self._say(Leaves(self._node))

    def _say(self, message: _Message) -> None:
        self._bus.publish(_SUBJECT, _encode(message))

    def _receive(self, encoded: bytes) -> None:
        message = _decode(encoded)
        if message.node == self._node:
            return
        neighbour = self._neighbours.setdefault(message.node, _Neighbour())
        neighbour.heard_at_s = self._clock_s()
        match message:
            case Begins(node, turn, device_id):
                self._add(node, turn, [UUID(bytes=device_id)])
            case Ends(node, device_id):
                self._drop(node, [UUID(bytes=device_id)])
            case Watches(node, turn, device_ids, is_last):
                self._add(node, turn, _ids(device_ids))
                if is_last:
                    self._drop(node, [it for it, said in neighbour.turns.items() if said < turn])
            case Asks():
                self._answer_soon()
            case Leaves(node):
                self._forget(node)

    def _answer_soon(self) -> None:
        """Answer all who ask at about the same time, as they do when NATS is back, at once."""
        if self._answering is None:
            self._answering = asyncio.get_running_loop().call_later(_ANSWERED_AFTER_S, self._answer)

    def _answer(self) -> None:
        self._answering = None
        self.announce()

    def _add(self, node: str, turn: int, device_ids: Collection[UUID] | Iterator[UUID]) -> None:
        turns = self._neighbours[node].turns
        for device_id in device_ids:
            if device_id not in turns:
                self._nodes[device_id] = (*self._nodes.get(device_id, ()), node)
            turns[device_id] = turn

    def _drop(self, node: str, device_ids: Collection[UUID]) -> None:
        turns = self._neighbours[node].turns
        for device_id in device_ids:
            if turns.pop(device_id, None) is None:
                continue
            left = tuple(it for it in self._nodes[device_id] if it != node)
            if left:
                self._nodes[device_id] = left
            else:
                del self._nodes[device_id]

    def _forget(self, node: str) -> None:
        self._drop(node, list(self._neighbours[node].turns))
        del self._neighbours[node]


def _ids(joined: bytes) -> Iterator[UUID]:
    for start in range(0, len(joined), _UUID_BYTES):
        yield UUID(bytes=joined[start : start + _UUID_BYTES])
