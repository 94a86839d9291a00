"""One peer's datagrams: which are new, which repeat others, which acknowledge ours. No socket, no clock."""

import random
from typing import TYPE_CHECKING

from deedbox.transports.coap.blocks import Bodies
from deedbox.transports.coap.codes import Code, MessageType
from deedbox.transports.coap.exchanges import Exchange, acknowledgement, reset, unavailable
from deedbox.transports.coap.familiar import Familiar, familiar
from deedbox.transports.coap.messages import NotUnderstood, decode, is_coap
from deedbox.transports.coap.outgoing import Outgoing
from deedbox.transports.coap.parties import Peer
from deedbox.transports.telemetry_batches import Sender

if TYPE_CHECKING:
    from deedbox.transports.coap.authenticating import Known
    from deedbox.transports.coap.endpoint import CoapEndpoint
    from deedbox.transports.coap.observing import Observation

#: RFC 7252's EXCHANGE_LIFETIME: for so long a message may be repeated.
EXCHANGE_LIFETIME_MS = 247_000
_MESSAGE_IDS = 0x10000
_LAST_METHOD = 0x1F
#: How far the moments that messages are given may run ahead of the clock, to keep them apart.
_MOST_AHEAD_MS = 600_000

#: When a request came, its digest, and the exchange while it has no answer, then what is sent to those that
#: repeat it, perhaps nothing; None where the request can be answered anew.
_Remembered = tuple[int, int, "Exchange | bytes | None"]


class Conversation:
    """What passes between a peer and the endpoint."""

    __slots__ = (
        "_bodies",
        "_familiar",
        "_last_at_ms",
        "_message_id",
        "_observations",
        "_outgoing",
        "_recent",
        "endpoint",
        "heard_at",
        "known",
        "peer",
        "sender",
        "under_way",
    )

    def __init__(self, endpoint: "CoapEndpoint", peer: Peer) -> None:
        self.endpoint = endpoint
        self.peer = peer
        self.heard_at = 0
        #: How many requests have no answer yet.
        self.under_way = 0
        #: The way of the device's telemetry, kept because it mostly sends more.
        self.sender: Sender | None = None
        #: Who the peer was a moment ago.
        self.known: Known | None = None
        self._last_at_ms = 0
        self._message_id = random.getrandbits(16)
        self._familiar: Familiar | None = None
        self._recent: dict[int, _Remembered] = {}
        self._outgoing: Outgoing | None = None
        self._bodies: Bodies | None = None
        #: By what the peer calls them; None for the many that observe nothing.
        self._observations: dict[bytes, Observation] | None = None

    @property
    def outgoing(self) -> Outgoing:
        """What is sent and has to arrive."""
        if self._outgoing is None:
            self._outgoing = Outgoing(self)
        return self._outgoing

    @property
    def bodies(self) -> Bodies:
        """What comes and goes in blocks."""
        if self._bodies is None:
            self._bodies = Bodies(self.endpoint.room)
            self.endpoint.note_bodies(self)
        return self._bodies

    @property
    def observations(self) -> "dict[bytes, Observation]":
        """What the peer observes."""
        if self._observations is None:
            self._observations = {}
        return self._observations

    @property
    def is_observing(self) -> bool:
        """Tell whether the peer observes anything."""
        return bool(self._observations)

    def receive(self, datagram: bytes, now_ms: int) -> None:
        """Take a datagram; what is no CoAP is ignored."""
        if not is_coap(datagram):
            return
        self.heard_at = now_ms
        message_type, message_id = datagram[0] >> 4 & 3, datagram[2] << 8 | datagram[3]
        if message_type > MessageType.NON_CONFIRMABLE:
            self._acknowledged(message_id, message_type == MessageType.ACKNOWLEDGEMENT)
        elif Code.EMPTY < datagram[1] <= _LAST_METHOD:
            self._request(datagram, message_id, now_ms)
        elif message_type == MessageType.CONFIRMABLE:
            self.peer.send(reset(message_id))  # a ping, or an answer to what was never asked

    def too_large(self, datagram: bytes, now_ms: int) -> None:
        """Refuse a datagram of which only the beginning was read."""
        token_length = datagram[0] & 0x0F if is_coap(datagram) else 15
        if token_length <= 8 and Code.EMPTY < datagram[1] <= _LAST_METHOD and datagram[0] & 0x20 == 0:
            self._request(datagram[: 4 + token_length], datagram[2] << 8 | datagram[3], now_ms, is_cut=True)

    def answered(self, exchange: Exchange, again: bytes | None) -> None:
        """Remember what to send again for an exchange that has ended; None: answer it anew."""
        self.under_way -= 1
        self.endpoint.answered(exchange)
        self._recent[exchange.message.message_id] = (exchange.arrived_at, exchange.digest, again)

    def new_message_id(self) -> int:
        """Return an id for a message that is no answer to one."""
        self._message_id = (self._message_id + 1) % _MESSAGE_IDS
        return self._message_id

    def moment(self, now_ms: int) -> int:
        """Return when telemetry came: a millisecond after what came before, so that neither is lost."""
        last_ms = self._last_at_ms
        self._last_at_ms = now_ms if last_ms < now_ms or last_ms > now_ms + _MOST_AHEAD_MS else last_ms + 1
        return self._last_at_ms

    def close(self) -> None:
        """Forget the peer, and all that it observes."""
        for it in tuple(self._observations.values()) if self._observations else ():
            it.end()
        if self._outgoing is not None:
            self._outgoing.give_up()
        if self._bodies is not None:
            self._bodies.close()
        self.endpoint.closed(self)

    def forget_bodies(self, moment: int) -> bool:
        """Forget bodies that nobody went on with since that moment; tell whether others are left."""
        return self._bodies is not None and self._bodies.forget_before(moment)

    def _acknowledged(self, message_id: int, is_taken: bool) -> None:
        if self._outgoing is not None:
            self._outgoing.acknowledged(message_id, is_taken)

    def _request(self, datagram: bytes, message_id: int, now_ms: int, *, is_cut: bool = False) -> None:
        digest, known = hash(datagram), self._recent.get(message_id)
        is_repeated = known is not None and known[1] == digest and now_ms - known[0] < EXCHANGE_LIFETIME_MS
        if known is not None and is_repeated and known[2] is not None:
            self._repeat(known[2], message_id)
            return
        known_request = self._familiar
        message = known_request.message(datagram, message_id) if known_request is not None else None
        try:
            exchange = Exchange(self, message or decode(datagram), digest, len(datagram), now_ms)
        except NotUnderstood:
            if not datagram[0] & 0x10:
                self.peer.send(reset(message_id))
            return
        self._remember(message_id, (now_ms, digest, exchange))
        if is_cut:
            exchange.answer(unavailable(Code.REQUEST_ENTITY_TOO_LARGE, None))
        elif known_request is not None and message is not None:
            known_request.explain(exchange)
            self.endpoint.take(exchange)
        else:
            self.endpoint.take(exchange)
            self._familiar = familiar(exchange, datagram)

    def _remember(self, message_id: int, what: _Remembered) -> None:
        recent = self._recent
        self.under_way += 1
        recent.pop(message_id, None)
        recent[message_id] = what
        if len(recent) > self.endpoint.context.settings.requests_per_peer:
            del recent[next(iter(recent))]

    def _repeat(self, answer: Exchange | bytes, message_id: int) -> None:
        """Answer a repetition as the first was answered; one whose answer is on its way needs nothing."""
        if isinstance(answer, bytes):
            if answer:
                self.peer.send(answer)
        elif answer.is_acknowledged:
            self.peer.send(acknowledgement(message_id))
