"""Subjects on the wire: those that end in an id share one of 256 subscriptions with their neighbours.

A node that serves 10,000 devices listens to some subjects of each. A subscription for each costs the client
4 to 5 kB and the NATS server a place in its index; a few hundred for groups of them cost next to nothing. The
price is that a node hears, and drops, some of what is meant for devices of others.
"""

import re

_WITH_ID = re.compile(r"(?P<head>.+)\.(?P<id>[0-9a-f]{32})")
_ON_WIRE = re.compile(r"(?P<head>.+)\.[0-9a-f]{2}\.(?P<id>[0-9a-f]{32})")


def on_wire(subject: str) -> str:
    """Return the subject that a message is sent under."""
    found = _WITH_ID.fullmatch(subject)
    # The last digits of an id are random, whatever its first ones say about its time.
    return f"{found['head']}.{found['id'][-2:]}.{found['id']}" if found else subject


def listened_to(subject: str) -> str:
    """Return what is subscribed to, to hear messages under the subject."""
    found = _WITH_ID.fullmatch(subject)
    return f"{found['head']}.{found['id'][-2:]}.*" if found else subject


def from_wire(subject: str) -> str:
    """Return the subject that a message was meant for."""
    found = _ON_WIRE.fullmatch(subject)
    return f"{found['head']}.{found['id']}" if found else subject
