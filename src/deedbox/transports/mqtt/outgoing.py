"""Messages to a client: those that wait for their turn, those on their way until they are acknowledged."""

from collections import deque
from collections.abc import Callable

from deedbox.transports.mqtt.packets import Publish

_HIGHEST_ID = 65_535


def nothing(_delivered: bool) -> None:
    """Do nothing when a message has reached its end."""


class Outbound:
    """A message and what to do at its end: `ended(True)` when the client has it, `ended(False)` if never."""

    __slots__ = ("ended", "payload", "qos", "topic")

    def __init__(self, topic: str, payload: bytes, qos: int, ended: Callable[[bool], None] = nothing) -> None:
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.ended = ended


class Outgoing:
    """What a session has to send. It outlives connections: what was not acknowledged is sent again."""

    __slots__ = ("_last_id", "_most_waiting", "_sent", "_waiting", "window")

    def __init__(self, most_waiting: int) -> None:
        #: How many messages with QoS 1 the client takes at a time.
        self.window = _HIGHEST_ID
        self._most_waiting = most_waiting
        self._waiting: deque[Outbound] = deque()
        self._sent: dict[int, Outbound] = {}
        self._last_id = 0

    def add(self, message: Outbound) -> bool:
        """Queue a message; False, and nothing is queued, when too many wait already."""
        if len(self._waiting) >= self._most_waiting:
            return False
        self._waiting.append(message)
        return True

    def take(self) -> list[Publish]:
        """Return what may be sent now."""
        ready: list[Publish] = []
        while self._waiting and (self._waiting[0].qos == 0 or len(self._sent) < self.window):
            message = self._waiting.popleft()
            packet_id = 0
            if message.qos:
                packet_id = self._free_id()
                self._sent[packet_id] = message
            else:
                message.ended(True)
            ready.append(Publish(message.topic, message.payload, message.qos, packet_id))
        return ready

    def acknowledge(self, packet_id: int) -> bool:
        """Take an acknowledgement; tell whether such a message was on its way."""
        message = self._sent.pop(packet_id, None)
        if message is None:
            return False
        message.ended(True)
        return True

    def again(self) -> list[Publish]:
        """Return what was sent over an earlier connection and not acknowledged, to be sent again."""
        return [
            Publish(it.topic, it.payload, it.qos, packet_id, False, True)
            for packet_id, it in self._sent.items()
        ]

    def end(self) -> None:
        """Give up all messages."""
        for message in [*self._sent.values(), *self._waiting]:
            message.ended(False)
        self._sent.clear()
        self._waiting.clear()

    def _free_id(self) -> int:
        while True:
            self._last_id = self._last_id % _HIGHEST_ID + 1
            if self._last_id not in self._sent:
                return self._last_id
