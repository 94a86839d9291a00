"""What a gateway's MQTT messages mean: one message about many devices, answered once all of it is stored."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from deedbox.core.attributes import Report
from deedbox.core.errors import InvalidValue, NotPermitted
from deedbox.core.gateways import NotSpokenFor
from deedbox.transports import payloads
from deedbox.transports.mqtt import gateway_topics
from deedbox.transports.mqtt.connection import Connection
from deedbox.transports.mqtt.context import MqttContext
from deedbox.transports.mqtt.gateway_answers import Gathering, Outcome
from deedbox.transports.mqtt.gateway_children import Child, Children
from deedbox.transports.mqtt.outgoing import Outbound
from deedbox.transports.mqtt.properties import EMPTY, Properties
from deedbox.transports.mqtt.pushing import Pushing
from deedbox.transports.mqtt.reasons import Reason
from deedbox.transports.mqtt.session import Session
from deedbox.transports.payload_formats.formats import GatewayReader
from deedbox.transports.rate_limits import Limiter

Handler = Callable[["GatewaySide", bytes, int], Awaitable[Properties]]


class GatewaySide:
    """The meaning of one gateway's connection, beside that of a device's."""

    def __init__(
        self, context: MqttContext, connection: Connection, session: Session, pushing: Pushing
    ) -> None:
        self._context = context
        self._connection = connection
        self._session = session
        self._children = Children(context, session, pushing, self._tell_dropped)
        self._most = context.settings.most_gateway_entries

    async def receive(self, topic: str, payload: bytes, at_ms: int) -> Properties:
        """Take a message that came at that moment; return what its acknowledgement says. Raises Refusal."""
        try:
            await self._children.check_gateway()
            return await _HANDLERS[topic](self, payload, at_ms)
        except NotPermitted:
            if self._connection.level == 5:
                raise
            return EMPTY  # before MQTT 5 there is only closing, and a repeated message would close again

    def subscribed(self, topic: str) -> None:
        """Begin to push what the gateway asked for."""
        self._children.subscribed(topic)

    def unsubscribed(self, topic: str) -> None:
        """Push no more of that."""
        self._children.unsubscribed(topic)

    def close(self) -> None:
        """Hear that the connection is over: the gateway's devices are gone with it."""
        self._children.close()

    @property
    def _reader(self) -> GatewayReader:
        return self._session.manners.mqtt.gateway_reader

    async def _connect(self, payload: bytes, _: int) -> Properties:
        name, kind = self._reader.device_named(payload)
        return (await self._entered({name: kind}))[1].answer(self._connection.level)

    async def _disconnect(self, payload: bytes, _: int) -> Properties:
        self._children.leave(self._reader.device_named(payload)[0])
        return EMPTY

    async def _telemetry(self, payload: bytes, at_ms: int) -> Properties:
        found = self._reader.measurements(payload, self._most)
        children, outcome = await self._entered(dict.fromkeys(found, ""))
        told = outcome.read(children, lambda child: payloads.telemetry_message(found[child.name], at_ms))
        there = [(child, *it) for child, it in told if it is not None]
        for child, _, _, count in there:
            if limiter := self._limiter_of(child):
                limiter.check_telemetry(1, count, self._connection.heard_at_ms)
        gathering = Gathering(len(there))
        for child, message, names, _ in there:
            try:
                child.sender.add(message, names, gathering.done, child.name)
            except InvalidValue as refusal:
                gathering.done(child.name, refusal)
        outcome.refuse_all(await gathering.refusals())
        return outcome.answer(self._connection.level)

    async def _report(self, payload: bytes, _: int) -> Properties:
        found = self._reader.reports(payload, self._most)
        children, outcome = await self._entered(dict.fromkeys(found, ""))
        told = outcome.read(children, lambda child: payloads.attributes(found[child.name]))
        self._check_limits([child for child, _ in told])
        there = [(child, Report(child.id, values)) for child, values in told if values]
        # Those that wait together are stored together.
        answers = await asyncio.gather(
            *(self._context.messages.report(it) for _, it in there), return_exceptions=True
        )
        refusals = {child.name: it for (child, _), it in zip(there, answers, strict=True) if it is not None}
        outcome.refuse_all(refusals)
        return outcome.answer(self._connection.level)

    async def _claim(self, payload: bytes, _: int) -> Properties:
        found = self._reader.claims(payload, self._most)
        children, outcome = await self._entered(dict.fromkeys(found, ""))
        told = outcome.read(children, lambda child: payloads.claim_message(child.id, found[child.name]))
        self._check_limits([child for child, _ in told])
        offers = [it for _, it in told]
        answers = await self._context.gateways.announce(self._session.device_id, offers) if offers else []
        for (child, _offer), answer in zip(told, answers, strict=True):
            if answer is None:
                self._children.leave(child.name)
                outcome.refuse(child.name, NotSpokenFor.NOT_ITS_DEVICE)
            elif answer.refused is not None:
                outcome.refuse(child.name, answer.refused)
        return outcome.answer(self._connection.level, always=True)

    async def _read_attributes(self, payload: bytes, _: int) -> Properties:
        asked = self._reader.attribute_request(payload)
        children, outcome = await self._entered({asked.device: ""})
        for child in children.values():
            self._check_limits([child])
            found = await self._context.messages.attributes(child.id, asked.client, asked.shared)
            answer = self._session.manners.mqtt.gateway_writer.attribute_response(asked, found)
            self._send(gateway_topics.ATTRIBUTE_RESPONSE, answer)
        return outcome.answer(self._connection.level)

    async def _reply(self, payload: bytes, _: int) -> Properties:
        reply = self._reader.reply(payload)
        children, outcome = await self._entered({reply.device: ""})
        for child in children.values():
            self._check_limits([child])
            await self._context.exchange.reply(child.id, reply.command_id, reply.data)
        return outcome.answer(self._connection.level)

    async def _entered(self, wishes: Mapping[str, str]) -> tuple[dict[str, Child], Outcome]:
        found = await self._children.find(wishes)
        return found.children, Outcome(len(found.children), found.refused)

    def _check_limits(self, children: list[Child]) -> None:
        for child in children:
            if limiter := self._limiter_of(child):
                limiter.check_message(self._connection.heard_at_ms)

    def _limiter_of(self, child: Child) -> Limiter | None:
        rates = self._context.rate_limits
        if not rates.is_limiting:
            return None
        return rates.limiter_behind(self._session.device_id, child.id, child.tenant_id)

    def _tell_dropped(self, name: str) -> None:
        """Tell a gateway that can hear it that a device was taken from it."""
        if self._connection.level == 5:
            told = self._session.manners.mqtt.gateway_writer.dropped(name, Reason.NOT_AUTHORIZED)
            self._send(gateway_topics.DISCONNECT, told)

    def _send(self, topic: str, payload: bytes) -> None:
        qos = (self._session.subscriptions or {}).get(topic)
        if qos is not None:
            self._session.send(Outbound(topic, payload, qos))


_HANDLERS: Mapping[str, Handler] = {
    gateway_topics.CONNECT: GatewaySide._connect,
    gateway_topics.DISCONNECT: GatewaySide._disconnect,
    gateway_topics.TELEMETRY: GatewaySide._telemetry,
    gateway_topics.ATTRIBUTES: GatewaySide._report,
    gateway_topics.ATTRIBUTE_REQUEST: GatewaySide._read_attributes,
    gateway_topics.RPC: GatewaySide._reply,
    gateway_topics.CLAIM: GatewaySide._claim,
}
