"""What a request asks for: its path, its query, and what it says about observing and blocks."""

from deedbox.transports.coap.blocks import Block, Key, block
from deedbox.transports.coap.codes import Code
from deedbox.transports.coap.messages import Message, Number, Option, encoded_options

JSON_FORMAT, LINK_FORMAT, BINARY_FORMAT = 50, 40, 42
#: Observe as a request: begin, end.
_OBSERVED = (0, 1)
#: Formats of answers that clients may insist on: text, octets, JSON.
_ACCEPTED = (0, BINARY_FORMAT, JSON_FORMAT)
#: Understood and not needed: which of our names was meant.
_UNNEEDED = (Number.URI_HOST, Number.URI_PORT)
_ABOUT_BLOCKS = (Number.OBSERVE, Number.BLOCK1, Number.BLOCK2, Number.SIZE1, Number.SIZE2)


class Unacceptable(Exception):
    """The request can't be dealt with; `code` says why."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code = code


class Request:
    """One request. `observe` is None where nothing is said about it, `block1` and `block2` too."""

    __slots__ = ("block1", "block2", "code", "observe", "options", "path", "payload", "query")

    def __init__(self, message: Message) -> None:
        """Raises Unacceptable for options that have to be understood and are not."""
        self.code = message.code
        self.options = message.options
        self.payload = message.payload
        self.path: list[bytes] = []
        self.query: list[bytes] = []
        self.observe: int | None = None
        self.block1: Block | None = None
        self.block2: Block | None = None
        for option in message.options:
            if option[0] == 11:  # Uri-Path, by far the most frequent one
                self.path.append(option[1])
            else:
                self._take(option)

    @property
    def key(self) -> Key:
        """What blocks of the same body have in common."""
        return self.code, encoded_options(it for it in self.options if it[0] not in _ABOUT_BLOCKS)

    def names(self, parameter: bytes) -> list[str] | None:
        """Return a comma-separated query parameter as a list, None when it is absent or empty."""
        begins = parameter + b"="
        given = next((it[len(begins) :] for it in self.query if it.startswith(begins)), b"")
        return [it for it in given.decode("utf-8", "replace").split(",") if it] or None

    def _take(self, option: Option) -> None:
        number, value = option
        if number == Number.URI_QUERY:
            self.query.append(value)
        elif number == Number.OBSERVE:
            told = int.from_bytes(value, "big")
            self.observe = told if told in _OBSERVED else None
        elif number == Number.BLOCK1:
            self.block1 = _understood(value)
        elif number == Number.BLOCK2:
            self.block2 = _understood(value)
        elif number & 1 and number not in _UNNEEDED:
            _check(number, value)


def _check(number: int, value: bytes) -> None:
    """Raise Unacceptable for an option that has to be understood, unless it asks for what is done anyway."""
    if number in (Number.PROXY_URI, Number.PROXY_SCHEME):
        raise Unacceptable(Code.PROXYING_NOT_SUPPORTED)
    if number != Number.ACCEPT:
        raise Unacceptable(Code.BAD_OPTION)
    if int.from_bytes(value, "big") not in _ACCEPTED:
        raise Unacceptable(Code.NOT_ACCEPTABLE)


def _understood(value: bytes) -> Block:
    found = block(value)
    if found is None:
        raise Unacceptable(Code.BAD_REQUEST)
    return found
