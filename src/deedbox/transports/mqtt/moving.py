"""Sessions that move: a client that comes back to another node finds there what was kept for it."""

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

import msgspec

#: A message between nodes may not be longer than this: what does not fit any more stays behind.
MOST_BYTES = 384 * 1024

#: `give(device id, client id, is_wanted)` ends a session here and returns what is in it, if that is wanted.
Give = Callable[[UUID, str, bool], bytes | None]


class MovedMessage(msgspec.Struct, frozen=True, array_like=True):
    """A message to the client; `packet_id` is 0 where it was not sent yet.

    `lasts_ms` is how long it may still wait: nodes' clocks differ. None is for ever.
    """

    topic: str
    payload: bytes
    qos: int
    packet_id: int = 0
    lasts_ms: int | None = None
    response_topic: str | None = None
    correlation_data: bytes | None = None


class MovedSession(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a client; `changed` are names of attributes that it does not know of yet."""

    expiry_s: int
    subscriptions: dict[str, int]
    received: list[int]
    changed: list[str]
    messages: list[MovedMessage]


class SessionMoves(Protocol):
    """How nodes find each other's sessions."""

    @property
    def has_others(self) -> bool:
        """Tell whether there may be sessions on other nodes, and whether these can be reached."""
        ...

    def give_by(self, give: Give) -> None:
        """Have `give` called when a client has come to another node."""
        ...

    def tell(self, device_id: UUID, client_id: str) -> None:
        """Have the client's sessions on other nodes ended: it begins anew here."""
        ...

    async def take(self, device_id: UUID, client_id: str) -> bytes | None:
        """End the client's session on another node and return what is in it, None where there is none."""
        ...


class StayingSessions:
    """Sessions of a server that runs alone."""

    has_others = False

    def give_by(self, give: Give) -> None:
        """Never call it."""

    def tell(self, device_id: UUID, client_id: str) -> None:
        """Tell nobody."""

    async def take(self, device_id: UUID, client_id: str) -> bytes | None:
        """Find nothing."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(MovedSession).decode


def packed(session: MovedSession) -> bytes:
    """Return a session as bytes of at most `MOST_BYTES`: the last messages are left out if there are many."""
    room, fitting = MOST_BYTES - len(_encode(msgspec.structs.replace(session, messages=[]))), 0
    for it in session.messages:
        room -= len(_encode(it))
        if room < 0:
            break
        fitting += 1
    return _encode(msgspec.structs.replace(session, messages=session.messages[:fitting]))


def unpacked(state: bytes) -> MovedSession:
    """Return the session that these bytes hold. Raises msgspec.DecodeError."""
    return _decode(state)
