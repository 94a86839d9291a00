"""Keeps packets within what a client takes (MQTT 5 §3.1.2.11.4): explanations are left out first."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from deedbox.transports.mqtt import encoding
from deedbox.transports.mqtt.packets import Publish
from deedbox.transports.mqtt.properties import EMPTY, Properties

if TYPE_CHECKING:
    from deedbox.transports.mqtt.connection import Connection

#: More than any packet has.
NO_LIMIT = 2**28 + 5


def put_messages(connection: "Connection", messages: Iterable[Publish]) -> list[int]:
    """Send messages, without properties where they would be too long. Return ids of those that still are."""
    too_long = []
    for message in messages:
        packet = _fitting_message(connection.level, message, connection.largest_out)
        if packet:
            connection.put(packet)
        elif message.packet_id:
            too_long.append(message.packet_id)
    return too_long


def _fitting_message(level: int, message: Publish, most_bytes: int) -> bytes:
    packet = encoding.publish(level, message)
    if len(packet) > most_bytes:
        packet = encoding.publish(level, msgspec.structs.replace(message, properties=EMPTY))
    return packet if len(packet) <= most_bytes else b""


def fitting(write: Callable[[Properties], bytes], properties: Properties, most_bytes: int) -> bytes:
    """Return the packet with these properties, with fewer or none where it would be too long.

    Nothing at all comes back when even that does not fit.
    """
    shorter = msgspec.structs.replace(properties, user_properties=())
    for told in (properties, shorter, EMPTY):
        packet = write(told)
        if len(packet) <= most_bytes:
            return packet
    return b""
