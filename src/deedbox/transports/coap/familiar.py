"""What a peer asked for last: devices mostly ask for the same again, and then little is left to be read."""

from typing import TYPE_CHECKING, Any

from deedbox.transports.coap.codes import Code, MessageType
from deedbox.transports.coap.messages import Message, Option
from deedbox.transports.coap.requests import Request

if TYPE_CHECKING:
    from deedbox.transports.coap.exchanges import Exchange

#: What is posted there is answered in few bytes, so that nobody asks for the request's options again.
_POSTED = frozenset(("telemetry", "claim", "attributes"))
_NO_OPTIONS: list[Option] = []
_PLAIN = Request(Message(MessageType.CONFIRMABLE, Code.POST, 0))
_HEADER_BYTES, _LONGEST_TOKEN = 4, 8


class Familiar:
    """A request's options as they came, with the marker of the payload behind them, and what they mean."""

    __slots__ = ("_access_token", "_feature", "_options", "_work")

    def __init__(self, options: bytes, work: Any, access_token: str, feature: str) -> None:
        self._options = options
        self._work = work
        self._access_token = access_token
        self._feature = feature

    def message(self, datagram: bytes, message_id: int) -> Message | None:
        """Return the message in a datagram with the same options, None for any other."""
        begin = _HEADER_BYTES + (datagram[0] & 0x0F)
        end = begin + len(self._options)
        if datagram[1] != Code.POST or end >= len(datagram) or begin > _HEADER_BYTES + _LONGEST_TOKEN:
            return None
        if datagram[begin:end] != self._options:
            return None
        token = datagram[_HEADER_BYTES:begin]
        return Message(datagram[0] >> 4 & 3, Code.POST, message_id, token, _NO_OPTIONS, datagram[end:])

    def explain(self, exchange: "Exchange") -> None:
        """Say what the request asks for."""
        exchange.request = _PLAIN
        exchange.work = self._work
        exchange.access_token, exchange.feature = self._access_token, self._feature


def familiar(exchange: "Exchange", datagram: bytes) -> Familiar | None:
    """Return what to remember of a request that was read; None where the next one may well be another."""
    message, request = exchange.message, exchange.request
    is_posted = message.code == Code.POST and exchange.feature in _POSTED and not exchange.rest
    if request is None or not is_posted or request.block1 or request.block2 or not message.payload:
        return None
    options = datagram[_HEADER_BYTES + len(message.token) : len(datagram) - len(message.payload)]
    return Familiar(options, exchange.work, exchange.access_token, exchange.feature)
