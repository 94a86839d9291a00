"""Which devices are watched on other nodes: nodes announce what they watch, so that asking is a look-up.

Each tells at once when a first watcher comes and when the last leaves, and everything every ten seconds, when
it is asked, and when it was cut off. A node that is silent for half a minute is forgotten. Watchers who were
not counted for a moment miss a change at worst; `live.py` has them ask the database then, as it does while
somebody is silent without having said farewell: that node may still serve devices, and not reach this one.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator
from uuid import UUID

import msgspec

from deedbox.cluster.bus import Bus, Stop

ANNOUNCED_EVERY_S = 10.0
FORGOTTEN_AFTER_S = 30.0
#: Who is silent for so long is missed.
MISSED_AFTER_S = 15.0
#: And from then on for so long: most that do not come back by then were killed, not cut off.
MISSED_FOR_S = 300.0
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

    def __init__(self, heard_at_s: float) -> None:
        self.heard_at_s = heard_at_s
        self.turns: dict[UUID, int] = {}


class Interests:
    """What other nodes watch; `watched` returns what this one does. `clock_s` need not be anybody's time."""

    def __init__(
        self, bus: Bus, node: str, watched: Callable[[], Collection[UUID]], clock_s: Callable[[], float]
    ) -> None:
        #: Called when a node is there that may have told this one in vain.
        self.when_returned: Callable[[], None] = _nothing
        self._bus = bus
        self._node = node
        self._watched = watched
        self._clock_s = clock_s
        self._turn = 0
        self._neighbours: dict[str, _Neighbour] = {}
        #: When nodes were last heard that were forgotten without a farewell.
        self._missed: dict[str, float] = {}
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

    @property
    def misses_somebody(self) -> bool:
        """Tell whether a node that did not say farewell may be cut off."""
        now_s = self._clock_s()
        heard = [*self._missed.values(), *(it.heard_at_s for it in self._neighbours.values())]
        return any(MISSED_AFTER_S < now_s - it <= MISSED_FOR_S for it in heard)

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
                self._missed[node] = neighbour.heard_at_s
        for node, heard_at_s in list(self._missed.items()):
            if now_s - heard_at_s > MISSED_FOR_S:
                del self._missed[node]

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
        neighbour = self._heard(message.node)
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
                # It was away, were it for a moment: what it told meanwhile nobody heard.
                self.when_returned()
                self._answer_soon()
            case Leaves(node):
                self._forget(node)

    def _heard(self, node: str) -> _Neighbour:
        now_s = self._clock_s()
        neighbour = self._neighbours.setdefault(node, _Neighbour(now_s))
        was_silent = now_s - neighbour.heard_at_s > MISSED_AFTER_S
        neighbour.heard_at_s = now_s
        if self._missed.pop(node, None) is not None or was_silent:
            self.when_returned()
        return neighbour

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


def _nothing() -> None:
    pass


def _ids(joined: bytes) -> Iterator[UUID]:
    for start in range(0, len(joined), _UUID_BYTES):
        yield UUID(bytes=joined[start : start + _UUID_BYTES])
