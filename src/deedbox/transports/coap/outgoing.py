"""What is sent to a peer and has to arrive: one message at a time, again and again until it is acknowledged.

Times are those of RFC 7252 §4.8: two to three seconds before the first repetition, each wait twice as long as
the one before, four repetitions.
"""

import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from deedbox.transports.coap.codes import MessageType
from deedbox.transports.coap.messages import Message, Option, encode

if TYPE_CHECKING:
    from deedbox.transports.coap.conversation import Conversation

_ACK_TIMEOUT_MS, _RANDOM_FACTOR = 2_000, 1.5
MOST_REPETITIONS = 4


def nothing(_is_delivered: bool) -> None:
    """Wait for no end."""


class Outbound(NamedTuple):
    """A message that has to arrive; `ended` hears once whether it did."""

    code: int
    token: bytes
    options: Sequence[Option]
    payload: bytes
    ended: Callable[[bool], None] = nothing


class Outgoing:
    """What one peer has not acknowledged yet."""

    __slots__ = ("_conversation", "_datagram", "_message_id", "_repetitions", "_timeout_ms", "_waiting")

    def __init__(self, conversation: "Conversation") -> None:
        self._conversation = conversation
        #: The first one is under way.
        self._waiting: deque[Outbound] = deque()
        self._datagram = b""
        self._message_id = -1
        self._repetitions = self._timeout_ms = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, outbound: Outbound) -> bool:
        """Send this when its turn comes; tell whether there is room for it."""
        if len(self._waiting) >= self._conversation.endpoint.context.settings.most_queued:
            return False
        self._waiting.append(outbound)
        self._go_on()
        return True

    def acknowledged(self, message_id: int, is_taken: bool) -> None:
        """Hear that the peer has taken a message, or does not know what it is about."""
        if message_id == self._message_id and self._waiting:
            self._end_first(is_taken)

    def is_due(self, message_id: int) -> None:
        """Send a message again that was not acknowledged in time; a peer that never does is gone."""
        if message_id != self._message_id or not self._waiting:
            return
        if self._repetitions == MOST_REPETITIONS:
            self.give_up()
            return
        self._repetitions += 1
        self._timeout_ms *= 2
        self._send_datagram()

    def give_up(self) -> None:
        """Send nothing any more."""
        self._message_id = -1
        given_up, self._waiting = self._waiting, deque()
        for it in given_up:
            it.ended(False)

    def withdraw(self, tokens: Sequence[bytes]) -> None:
        """Send nothing more to observers with these tokens."""
        if self._waiting and self._waiting[0].token in tokens:
            self._message_id = -1
        withdrawn = [it for it in self._waiting if it.token in tokens]
        self._waiting = deque(it for it in self._waiting if it.token not in tokens)
        for it in withdrawn:
            it.ended(False)
        self._go_on()

    def _end_first(self, is_delivered: bool) -> None:
        self._message_id = -1
        self._waiting.popleft().ended(is_delivered)
        self._go_on()

    def _go_on(self) -> None:
        if self._waiting and self._message_id < 0:
            self._send_first()

    def _send_first(self) -> None:
        first, self._message_id = self._waiting[0], self._conversation.new_message_id()
        message = Message(
            MessageType.CONFIRMABLE,
            first.code,
            self._message_id,
            first.token,
            list(first.options),
            first.payload,
        )
        self._datagram, self._repetitions = encode(message), 0
        # Not a secret: chance keeps peers that lost something together from repeating together.
        self._timeout_ms = int(_ACK_TIMEOUT_MS * random.uniform(1, _RANDOM_FACTOR))  # noqa: S311
        self._send_datagram()

    def _send_datagram(self) -> None:
        conversation = self._conversation
        conversation.peer.send(self._datagram)
        conversation.endpoint.repeat_after(self._timeout_ms, conversation, self._message_id)
