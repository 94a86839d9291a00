"""Keeps packets within what a client takes (MQTT 5 §3.1.2.11.4): explanations are left out first."""

from collections.abc import Callable

import msgspec

from deedbox.transports.mqtt.properties import EMPTY, Properties

#: More than any packet has.
NO_LIMIT = 2**28 + 5


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
