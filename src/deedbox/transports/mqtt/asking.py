"""Requests in the manner of MQTT 5: where the answer goes, what it carries, how long anybody waits for it."""

from collections.abc import Callable
from typing import Any

import msgspec

from deedbox.core.errors import InvalidValue
from deedbox.transports.mqtt import topics
from deedbox.transports.mqtt.properties import EMPTY, Properties

_HIGHEST_ID = 2**63 - 1
EXPIRED = "The message expired before its turn came."


class Asked(msgspec.Struct, frozen=True):
    """What a message asks for beside what is in it. `expires_at` is epoch milliseconds."""

    response_topic: str | None = None
    correlation_data: bytes | None = None
    expires_at: int | None = None

    def is_over(self, now_ms: int) -> bool:
        """Tell whether nobody wants an answer any more."""
        return self.expires_at is not None and self.expires_at < now_ms

    def topic_or(self, usual: str, family: str) -> str:
        """Return where the answer goes: to the topic that was asked for if it is one of the same family."""
        wanted = self.response_topic or ""
        return wanted if wanted.startswith(family) and topics.is_offered(wanted) else usual

    @property
    def handed_back(self) -> Properties:
        """What the answer carries."""
        if self.correlation_data is None:
            return EMPTY
        return Properties(correlation_data=self.correlation_data)


#: A message that asks for nothing of the kind, as all do before MQTT 5.
NOTHING = Asked()


def asked(properties: Properties, clock_ms: Callable[[], int]) -> Asked:
    """Return what the properties of a message that comes at this moment ask for."""
    if properties is EMPTY:
        return NOTHING
    expiry_s = properties.message_expiry_s
    expires_at = None if expiry_s is None else clock_ms() + expiry_s * 1000
    return Asked(properties.response_topic, properties.correlation_data, expires_at)


def reply_wanted(delivery_id: int) -> Properties:
    """Return what asks a device to reply to a command, in words that any client of MQTT 5 knows."""
    return Properties(
        response_topic=f"{topics.RPC_RESPONSE}{delivery_id}", correlation_data=str(delivery_id).encode()
    )


def checked_id(text: str) -> str:
    """Return the id that a device gives to a request, at the end of its topic. Raises InvalidValue."""
    if not (text.isascii() and text.isdigit() and int(text[:20]) <= _HIGHEST_ID):
        raise InvalidValue("The topic must end with the id of the request, as in .../request/1.")
    return text


def facts(**told: Any) -> Properties:
    """Return what an acknowledgement says: as JSON in the reason string, and one by one beside it."""
    texts = tuple((name, msgspec.json.encode(value).decode().strip('"')) for name, value in told.items())
    return Properties(reason_string=msgspec.json.encode(told).decode(), user_properties=texts)
