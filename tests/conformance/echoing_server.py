"""`deedbox` with topics that echo, for test suites that expect a broker: what one publishes, others hear.

Nothing of this is shipped. Sessions, queues, acknowledgements and expiry are those of the real server; only
what a message means is another here, for topics that are not of the device API.
"""

import msgspec

from deedbox.cli import main
from deedbox.transports.mqtt import entering, subscribing
from deedbox.transports.mqtt.connection import Connection
from deedbox.transports.mqtt.device_side import DeviceSide
from deedbox.transports.mqtt.outgoing import Outbound
from deedbox.transports.mqtt.packets import Subscription
from deedbox.transports.mqtt.properties import EMPTY, Properties
from deedbox.transports.mqtt.session import Session

#: What begins so is of the device API.
_OWN = "v1/"
_NOBODY_SUBSCRIBES = "test/nosubscribe"
#: Sessions by client id: the suite is one device with several clients.
_SESSIONS: dict[str, Session] = {}
#: Client ids and filters of those who don't want to hear what they say themselves.
_NOT_LOCAL: set[tuple[str, str]] = set()


class EchoingSide(DeviceSide):
    """A device's side that passes on what is not of the device API."""

    def may_subscribe(self, topic_filter: str) -> bool:
        """Allow all filters but the one that suites expect to be refused."""
        _SESSIONS[self._session.client_id] = self._session
        return topic_filter != _NOBODY_SUBSCRIBES

    def receive(self, topic: str, payload: bytes, token: int, properties: Properties = EMPTY) -> None:
        """Pass a message on to every client that has subscribed."""
        if topic.startswith(_OWN):
            super().receive(topic, payload, token, properties)
            return
        for session in _SESSIONS.values():
            granted = [
                qos for it, qos in (session.subscriptions or {}).items() if self._hears(session, it, topic)
            ]
            if granted:
                session.send(self._echo(topic, payload, min(max(granted), 1 if token else 0), properties))
        self._connection.acknowledge(token)

    def _hears(self, session: Session, topic_filter: str, topic: str) -> bool:
        is_own = session is self._session and (session.client_id, topic_filter) in _NOT_LOCAL
        return not is_own and matches(topic_filter, topic)

    def _echo(self, topic: str, payload: bytes, qos: int, properties: Properties) -> Outbound:
        told = msgspec.structs.replace(properties, topic_alias=None, message_expiry_s=None, will_delay_s=None)
        echo = Outbound(topic, payload, qos, properties=told)
        if properties.message_expiry_s is not None:
            echo.expires_at = self._context.clock_ms() + properties.message_expiry_s * 1000
        return echo


def matches(topic_filter: str, topic: str) -> bool:
    """Tell whether a topic is one of those that a filter is for (MQTT 5 §4.7)."""
    if topic.startswith("$") and topic_filter[0] in "+#":
        return False
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted, levels = wanted[:-1], levels[: len(wanted) - 1]
    return len(wanted) == len(levels) and all(
        it in ("+", level) for it, level in zip(wanted, levels, strict=True)
    )


def note_options(connection: Connection, wanted: Subscription) -> int:
    """Subscribe, and keep the option that has no meaning for devices: they never hear themselves."""
    if connection.session is not None:
        key = (connection.session.client_id, wanted.filter)
        (_NOT_LOCAL.add if wanted.no_local else _NOT_LOCAL.discard)(key)
    return _subscribe(connection, wanted)


if __name__ == "__main__":
    _subscribe, subscribing._subscribed = subscribing._subscribed, note_options
    vars(entering)["DeviceSide"] = EchoingSide
    main()
