"""What a device's MQTT messages mean: topics to calls of the core, and back."""

from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from deedbox.core.attributes import Report
from deedbox.core.errors import InvalidValue, Refusal
from deedbox.transports.device_messages import NO_SERVER_SIDE
from deedbox.transports.mqtt import gateway_topics, pausing, topics
from deedbox.transports.mqtt.asking import EXPIRED, Asked, asked, checked_id, facts
from deedbox.transports.mqtt.connection import Connection
from deedbox.transports.mqtt.context import MqttContext
from deedbox.transports.mqtt.gateway_side import GatewaySide
from deedbox.transports.mqtt.outgoing import Outbound
from deedbox.transports.mqtt.properties import EMPTY, Properties
from deedbox.transports.mqtt.pushing import Pushing
from deedbox.transports.mqtt.reasons import Reason, reason_of
from deedbox.transports.mqtt.session import Session
from deedbox.transports.mqtt.settings import PACKET_OVERHEAD_BYTES
from deedbox.transports.payload_formats.manners import MqttManners
from deedbox.transports.rate_limits import Limiter
from deedbox.transports.session_limits import METHOD as SESSION_LIMITS
from deedbox.transports.session_limits import session_limits
from deedbox.transports.telemetry_batches import Sender

#: How far the moments that messages are given may run ahead of the clock, to keep them apart.
_MOST_AHEAD_MS = 600_000

Work = Callable[["DeviceSide", bytes, str, Asked], Coroutine[Any, Any, Properties]]
#: What to do, with a payload, the end of a topic, what it asks for, and its token until it is answered.
_Request = tuple[Work, bytes, str, Asked, int]


# Looked up once: it is used for each message.
_TELEMETRY = topics.TELEMETRY


class DeviceSide:
    """The meaning of one device's connection."""

    __slots__ = (
        "_connection",
        "_context",
        "_gateway",
        "_is_closed",
        "_last_at_ms",
        "_pushing",
        "_sender",
        "_session",
        "_under_way",
        "_waiting",
        "limiter",
    )

    def __init__(
        self,
        context: MqttContext,
        connection: Connection,
        session: Session,
        pushing: Pushing,
        limiter: Limiter | None,
    ) -> None:
        self._context = context
        self._connection = connection
        self._session = session
        self._pushing = pushing
        #: Holds the device to the limits of its tenant; None while there are none.
        self.limiter = limiter
        self._sender: Sender | None = None
        self._last_at_ms = 0
        #: None for the many that are no gateways.
        self._gateway: GatewaySide | None = None
        self._is_closed = False
        self._under_way = 0
        #: Requests beyond those under way, None while there were none.
        self._waiting: deque[_Request] | None = None

    def receive(self, topic: str, payload: bytes, token: int, properties: Properties = EMPTY) -> None:
        """Take a message of the device."""
        try:
            limiter = self.limiter
            if limiter is not None and len(payload) > limiter.tenant.most_payload_bytes:
                limiter.check_payload(len(payload))
            if topic == _TELEMETRY:
                self._telemetry(payload, token)
            else:
                self._other(topic, payload, asked(properties, self._context.clock_ms), token)
        except Refusal as refusal:
            self._refuse(token, refusal)

    def may_subscribe(self, topic_filter: str) -> bool:
        """Tell whether devices have something to hear there."""
        return (
            topics.is_offered(topic_filter)
            or topic_filter in gateway_topics.FILTERS
            or self._manners.offers_attributes(topic_filter)
        )

    def subscribed(self, topic_filter: str) -> None:
        """Begin to push what the device asked for."""
        self._pushing.begin(topic_filter)
        if self._gateway is not None:
            self._gateway.subscribed(topic_filter)

    def unsubscribed(self, topic_filter: str) -> None:
        """Push no more of that."""
        self._pushing.end(topic_filter)
        if self._gateway is not None:
            self._gateway.unsubscribed(topic_filter)

    def close(self) -> None:
        """Hear that the connection is over; a will may still come."""
        self._is_closed = True
        if self.limiter is not None:
            self.limiter.disconnect(self._connection)
        if self._gateway is not None:
            self._gateway.close()

    @property
    def _manners(self) -> MqttManners:
        return self._session.manners.mqtt

    def _telemetry(self, payload: bytes, token: int) -> None:
        connection, limiter = self._connection, self.limiter
        found = self._session.manners.mqtt.reader.telemetry_message(payload, self._moment())
        if limiter is not None:
            limiter.check_telemetry(1, found[2] if found else 0, connection.heard_at_ms)
        if found is None:
            connection.acknowledge(token)
            return
        message, names, _ = found
        sender = self._sender
        if sender is None:
            sender = self._sender = Sender(self._context.ingest, self._session.device_id)
        sender.add(message, names, connection.done, token)

    def _moment(self) -> int:
        """Return when a message came: a millisecond after the one before, so that neither is lost."""
        now_ms, last_ms = self._connection.heard_at_ms, self._last_at_ms
        if last_ms < now_ms or last_ms > now_ms + _MOST_AHEAD_MS:
            self._last_at_ms = now_ms
        else:
            self._last_at_ms = last_ms + 1
        return self._last_at_ms

    def _other(self, topic: str, payload: bytes, wish: Asked, token: int) -> None:
        if topic in gateway_topics.PUBLISHED:
            self._do((DeviceSide._speak, payload, topic, wish, token))
            return
        head, _, rest = topic.rpartition("/")
        work = _EXACT.get(topic) or _WITH_ID.get(head + "/")
        if work is None and self._manners.means_attributes(topic):
            work = DeviceSide._report
        if work is None:
            if self._manners.means_telemetry(topic):
                self._telemetry(payload, token)
            else:
                self._refuse_topic(topic, token)
            return
        if self.limiter is not None:
            self.limiter.check_message(self._connection.heard_at_ms)
        self._do((work, payload, rest, wish, token))

    def _do(self, request: _Request) -> None:
        """Deal with a request beside others; where there are many, one after the other."""
        if self._under_way < self._context.settings.most_inflight:
            self._under_way += 1
            self._pushing.run(self._work(request))
            return
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(request)
        self._connection.pause(pausing.BUSY)

    async def _work(self, request: _Request) -> None:
        try:
            await self._answer(*request)
            while self._waiting:
                await self._answer(*self._waiting.popleft())
        finally:
            self._under_way -= 1
            self._connection.resume(pausing.BUSY)

    def _refuse(self, token: int, refusal: Refusal) -> None:
        """Refuse a message; before MQTT 5 that ends the connection, unless the profile says otherwise."""
        is_kept = token and self._connection.level < 5 and self._manners.acknowledges_bad_payloads
        if is_kept and isinstance(refusal, InvalidValue):
            self._connection.acknowledge(token)
        else:
            self._connection.refuse(token, reason_of(refusal), refusal.message)

    def _refuse_topic(self, topic: str, token: int) -> None:
        """Tell an MQTT 5 device that nobody is there; others have no way to hear it, and stay."""
        if self._connection.level == 5:
            told = "Devices publish to v1/devices/me/telemetry, attributes, claim and their like only."
            self._connection.refuse(token, Reason.TOPIC_NAME_INVALID, told)
        else:
            self._connection.acknowledge(token)

    async def _answer(self, work: Work, payload: bytes, rest: str, wish: Asked, token: int) -> None:
        if wish.is_over(self._context.clock_ms()):
            self._connection.refuse(token, Reason.IMPLEMENTATION_SPECIFIC, EXPIRED)
            return
        try:
            told = await work(self, payload, rest, wish)
        except Refusal as refusal:
            self._refuse(token, refusal)
        except BaseException:
            self._connection.fail(Reason.UNSPECIFIED_ERROR, "Something went wrong here; it is in the log.")
            raise
        else:
            self._connection.acknowledge(token, told)

    async def _speak(self, payload: bytes, topic: str, _: Asked) -> Properties:
        """Speak for other devices; whether it may is found out with the first of its messages."""
        if self._gateway is None:
            parts = (self._context, self._connection, self._session, self._pushing)
            self._gateway = GatewaySide(*parts)
            if self._is_closed:
                self._gateway.close()
        return await self._gateway.receive(topic, payload, self._moment())

    async def _claim(self, payload: bytes, _: str, __: Asked) -> Properties:
        offer = self._manners.reader.claim_message(self._session.device_id, payload)
        announced = await self._context.messages.announce(offer)
        if self._connection.level != 5:
            return EMPTY  # nobody could read it
        if announced.refused is None:
            return facts(accepted=True, expiresAt=announced.expires_at)
        return facts(accepted=False, reason=announced.refused)

    async def _report(self, payload: bytes, _: str, __: Asked) -> Properties:
        values = self._manners.reader.attributes(payload)
        if values:
            await self._context.messages.report(Report(self._session.device_id, values))
        return EMPTY

    async def _read_attributes(self, payload: bytes, rest: str, wish: Asked) -> Properties:
        request_id = checked_id(rest)
        client, shared = self._manners.reader.attribute_request(payload)
        found = await self._context.messages.attributes(self._session.device_id, client, shared)
        answer = self._manners.writer.attribute_response(int(request_id), found)
        self._respond(topics.ATTRIBUTE_RESPONSE, request_id, wish, answer)
        return EMPTY

    async def _reply(self, payload: bytes, rest: str, _: Asked) -> Properties:
        command_id = int(checked_id(rest))
        reply = self._manners.reader.reply(payload)
        await self._context.exchange.reply(self._session.device_id, command_id, reply)
        return EMPTY

    async def _ask(self, payload: bytes, rest: str, wish: Asked) -> Properties:
        request_id, method = checked_id(rest), self._manners.reader.device_request(payload)
        answer: Mapping[str, Any] = NO_SERVER_SIDE
        if method == SESSION_LIMITS:
            answer = await self._session_limits()
        told = self._manners.writer.answer(int(request_id), answer)
        self._respond(topics.RPC_RESPONSE, request_id, wish, told)
        return EMPTY

    async def _session_limits(self) -> Mapping[str, Any]:
        settings, rates = self._context.settings, self._context.rate_limits
        tenant_id = await rates.tenant_of(self._session.device_id)
        limits = rates.limits_of(tenant_id or self._session.device_id)
        largest_bytes = settings.largest_packet_bytes - PACKET_OVERHEAD_BYTES
        is_gateway = await self._context.gateways.is_gateway(self._session.device_id)
        return session_limits(limits, largest_bytes, settings.most_inflight, is_gateway=is_gateway)

    def _respond(self, family: str, request_id: str, wish: Asked, answer: bytes) -> None:
        subscriptions, topic = self._session.subscriptions or {}, wish.topic_or(family + request_id, family)
        qos = subscriptions.get(family + "+", subscriptions.get(topic))
        if qos is not None:
            told = Outbound(topic, answer, qos, properties=wish.handed_back)
            told.expires_at = wish.expires_at
            self._session.send(told)


_EXACT: Mapping[str, Work] = {topics.CLAIM: DeviceSide._claim, topics.ATTRIBUTES: DeviceSide._report}
_WITH_ID: Mapping[str, Work] = {
    topics.ATTRIBUTE_REQUEST: DeviceSide._read_attributes,
    topics.RPC_RESPONSE: DeviceSide._reply,
    topics.RPC_REQUEST: DeviceSide._ask,
}
