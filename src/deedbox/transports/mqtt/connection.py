"""One connection of a client: MQTT without socket and clock. Bytes go in, calls and bytes come out.

Every message is acknowledged in the order in which it came (MQTT 5 §4.6), however long each takes.
"""

import sys
from struct import Struct

from deedbox.core.errors import Refusal
from deedbox.transports.mqtt import encoding, handshakes, pausing
from deedbox.transports.mqtt.answering import QOS_2, Unanswered
from deedbox.transports.mqtt.decoding import Decoder
from deedbox.transports.mqtt.fitting import NO_LIMIT, fitting, put_messages
from deedbox.transports.mqtt.handling import handle
from deedbox.transports.mqtt.incoming import take_message
from deedbox.transports.mqtt.packets import Connect, Packet, Publish, Will
from deedbox.transports.mqtt.parties import Application, Host, Link
from deedbox.transports.mqtt.properties import EMPTY, Properties
from deedbox.transports.mqtt.reasons import Reason, connack_reason, reason_of
from deedbox.transports.mqtt.session import Session
from deedbox.transports.mqtt.topic_aliases import TopicAliases

_puback, _PUBACK_OF_TWO_BYTES = Struct(">HH").pack, 0x4002
#: A client may not send faster than it is let in.
_MOST_HELD = 100


class Connection:
    """The server's end of one connection.

    `heard_at_ms` is when the last bytes came, `spoke_at_ms` when the last packet ended or began.
    """

    __slots__ = (
        "_decoder",
        "_held",
        "_host",
        "_is_opening",
        "_out",
        "_paused_for",
        "_reports_problems",
        "_will",
        "aliases",
        "application",
        "heard_at_ms",
        "is_closed",
        "keep_alive_s",
        "largest_out",
        "link",
        "most_inflight",
        "most_unanswered",
        "session",
        "spoke_at_ms",
        "unanswered",
        "watched_s",
    )

    def __init__(self, link: Link, host: Host, largest_packet_bytes: int) -> None:
        self.link = link
        self._host = host
        self.most_inflight = host.most_inflight
        self._decoder = Decoder(largest_packet_bytes)
        self.application: Application | None = None
        self._held: list[Packet] | None = None
        self._is_opening = False
        self._paused_for = 0
        #: What is to be sent; None while nothing is, as for most connections most of the time.
        self._out: list[bytes] | None = None
        #: The client takes no longer packets.
        self.largest_out = NO_LIMIT
        self.unanswered: Unanswered | None = None
        #: MQTT 5 clients are told how many messages may be unanswered, and held to it.
        self.most_unanswered = sys.maxsize
        self.aliases: TopicAliases | None = None
        self._reports_problems = True
        self._will: Will | None = None
        self.session: Session | None = None
        self.keep_alive_s = 0
        self.heard_at_ms = self.spoke_at_ms = 0
        #: The second in which to look whether it is silent, 0 for never.
        self.watched_s = 0
        self.is_closed = False

    @property
    def level(self) -> int:
        """The version: 3 (MQTT 3.1), 4 (3.1.1) or 5; 0 before CONNECT."""
        return self._decoder.level

    @property
    def longest_expiry_s(self) -> int:
        """For how long a session is kept at most."""
        return self._host.longest_expiry_s

    def receive(self, data: bytes, now_ms: int) -> None:
        """Take what the client sent."""
        self.heard_at_ms = now_ms
        packets = self._decoder.feed(data)
        # Where all that waits came just now, a packet has begun.
        if packets or self._decoder.buffered_bytes == len(data):
            self.spoke_at_ms = now_ms
        if self.application is None:
            self._before_open(packets)
        else:
            self._take(packets)
        if self._decoder.failure is not None and not self.is_closed and not self._is_opening:
            self.fail(self._decoder.failure.reason, self._decoder.failure.message)
        if self._out:
            self.flush()

    def accept(
        self,
        session: Session,
        application: Application,
        *,
        is_resumed: bool,
        connect: Connect,
        properties: Properties,
    ) -> None:
        """Let the client in; then what it sent meanwhile counts, and what waits for it is sent."""
        self.session, self.application, self._is_opening = session, application, False
        self._will = connect.will
        if self.level == 5:
            self.most_unanswered = self.most_inflight
        if properties.topic_alias_maximum:
            self.aliases = TopicAliases(properties.topic_alias_maximum)
        self.put(encoding.connack(self.level, is_resumed, Reason.SUCCESS, properties))
        self.send(session.resume())
        held, self._held = self._held or [], None
        self._take(held)
        if self._decoder.failure is not None and not self.is_closed:
            self.fail(self._decoder.failure.reason, self._decoder.failure.message)
        self.resume(pausing.NOT_OPEN)
        self.flush()

    def reject(self, reason: int, message: str) -> None:
        """Answer CONNECT with a refusal and close."""
        if self.is_closed:
            return
        self._host.note_refusal("connect", reason)
        level, reason = self.level or 4, connack_reason(reason)
        told = Properties(reason_string=message)
        self.put(fitting(lambda it: encoding.connack(level, False, reason, it), told, self.largest_out))
        self._close()

    def send(self, messages: list[Publish]) -> None:
        """Send messages to the client; those that it has no room for are as good as sent."""
        while messages and self.session is not None:
            acknowledged = [self.session.outgoing.acknowledge(it) for it in put_messages(self, messages)]
            messages = self.session.outgoing.take() if acknowledged else []

    def done(self, token: int, refusal: Refusal | None) -> None:
        """Acknowledge a message, or refuse it."""
        if refusal is not None:
            self.refuse(token, reason_of(refusal), refusal.message)
            return
        # What a server does all day: answer a message with QoS 1 whose turn it is.
        unanswered = self.unanswered
        if self._paused_for or self.is_closed or unanswered is None or not unanswered.take(token):
            self.acknowledge(token)
            return
        out = self._out
        if out is None:
            out = self._begin_out()
        out.append(_puback(_PUBACK_OF_TWO_BYTES, token))

    def acknowledge(self, token: int, properties: Properties = EMPTY) -> None:
        """Tell the client that its message is stored; `properties` only to those who can read them."""
        if not token or self.is_closed:
            return
        if properties is not EMPTY:
            self._tell(token, Reason.SUCCESS, properties)
        elif token < QOS_2:
            self._answer(token, encoding.puback(token))
        else:
            self._answer(token, encoding.pubrec(token ^ QOS_2))

    def refuse(self, token: int, reason: int, message: str) -> None:
        """Tell the client that its message was not taken: before MQTT 5 there is only closing."""
        if self.is_closed:
            return
        if self.level != 5:
            self.fail(reason, message)
        elif token:
            self._host.note_refusal("message", reason)
            handshakes.refuse(self, token)
            self._tell(token, reason, Properties(reason_string=message))

    def _tell(self, token: int, reason: int, properties: Properties) -> None:
        """Answer a message, with an explanation if the client can read it and wants it."""
        told = properties if self.level == 5 and self._reports_problems else EMPTY
        write, packet_id = encoding.pubrec if token & QOS_2 else encoding.puback, token & 0xFFFF
        self._answer(token, fitting(lambda it: write(packet_id, reason, it), told, self.largest_out))

    def fail(self, reason: int, message: str) -> None:
        """End the connection because of what the client did, or of what happened here."""
        if self.is_closed:
            return
        if self.application is None:
            if self.level:
                self.reject(reason, message)
        else:
            self._host.note_refusal("connection", reason)
            if self.level == 5:
                told = Properties(reason_string=message)
                self.put(fitting(lambda it: encoding.disconnect(5, reason, it), told, self.largest_out))
        self._close()

    def pause(self, why: int) -> None:
        """Take no more from the client until `resume`; `why` is one of `pausing`."""
        if not self._paused_for:
            self.link.pause_reading()
        self._paused_for |= why

    def resume(self, why: int) -> None:
        """Go on taking, if this was the only reason not to."""
        if self._paused_for == why and not self.is_closed:
            self.link.resume_reading()
        self._paused_for &= ~why

    def lost(self) -> None:
        """Hear that the connection is gone."""
        if not self.is_closed:
            self._close()

    def flush(self) -> None:
        """Send what is to be sent."""
        out, self._out = self._out, None
        if out:
            self.link.write(out[0] if len(out) == 1 else b"".join(out))

    def _before_open(self, packets: list[Packet]) -> None:
        if self._is_opening:
            self._hold(packets)
        elif packets and isinstance(packets[0], Connect):
            self._is_opening = True
            wishes = packets[0].properties
            self._reports_problems = wishes.request_problem_information != 0
            self.largest_out = wishes.maximum_packet_bytes or NO_LIMIT
            self._host.open(self, packets[0])
            if self.application is not None:
                self._take(packets[1:])
            elif not self.is_closed:
                self._hold(packets[1:])
        elif packets:
            self._close()  # the first packet must be CONNECT: whoever speaks is no client

    def _hold(self, packets: list[Packet]) -> None:
        """Keep what comes before the answer to CONNECT."""
        self._held = (self._held or []) + packets
        if len(self._held) >= _MOST_HELD:
            self.pause(pausing.NOT_OPEN)

    def _take(self, packets: list[Packet]) -> None:
        for packet in packets:
            if type(packet) is Publish:
                take_message(self, packet)
            else:
                handle(self, packet)
            if self.is_closed:
                return
        if self.unanswered is not None and len(self.unanswered.tokens) >= self.most_inflight:
            self.pause(pausing.UNANSWERED)

    def _answer(self, token: int, answer: bytes) -> None:
        unanswered = self.unanswered
        if unanswered is None:
            return
        unanswered.answer(token, answer, self._begin_out() if self._out is None else self._out)
        if self._paused_for and len(unanswered) * 2 <= self.most_inflight:
            self.resume(pausing.UNANSWERED)

    def put(self, data: bytes) -> None:
        """Send bytes when the present moment's work is done."""
        out = self._begin_out() if self._out is None else self._out
        out.append(data)

    def _begin_out(self) -> list[bytes]:
        """Return where to put what is to be sent by the end of this moment."""
        self._host.wants_flush(self)
        out: list[bytes] = []
        self._out = out
        return out

    def leave(self, *, with_will: bool) -> None:
        """End the connection because the client says good-bye."""
        if not with_will:
            self._will = None
        self._close()

    def _close(self) -> None:
        if self.is_closed:
            return
        self.flush()
        self.is_closed = True
        if self.unanswered:
            handshakes.give_up(self.session, self.unanswered.tokens)
        self.link.close()
        self._host.closed(self, self._will)
