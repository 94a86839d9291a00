"""Finds what other nodes keep for a client that has come to this one: all are asked at once, and all answer.

A subscription for each session would cost as much as the session itself. So whoever connects is made known
to every node; those that come at the same moment share a message. Only a client that wants its session back
waits for the answers, and only where there are other nodes.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import NamedTuple
from uuid import UUID

import msgspec

from deedbox.cluster.bus import Bus

_SUBJECT = "deedbox.sessions.wanted"
#: A node that died a moment ago still counts as one that could answer.
_LONGEST_WAIT_S = 1.0
_MOST_CLIENTS_PER_MESSAGE = 1_000

Give = Callable[[UUID, str, bool], bytes | None]


class Client(msgspec.Struct, frozen=True, array_like=True):
    """A client that has come to a node; `is_wanted`: what was kept for it is to be sent there."""

    device_id: bytes
    client_id: str
    is_wanted: bool


class Came(msgspec.Struct, frozen=True, tag="came"):
    """Clients have come to this node. It wants an answer if it wants anything that was kept."""

    node: str
    turn: int
    clients: list[Client]


class Kept(msgspec.Struct, frozen=True, tag="kept"):
    """What was kept for one of the clients, by its place among them."""

    turn: int
    place: int
    state: bytes


class Answered(msgspec.Struct, frozen=True, tag="answered"):
    """A node has sent all that it kept."""

    node: str
    turn: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Came | Kept | Answered).decode


class _Asking(NamedTuple):
    client: Client
    answer: "asyncio.Future[bytes | None]"


class _Asked(NamedTuple):
    """Clients that other nodes were asked about, and who has not answered yet."""

    asking: list[_Asking]
    missing: set[str]


class BusSessionMoves:
    """Moves sessions between the nodes of a bus; `others` returns the names of those that were heard of."""

    def __init__(self, bus: Bus, node: str, others: Callable[[], Collection[str]]) -> None:
        self._bus = bus
        self._node = node
        self._others = others
        self._give: Give = _nothing
        self._turn = 0
        self._asking: list[_Asking] = []
        self._asked: dict[int, _Asked] = {}
        self._stops = [
            bus.subscribe(_SUBJECT, self._hear),
            bus.subscribe(_address(node), self._receive),
        ]

    @property
    def has_others(self) -> bool:
        """Tell whether there are other nodes, and whether they can be reached."""
        return self._bus.is_whole and bool(self._others())

    def give_by(self, give: Give) -> None:
        """Have `give(device id, client id, is wanted)` called when a client has come to another node.

        It ends the client's session and returns what is in it, None where there is none.
        """
        self._give = give

    def tell(self, device_id: UUID, client_id: str) -> None:
        """Have the client's sessions on other nodes ended."""
        self._ask(Client(device_id.bytes, client_id, False))

    async def take(self, device_id: UUID, client_id: str) -> bytes | None:
        """End the client's session on another node; return what is in it, None where there is none.

        Nodes that don't answer within a second are not waited for.
        """
        return await self._ask(Client(device_id.bytes, client_id, True))

    def close(self) -> None:
        """Answer nobody any more."""
        for stop in self._stops:
            stop()
        for turn in tuple(self._asked):
            self._end(turn)

    def _ask(self, client: Client) -> "asyncio.Future[bytes | None]":
        loop = asyncio.get_running_loop()
        asking = _Asking(client, loop.create_future())
        self._asking.append(asking)
        if len(self._asking) == 1:
            loop.call_soon(self._send)
        elif len(self._asking) >= _MOST_CLIENTS_PER_MESSAGE:
            self._send()
        return asking.answer

    def _send(self) -> None:
        asking, self._asking = self._asking, []
        if not asking:
            return
        self._turn += 1
        turn, missing = self._turn, set(self._others())
        # Before anybody can answer.
        self._asked[turn] = _Asked(asking, missing)
        self._bus.publish(_SUBJECT, _encode(Came(self._node, turn, [it.client for it in asking])))
        if missing and any(it.client.is_wanted for it in asking):
            asyncio.get_running_loop().call_later(_LONGEST_WAIT_S, self._end, turn)
        else:
            self._end(turn)

    def _hear(self, encoded: bytes) -> None:
        """Take what another node says about its clients, and answer."""
        came = _decode(encoded)
        if not isinstance(came, Came) or came.node == self._node:
            return
        for place, client in enumerate(came.clients):
            state = self._give(UUID(bytes=client.device_id), client.client_id, client.is_wanted)
            if state is not None:
                self._bus.publish(_address(came.node), _encode(Kept(came.turn, place, state)))
        if any(it.is_wanted for it in came.clients):
            self._bus.publish(_address(came.node), _encode(Answered(self._node, came.turn)))

    def _receive(self, encoded: bytes) -> None:
        match _decode(encoded):
            case Kept(turn, place, state):
                asked = self._asked.get(turn)
                if asked and not asked.asking[place].answer.done():
                    asked.asking[place].answer.set_result(state)
            case Answered(node, turn) if turn in self._asked:
                asked = self._asked[turn]
                asked.missing.discard(node)
                if not asked.missing:
                    self._end(turn)

    def _end(self, turn: int) -> None:
        asked = self._asked.pop(turn, None)
        if asked is not None:
            _give_up(asked.asking)


def _give_up(asking: list[_Asking]) -> None:
    for it in asking:
        if not it.answer.done():
            it.answer.set_result(None)


def _nothing(_device_id: UUID, _client_id: str, _is_wanted: bool) -> None:
    return None


def _address(node: str) -> str:
    return f"deedbox.sessions.{node}"
