"""What is pushed to a device that has subscribed: commands, and changes of its shared attributes.

It goes on while the device is away and its session is kept: changes are collected meanwhile, commands wait
where they came from.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from deedbox.core.errors import InvalidValue, Refusal
from deedbox.core.live import Stop
from deedbox.core.rpc import Delivery
from deedbox.transports.mqtt import topics
from deedbox.transports.mqtt.asking import reply_wanted
from deedbox.transports.mqtt.context import MqttContext
from deedbox.transports.mqtt.moving import MovedMessage, MovedSession
from deedbox.transports.mqtt.outgoing import Outbound, nothing, until
from deedbox.transports.mqtt.properties import Properties
from deedbox.transports.mqtt.session import Session
from deedbox.transports.payload_formats.commands import answer_unfit, told_command


class Pushing:
    """What is pushed to one session. Its tasks are kept from being collected in `tasks`, shared by all."""

    __slots__ = ("_changed", "_context", "_is_sending", "_session", "_stops", "_tasks")

    def __init__(self, context: MqttContext, session: Session, tasks: set[asyncio.Task[None]]) -> None:
        self._context = context
        self._session = session
        self._tasks = tasks
        self._stops: dict[str, Stop] | None = None
        self._changed: set[str] | None = None
        self._is_sending = False

    def begin(self, topic_filter: str) -> None:
        """Push what this filter is for, if it is not being pushed already."""
        if self._stops is None:
            self._stops = {}
        device_id, what = self._session.device_id, self._meant_by(topic_filter)
        if what in self._stops:
            return
        if what == topics.COMMANDS:
            self._stops[what] = self._context.exchange.attach(device_id, self._command)
        elif what == topics.ATTRIBUTES:
            self._stops[what] = self._context.attribute_changes.attach(device_id, self._attributes)

    def end(self, topic_filter: str) -> None:
        """Push no more of what this filter was for, unless there is another one for it."""
        what = self._meant_by(topic_filter)
        if what not in map(self._meant_by, self._session.subscriptions or ()):
            self._end(what)

    def _end(self, what: str) -> None:
        stop = (self._stops or {}).pop(what, None)
        if stop is not None:
            stop()

    def _meant_by(self, topic_filter: str) -> str:
        """Return the filter of the device API that this one stands for: a profile may have another one."""
        if self._session.manners.mqtt.offers_attributes(topic_filter):
            return topics.ATTRIBUTES
        return topic_filter

    def resumed(self) -> None:
        """Hear that the device has come back: commands go to it again, and changes that it has missed."""
        for topic_filter in self._session.subscriptions or ():
            self.begin(topic_filter)
        if self._changed and not self._is_sending:
            self.run(self._send_attributes())

    def away(self) -> None:
        """Hear that the device is away: commands wait, or go to another session of it."""
        self._end(topics.COMMANDS)

    def stop(self) -> None:
        """Push nothing any more."""
        for what in tuple(self._stops or ()):
            self._end(what)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something for this session in the background."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def unsent(self) -> frozenset[str]:
        """Names of attributes that have changed since the device was told."""
        return frozenset(self._changed or ())

    def settle_in(self, moved: MovedSession) -> None:
        """Take what was to be pushed by another node."""
        self._changed = set(moved.changed) or None
        for it in moved.messages:
            self._session.outgoing.settle_in(self._outbound(it), it.packet_id)

    def _command(self, delivery: Delivery) -> None:
        command, qos = delivery.command, (self._session.subscriptions or {}).get(topics.COMMANDS, 0)
        try:
            told = told_command(delivery, self._context.clock_ms())
            payload = self._session.manners.mqtt.writer.command(told)
        except InvalidValue as refusal:
            answer_unfit(self._context.exchange, delivery, refusal.message, self.run)
            return
        message = MovedMessage(f"{topics.RPC_REQUEST}{delivery.id}", payload, qos, lasts_ms=delivery.lasts_ms)
        outbound = self._outbound(message)
        if not command.one_way:
            outbound.properties = reply_wanted(delivery.id)
        if not self._session.send(outbound):
            outbound.ended(False)

    def _outbound(self, message: MovedMessage) -> Outbound:
        """Return a message to be sent; somebody waits for the end of those that are commands."""
        _, is_command, command_id = message.topic.partition(topics.RPC_REQUEST)
        exchange, device_id = self._context.exchange, self._session.device_id

        def ended(is_delivered: bool) -> None:
            act = exchange.delivered if is_delivered else exchange.failed
            act(device_id, int(command_id))

        outbound = Outbound(message.topic, message.payload, message.qos, ended if is_command else nothing)
        outbound.expires_at = until(message.lasts_ms, self._context.clock_ms())
        if message.response_topic or message.correlation_data is not None:
            outbound.properties = Properties(
                response_topic=message.response_topic, correlation_data=message.correlation_data
            )
        return outbound

    def _attributes(self, names: frozenset[str]) -> None:
        self._keep(names)
        if self._session.connection is not None and not self._is_sending:
            self.run(self._send_attributes())

    def _keep(self, names: frozenset[str]) -> None:
        self._changed = (self._changed or set()) | names

    async def _send_attributes(self) -> None:
        """Send what has changed as it is now; what changes meanwhile follows."""
        self._is_sending = True
        try:
            while self._changed and self._session.connection is not None:
                names, self._changed = frozenset(self._changed), None
                if not await self._send_changes(names):
                    self._keep(names)  # for the next change, or for when the device comes back
                    return
        finally:
            self._is_sending = False

    async def _send_changes(self, names: frozenset[str]) -> bool:
        """Send these; tell whether there was room for them."""
        try:
            values = await self._context.messages.changed_attributes(self._session.device_id, names)
        except Refusal:
            return True  # the device will ask for its attributes when it comes back
        payload = self._session.manners.mqtt.writer.attribute_update(values)
        topic, qos = self._attributes_topic()
        return self._session.send(Outbound(topic, payload, qos))

    def _attributes_topic(self) -> tuple[str, int]:
        """Return where the device hears of its attributes, and with which QoS."""
        subscriptions = self._session.subscriptions or {}
        meant = [it for it in subscriptions if self._meant_by(it) == topics.ATTRIBUTES]
        best = topics.ATTRIBUTES if topics.ATTRIBUTES in meant or not meant else meant[0]
        is_topic = "+" not in best and "#" not in best
        return best if is_topic else topics.ATTRIBUTES, subscriptions.get(best, 0)
