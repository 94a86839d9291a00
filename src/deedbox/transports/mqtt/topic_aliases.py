"""Topic aliases of MQTT 5: numbers that stand for topics within one connection."""

from deedbox.transports.mqtt.packets import Publish


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
