"""Messages to a client: those that wait for their turn, those on their way until they are acknowledged."""

from collections import deque
from collections.abc import Callable
from uuid import UUID

import msgspec

from deedbox.transports.mqtt.moving import MovedMessage
from deedbox.transports.mqtt.packets import Publish
from deedbox.transports.mqtt.properties import EMPTY, Properties

_HIGHEST_ID = 65_535
#: What a session may have to send, on its way included: a client that never acknowledges costs no more.
_MOST_BYTES = 1 << 20
#: What a message costs beside its payload.
_OVERHEAD_BYTES = 512


def nothing(_delivered: bool) -> None:
    """Do nothing when a message has reached its end."""


def until(lasts_ms: int | None, now_ms: int) -> int | None:
    """Return when something expires that lasts so long from now on; None for never."""
    return None if lasts_ms is None else now_ms + lasts_ms


class Outbound:
    """A message and what to do at its end: `ended(True)` when the client has it, `ended(False)` if never.

    `expires_at`: when it is not to be sent any more, in milliseconds of the session's clock. `properties` go
    along to clients of MQTT 5. `device_id`: the device behind a gateway that it is for, None for the client's
    own.
    """

    __slots__ = ("device_id", "ended", "expires_at", "payload", "properties", "qos", "topic")

    def __init__(
        self,
        topic: str,
        payload: bytes,
        qos: int,
        ended: Callable[[bool], None] = nothing,
        expires_at: int | None = None,
        properties: Properties = EMPTY,
    ) -> None:
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.ended = ended
        self.expires_at = expires_at
        self.properties = properties
        self.device_id: UUID | None = None

    def is_over(self, now_ms: int) -> bool:
        """Tell whether it has waited for too long."""
        return self.expires_at is not None and self.expires_at <= now_ms

    def packet(self, packet_id: int, now_ms: int, *, is_again: bool = False) -> Publish:
        """Return what is sent at this moment: with the time that is left (MQTT 5 §3.3.2.3.3)."""
        properties = self.properties
        if self.expires_at is not None:
            left_s = -((now_ms - self.expires_at) // 1000)
            properties = msgspec.structs.replace(properties, message_expiry_s=left_s)
        return Publish(self.topic, self.payload, self.qos, packet_id, False, is_again, properties)

    def moved(self, packet_id: int, now_ms: int) -> MovedMessage:
        """Return it for another node."""
        told, lasts_ms = self.properties, None if self.expires_at is None else self.expires_at - now_ms
        return MovedMessage(
            self.topic,
            self.payload,
            self.qos,
            packet_id,
            lasts_ms,
            told.response_topic,
            told.correlation_data,
        )

    @property
    def cost_bytes(self) -> int:
        """What it takes to keep this."""
        return len(self.payload) + _OVERHEAD_BYTES


class Outgoing:
    """What a session has to send. It outlives connections: what was not acknowledged is sent again."""

    __slots__ = ("_again", "_bytes", "_clock_ms", "_last_id", "_most_waiting", "_sent", "_waiting", "window")

    def __init__(self, most_waiting: int, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        #: How many messages with QoS 1 the client takes at a time.
        self.window = _HIGHEST_ID
        self._most_waiting = most_waiting
        self._waiting: deque[Outbound] = deque()
        self._sent: dict[int, Outbound] = {}
        #: Ids of those in `_sent` that the present connection has not seen yet, the next one last.
        self._again: list[int] = []
        self._last_id = 0
        self._bytes = 0

    def add(self, message: Outbound) -> bool:
        """Queue a message; False, and nothing is queued, when too much is there already."""
        is_too_much = self._bytes and self._bytes + message.cost_bytes > _MOST_BYTES
        if is_too_much or len(self._waiting) >= self._most_waiting:
            return False
        self._bytes += message.cost_bytes
        self._waiting.append(message)
        return True

    def take(self) -> list[Publish]:
        """Return what may be sent now, first what was sent over an earlier connection.

        What has expired is given up, even if it was sent before: a command that comes late may do harm.
        """
        ready, now_ms = [], self._clock_ms()
        while self._again and self._has_room():
            packet_id = self._again.pop()
            it = self._sent[packet_id]
            if it.is_over(now_ms):
                del self._sent[packet_id]
                self._give_up(it)
            else:
                ready.append(it.packet(packet_id, now_ms, is_again=True))
        while self._waiting and not self._again and (self._waiting[0].qos == 0 or self._has_room()):
            it = self._waiting.popleft()
            if it.is_over(now_ms):
                self._give_up(it)
            else:
                ready.append(it.packet(self._sent_as(it), now_ms))
        return ready

    def acknowledge(self, packet_id: int) -> bool:
        """Take an acknowledgement; tell whether such a message was on its way."""
        message = self._sent.pop(packet_id, None)
        if message is None:
            return False
        self._bytes -= message.cost_bytes
        if packet_id in self._again:
            self._again.remove(packet_id)
        message.ended(True)
        return True

    def begin_again(self) -> None:
        """Send what was not acknowledged again, before anything else: the client has a new connection."""
        self._again = list(reversed(self._sent))

    def move_out(self) -> list[MovedMessage]:
        """Give all messages away, those on their way first; they have not ended."""
        now_ms = self._clock_ms()
        moved = [it.moved(packet_id, now_ms) for packet_id, it in self._sent.items()]
        moved += [it.moved(0, now_ms) for it in self._waiting]
        self._sent.clear()
        self._again.clear()
        self._waiting.clear()
        self._bytes = 0
        return moved

    def settle_in(self, message: Outbound, packet_id: int) -> None:
        """Take a message that was given away elsewhere; those with a packet id come first."""
        self._bytes += message.cost_bytes
        if packet_id:
            self._sent[packet_id] = message
            self._last_id = packet_id
        else:
            self._waiting.append(message)

    def withdraw(self, device_id: UUID | None = None) -> None:
        """Give up what somebody waits for, or only what is for this device behind a gateway.

        What was sent of it already is not sent again.
        """

        def is_meant(it: Outbound) -> bool:
            return it.ended is not nothing and device_id in (None, it.device_id)

        waiting = [it for it in self._waiting if is_meant(it)]
        sent = {packet_id: it for packet_id, it in self._sent.items() if is_meant(it)}
        self._waiting = deque(it for it in self._waiting if not is_meant(it))
        self._sent = {packet_id: it for packet_id, it in self._sent.items() if packet_id not in sent}
        self._again = [it for it in self._again if it not in sent]
        for message in [*sent.values(), *waiting]:
            self._give_up(message)

    def withdraw_behind(self) -> None:
        """Give up what is for devices behind the client, sent or not: whoever asked for it may ask again."""
        for device_id in {it.device_id for it in [*self._sent.values(), *self._waiting]} - {None}:
            self.withdraw(device_id)

    def end(self) -> None:
        """Give up all messages."""
        for message in [*self._sent.values(), *self._waiting]:
            message.ended(False)
        self._sent.clear()
        self._again.clear()
        self._waiting.clear()
        self._bytes = 0

    def _has_room(self) -> bool:
        return len(self._sent) - len(self._again) < self.window

    def _give_up(self, message: Outbound) -> None:
        self._bytes -= message.cost_bytes
        message.ended(False)

    def _sent_as(self, message: Outbound) -> int:
        """Return the packet id that a message gets, 0 where its end is that it was sent."""
        packet_id = 0
        if message.qos:
            packet_id = self._free_id()
            self._sent[packet_id] = message
        else:
            self._bytes -= message.cost_bytes
            message.ended(True)
        return packet_id

    def _free_id(self) -> int:
        while True:
            self._last_id = self._last_id % _HIGHEST_ID + 1
            if self._last_id not in self._sent:
                return self._last_id
