"""The devices that a gateway speaks for on one connection, and what is pushed to the gateway for them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple
from uuid import UUID

from deedbox.core.errors import NotPermitted, Refusal
from deedbox.core.gateways import Entered, NotSpokenFor
from deedbox.core.live import Stop
from deedbox.core.rpc import Delivery
from deedbox.transports.mqtt import gateway_topics
from deedbox.transports.mqtt.context import MqttContext
from deedbox.transports.mqtt.outgoing import Outbound, until
from deedbox.transports.mqtt.pushing import Pushing
from deedbox.transports.mqtt.session import Session
from deedbox.transports.payload_formats.commands import told_command
from deedbox.transports.payload_formats.formats import GatewayWriter
from deedbox.transports.telemetry_batches import Sender

#: The database is asked again about a device after this time: the tenant may have taken it from the gateway.
ASKED_AGAIN_AFTER_MS = 10_000
NO_GATEWAY = "This device is no gateway: additionalInfo.gateway is not true."


class Child:
    """A device behind a gateway. `changed` are names of attributes that the gateway was not told of yet."""

    __slots__ = ("asked_at_ms", "changed", "id", "is_sending", "name", "sender", "stops", "tenant_id")

    def __init__(self, device_id: UUID, tenant_id: UUID, name: str, sender: Sender) -> None:
        self.id = device_id
        self.tenant_id = tenant_id
        self.name = name
        self.sender = sender
        self.asked_at_ms = 0
        self.stops: dict[str, Stop] = {}
        self.changed: set[str] = set()
        self.is_sending = False


class Found(NamedTuple):
    """Which of the named devices the gateway speaks for, and why not for the others."""

    children: dict[str, Child]
    refused: dict[str, NotSpokenFor]


class Children:
    """The devices of one connection. `dropped(name)` hears of those that were taken from the gateway."""

    def __init__(
        self, context: MqttContext, session: Session, pushing: Pushing, dropped: Callable[[str], None]
    ) -> None:
        self._context = context
        self._session = session
        self._pushing = pushing
        self._dropped = dropped
        self._by_name: dict[str, Child] = {}
        self._by_id: dict[UUID, Child] = {}
        #: Names that were refused, why and when.
        self._refused: dict[str, tuple[NotSpokenFor, int]] = {}
        self._full_at_ms = -ASKED_AGAIN_AFTER_MS
        #: Whether it was a gateway when that was asked last.
        self._is_gateway, self._asked_at_ms = False, -ASKED_AGAIN_AFTER_MS
        self._is_over = False
        self._stop_watching: Stop | None = None

    async def check_gateway(self) -> None:
        """Return for a device that is a gateway. Raises NotPermitted for any other."""
        now_ms = self._context.clock_ms()
        if now_ms - self._asked_at_ms >= ASKED_AGAIN_AFTER_MS:
            self._note(await self._context.gateways.is_gateway(self._session.device_id), now_ms)
        if not self._is_gateway:
            raise NotPermitted(NO_GATEWAY)

    async def find(self, wishes: Mapping[str, str]) -> Found:
        """Find devices (name -> type), made and adopted where that may be.

        Raises NotPermitted for a device that is no gateway, StorageUnavailable.
        """
        now_ms = self._context.clock_ms()
        unsure = {name: kind for name, kind in wishes.items() if not self._is_sure(name, now_ms)}
        if unsure:
            await self._ask(unsure, now_ms)
        children = {it: self._by_name[it] for it in wishes if it in self._by_name}
        refused = {
            it: self._refused.get(it, (NotSpokenFor.TOO_MANY_DEVICES, 0))[0]
            for it in wishes
            if it not in children
        }
        for child in children.values():
            self._context.activity.note(child.id, now_ms)
        return Found(children, refused)

    def leave(self, name: str) -> None:
        """Hear that the gateway says a device has gone."""
        child = self._by_name.pop(name, None)
        if child is not None:
            del self._by_id[child.id]
            _stop(child)

    def subscribed(self, topic: str) -> None:
        """Begin to push what the gateway asked for, for all its devices."""
        for child in self._by_name.values():
            self._begin(child, topic)

    def unsubscribed(self, topic: str) -> None:
        """Push no more of that."""
        for child in self._by_name.values():
            stop = child.stops.pop(topic, None)
            if stop is not None:
                stop()

    def close(self) -> None:
        """Push nothing any more: the connection is over, and nobody hears here any more who owns the devices.

        Commands that the gateway has not acknowledged are offered anew, to wherever it speaks for them next.
        """
        self._is_over = True
        for name in tuple(self._by_name):
            self.leave(name)
        self._session.withdraw_behind()
        if self._stop_watching is not None:
            self._stop_watching()
            self._stop_watching = None

    def _is_sure(self, name: str, now_ms: int) -> bool:
        child = self._by_name.get(name)
        asked_at_ms = child.asked_at_ms if child else self._refused.get(name, ("", -ASKED_AGAIN_AFTER_MS))[1]
        return now_ms - asked_at_ms < ASKED_AGAIN_AFTER_MS

    async def _ask(self, wishes: Mapping[str, str], now_ms: int) -> None:
        gateways, gateway_id = self._context.gateways, self._session.device_id
        # A gateway whose places are taken may not wait for the lock of all writers with each name.
        is_full = now_ms - self._full_at_ms < ASKED_AGAIN_AFTER_MS
        entered = await (gateways.known if is_full else gateways.enter)(gateway_id, wishes)
        self._note(entered is not None, now_ms)
        if entered is None:
            raise NotPermitted(NO_GATEWAY)
        if not is_full and NotSpokenFor.TOO_MANY_DEVICES in entered.refused.values():
            self._full_at_ms = now_ms
        self._take(wishes, entered, now_ms)

    def _note(self, is_gateway: bool, now_ms: int) -> None:
        self._is_gateway, self._asked_at_ms = is_gateway, now_ms
        for name in () if is_gateway else tuple(self._by_name):
            self._take_away(name)

    def _take(self, wishes: Mapping[str, str], entered: Entered, now_ms: int) -> None:
        if len(self._refused) > self._context.settings.most_gateway_devices:
            self._refused.clear()
        for name in wishes:
            device_id = entered.children.get(name)
            before = self._by_name.get(name)
            if before is not None and before.id != device_id:
                self._take_away(name)
            if device_id is None or not self._enter(name, device_id, entered.gateway.tenant_id, now_ms):
                why = entered.refused.get(name, NotSpokenFor.TOO_MANY_DEVICES)
                self._refused[name] = (why, now_ms)

    def _enter(self, name: str, device_id: UUID, tenant_id: UUID, now_ms: int) -> bool:
        """Take a device in, if there is room for it."""
        child = self._by_name.get(name)
        if child is None:
            if len(self._by_name) >= self._context.settings.most_gateway_devices:
                return False
            child = Child(device_id, tenant_id, name, Sender(self._context.ingest, device_id))
            self._by_name[name] = self._by_id[device_id] = child
            for topic in () if self._is_over else self._session.subscriptions or ():
                self._begin(child, topic)
        self._refused.pop(name, None)
        child.asked_at_ms = now_ms
        if self._stop_watching is None and not self._is_over:
            self._stop_watching = self._context.live.watch_credentials(self._owner_changed)
        return True

    def _take_away(self, name: str) -> None:
        self.leave(name)
        self._dropped(name)

    def _owner_changed(self, device_id: UUID) -> None:
        """Hear that a deed of a device has ended, or that it is gone: commands may be a former owner's."""
        child = self._by_id.get(device_id)
        if child is not None:
            child.asked_at_ms = -ASKED_AGAIN_AFTER_MS
            self._session.withdraw(device_id)

    def _begin(self, child: Child, topic: str) -> None:
        if topic in child.stops:
            return
        if topic == gateway_topics.RPC:
            child.stops[topic] = self._context.exchange.attach(child.id, partial(self._command, child))
        elif topic == gateway_topics.ATTRIBUTES:
            changes = self._context.attribute_changes
            child.stops[topic] = changes.attach(child.id, partial(self._attributes, child))

    def _command(self, child: Child, delivery: Delivery) -> None:
        self._pushing.run(self._send_command(child, delivery))

    async def _send_command(self, child: Child, delivery: Delivery) -> None:
        device_id, exchange = child.id, self._context.exchange
        if not await self._is_still(child):
            exchange.failed(device_id, delivery.id)
            return

        def ended(is_delivered: bool) -> None:
            act = exchange.delivered if is_delivered else exchange.failed
            act(device_id, delivery.id)

        told = self._writer.command(child.name, told_command(delivery, self._context.clock_ms()))
        message = self._outbound(gateway_topics.RPC, told)
        message.ended, message.device_id = ended, device_id
        message.expires_at = until(delivery.lasts_ms, self._context.clock_ms())
        if not self._session.send(message):
            message.ended(False)

    def _attributes(self, child: Child, names: frozenset[str]) -> None:
        child.changed |= names
        if not child.is_sending:
            self._pushing.run(self._send_attributes(child))

    async def _send_attributes(self, child: Child) -> None:
        """Send what has changed as it is now; what changes meanwhile follows."""
        child.is_sending = True
        try:
            while child.changed and await self._is_still(child):
                names, child.changed = frozenset(child.changed), set()
                values = await self._context.messages.changed_attributes(child.id, names)
                told = self._writer.attribute_update(child.name, values)
                if not self._session.send(self._outbound(gateway_topics.ATTRIBUTES, told)):
                    child.changed |= names  # for the next change
                    return
        except Refusal:
            pass  # the device will ask for its attributes when it comes back
        finally:
            child.is_sending = False

    async def _is_still(self, child: Child) -> bool:
        """Tell whether the gateway speaks for the device at this moment, and is there to hear it."""
        gateway_id = self._session.device_id
        try:
            speaks = await self._context.gateways.speaks_for(gateway_id, child.id)
        except Refusal:
            return False
        if not speaks and self._by_id.get(child.id) is child:
            self._take_away(child.name)
        return speaks and self._by_id.get(child.id) is child

    @property
    def _writer(self) -> GatewayWriter:
        return self._session.manners.mqtt.gateway_writer

    def _outbound(self, topic: str, payload: bytes) -> Outbound:
        return Outbound(topic, payload, (self._session.subscriptions or {}).get(topic, 0))


def _stop(child: Child) -> None:
    stops, child.stops = child.stops, {}
    for stop in stops.values():
        stop()
