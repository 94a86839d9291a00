"""Topic aliases of MQTT 5: numbers that stand for topics within one connection; and retained messages."""

from typing import TYPE_CHECKING

from deedbox.transports.mqtt.packets import Publish
from deedbox.transports.mqtt.reasons import Reason

if TYPE_CHECKING:
    from deedbox.transports.mqtt.connection import Connection


class TopicAliases:
    """The aliases that a client has made, up to `most`."""

    __slots__ = ("_most", "_topics")

    def __init__(self, most: int) -> None:
        self._most = most
        self._topics: dict[int, str] = {}

    def topic_of(self, packet: Publish) -> str | None:
        """Return the topic that a message means; None when its alias is unknown or too high."""
        alias = packet.properties.topic_alias
        if alias is None:
            return packet.topic
        if alias > self._most:
            return None
        if packet.topic:
            self._topics[alias] = packet.topic
        return self._topics.get(alias)


def unusual_topic(connection: "Connection", packet: Publish) -> str:
    """Return the topic of a message with properties or to be retained.

    It is empty when the connection ended because of the message.
    """
    if packet.retain and connection.level == 5:
        connection.fail(Reason.RETAIN_NOT_SUPPORTED, "Nothing is retained here: leave the retain flag out.")
        return ""
    if packet.properties.subscription_ids:
        connection.fail(Reason.PROTOCOL_ERROR, "A message to the server has a subscription identifier.")
        return ""
    aliases = connection.aliases
    topic = packet.topic if aliases is None else aliases.topic_of(packet)
    if not topic or (aliases is None and packet.properties.topic_alias):
        connection.fail(Reason.TOPIC_ALIAS_INVALID, "The topic alias is too high, or was not given a topic.")
        return ""
    return topic
