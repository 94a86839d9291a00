"""Bodies in blocks (RFC 7959): one block's place in its body, bodies that arrive, bodies that are fetched."""

from typing import NamedTuple

import msgspec

from deedbox.transports.coap.messages import unsigned

LARGEST_SIZE_EXPONENT = 6
LARGEST_BLOCK_BYTES = 1024
_LONGEST_OPTION = 3


class Block(NamedTuple):
    """What a Block1 or Block2 option says: the how-manieth block of which size, and whether more follow."""

    number: int
    is_more: bool
    size_exponent: int

    @property
    def size_bytes(self) -> int:
        """How long each block is but the last."""
        return 16 << self.size_exponent

    @property
    def begins_at(self) -> int:
        """Where in the body this block begins."""
        return self.number << self.size_exponent + 4

    def encoded(self) -> bytes:
        """Return the option's value."""
        return unsigned(self.number << 4 | self.is_more << 3 | self.size_exponent)


def block(value: bytes) -> Block | None:
    """Return what an option says, None for a value that no such option has."""
    told = int.from_bytes(value, "big")
    if len(value) > _LONGEST_OPTION or told & 7 > LARGEST_SIZE_EXPONENT:
        return None
    return Block(told >> 4, bool(told & 8), told & 7)


class Room:
    """How many bytes of bodies all peers together may have here."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self.taken_bytes = 0

    def take(self, count: int) -> bool:
        """Take room, if it is there."""
        if self.taken_bytes + count > self._most_bytes:
            return False
        self.taken_bytes += count
        return True

    def give_back(self, count: int) -> None:
        """Give room back."""
        self.taken_bytes -= count


#: What a body belongs to: the code of the request, and its options but those about blocks.
Key = tuple[int, bytes]


class Body(msgspec.Struct):
    """A part of a body that arrives, or all of one that is fetched."""

    key: Key
    content: bytes
    used_at: int
    #: With what code it is answered; of one that arrives: 0.
    code: int = 0


class Bodies:
    """One peer's bodies: one that arrives, one that is fetched. Newer ones take the place of older ones."""

    __slots__ = ("_arriving", "_fetched", "_room")

    def __init__(self, room: Room) -> None:
        self._room = room
        self._arriving: Body | None = None
        self._fetched: Body | None = None

    def arriving(self, key: Key) -> bytes | None:
        """Return what has arrived of this body."""
        body = self._arriving
        return body.content if body is not None and body.key == key else None

    def add(self, key: Key, content: bytes, now_ms: int) -> bool:
        """Keep what has arrived so far; tell whether there is room for it."""
        self.drop_arriving()
        if not self._room.take(len(content)):
            return False
        self._arriving = Body(key, content, now_ms)
        return True

    def drop_arriving(self) -> None:
        """Forget what has arrived."""
        self._give_back(self._arriving)
        self._arriving = None

    def keep(self, key: Key, code: int, content: bytes, now_ms: int) -> None:
        """Keep a body to be fetched block by block, if there is room for it."""
        self.drop_fetched()
        if self._room.take(len(content)):
            self._fetched = Body(key, content, now_ms, code)

    def fetched(self, key: Key, now_ms: int) -> Body | None:
        """Return a body that is being fetched."""
        body = self._fetched
        if body is None or body.key != key:
            return None
        body.used_at = now_ms
        return body

    def drop_fetched(self) -> None:
        """Forget the body that was fetched."""
        self._give_back(self._fetched)
        self._fetched = None

    def forget_before(self, moment: int) -> bool:
        """Forget what was used last before that; tell whether anything is left."""
        if self._arriving is not None and self._arriving.used_at < moment:
            self.drop_arriving()
        if self._fetched is not None and self._fetched.used_at < moment:
            self.drop_fetched()
        return self._arriving is not None or self._fetched is not None

    def close(self) -> None:
        """Forget everything."""
        self.drop_arriving()
        self.drop_fetched()

    def _give_back(self, body: Body | None) -> None:
        if body is not None:
            self._room.give_back(len(body.content))
