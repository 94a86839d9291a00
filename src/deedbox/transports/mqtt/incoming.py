"""A message from a client: what has to be in order before it is handed on, and that it is to be answered."""

from typing import TYPE_CHECKING

from deedbox.transports.mqtt import handshakes
from deedbox.transports.mqtt.answering import QOS_2, Unanswered
from deedbox.transports.mqtt.packets import Publish
from deedbox.transports.mqtt.properties import EMPTY
from deedbox.transports.mqtt.reasons import Reason
from deedbox.transports.mqtt.topic_aliases import unusual_topic

if TYPE_CHECKING:
    from deedbox.transports.mqtt.connection import Connection

_NO_TEXT = "The payload is said to be text, but is not UTF-8."


def take_message(connection: "Connection", packet: Publish) -> None:
    """Hand a message on to the application, unless the connection has to end because of it."""
    topic, token = packet.topic, packet.packet_id
    if packet.properties is not EMPTY or packet.retain:
        topic = unusual_topic(connection, packet)
    if token and topic:
        unanswered = connection.unanswered
        if packet.qos == 1 and unanswered is not None and len(unanswered.tokens) < connection.most_unanswered:
            unanswered.tokens.append(token)
        else:
            topic, token = _expect(connection, packet, topic)
    application, properties = connection.application, packet.properties
    if not topic or application is None:
        return
    if properties is EMPTY:
        application.receive(topic, packet.payload, token)
    elif properties.payload_format and not _is_text(packet.payload):
        connection.refuse(token, Reason.PAYLOAD_FORMAT_INVALID, _NO_TEXT)
    else:
        application.receive(topic, packet.payload, token, properties)


def _is_text(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def _expect(connection: "Connection", packet: Publish, topic: str) -> tuple[str, int]:
    """Note that a message is to be answered; the topic is empty when it is not to be taken."""
    unanswered = connection.unanswered
    if unanswered is None:
        unanswered = connection.unanswered = Unanswered()
    # MQTT 5 §4.9: one with QoS 2 counts until its PUBCOMP; those of an earlier connection do not.
    if max(len(unanswered), len(unanswered.unreleased or ())) >= connection.most_unanswered:
        connection.fail(Reason.RECEIVE_MAXIMUM_EXCEEDED, "More messages are unacknowledged than may be.")
        return "", 0
    token = packet.packet_id
    if packet.qos == 2:
        token |= QOS_2
        if not handshakes.begin(connection, packet.packet_id, unanswered.tokens):
            return "", 0
        if connection.level == 5:
            unanswered.unreleased = unanswered.unreleased or set()
            unanswered.unreleased.add(packet.packet_id)
    unanswered.tokens.append(token)
    return topic, token
