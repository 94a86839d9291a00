"""What a format is: how what devices send is read, and how they are written to.

Everything is read to values of the core. What gateways send about many devices is divided into one JSON text
for each, which is read as if the device had sent it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from deedbox.core.telemetry_journal import Message
from deedbox.core.values import Value
from deedbox.core.windows import Announcement
from deedbox.transports.gateway_payloads import AttributeRequest, Reply

#: A message for the journal, the names in it, how many points it has; None where there is nothing to store.
Telemetry = tuple[Message, tuple[str, ...], int] | None


class Command(NamedTuple):
    """A command as it is told to a device; `expires_at` epoch milliseconds, None where nobody knows."""

    id: int
    method: str
    params: Any
    is_one_way: bool = False
    expires_at: int | None = None


class PayloadReader(Protocol):
    """Reads what a device sends. Every method raises InvalidValue, which never repeats what came."""

    def claim_message(self, device_id: UUID, body: bytes) -> Announcement:
        """Return the offer that a device makes."""
        ...

    def telemetry_message(self, body: bytes, received_at: int) -> Telemetry:
        """Return telemetry for the journal; what has no moment is of `received_at`, epoch milliseconds."""
        ...

    def attributes(self, body: bytes) -> Mapping[str, Value]:
        """Return what a device reports about itself; there may be nothing."""
        ...

    def attribute_request(self, body: bytes) -> tuple[list[str] | None, list[str] | None]:
        """Return the names of client and shared attributes that are asked for; None where none is named."""
        ...

    def device_request(self, body: bytes) -> str:
        """Return the method that a device asks the server for."""
        ...

    def reply(self, body: bytes) -> bytes:
        """Return a reply to a command as JSON."""
        ...


class PayloadWriter(Protocol):
    """Writes to a device."""

    def attribute_response(self, request_id: int, found: Mapping[str, Mapping[str, Value]]) -> bytes:
        """Return the answer to a request for attributes: `client` and `shared` ones, by name."""
        ...

    def attribute_update(self, changes: Mapping[str, Any]) -> bytes:
        """Return what a device is told of shared attributes; `deleted` lists those that are no more."""
        ...

    def command(self, command: Command) -> bytes:
        """Return a command. Raises InvalidValue where the device's format can't express it."""
        ...

    def answer(self, request_id: int, answer: Mapping[str, Any]) -> bytes:
        """Return the answer to a device's own request."""
        ...


class GatewayReader(Protocol):
    """Reads what a gateway sends. Every method raises InvalidValue; PayloadTooLarge beyond `most` devices."""

    def claims(self, body: bytes, most: int) -> Mapping[str, bytes]:
        """Return the offer of each device as JSON."""
        ...

    def measurements(self, body: bytes, most: int) -> Mapping[str, bytes]:
        """Return the telemetry of each device as JSON."""
        ...

    def reports(self, body: bytes, most: int) -> Mapping[str, bytes]:
        """Return the attributes of each device as JSON."""
        ...

    def device_named(self, body: bytes) -> tuple[str, str]:
        """Return the name and the type, which may be empty, in a message about one device."""
        ...

    def attribute_request(self, body: bytes) -> AttributeRequest:
        """Return what a gateway asks about a device."""
        ...

    def reply(self, body: bytes) -> Reply:
        """Return a device's reply to a command."""
        ...


class GatewayWriter(Protocol):
    """Writes to a gateway."""

    def attribute_response(self, asked: AttributeRequest, found: Mapping[str, Mapping[str, Value]]) -> bytes:
        """Return the answer to a request for attributes of a device."""
        ...

    def attribute_update(self, device: str, changes: Mapping[str, Any]) -> bytes:
        """Return what a gateway is told of shared attributes of a device."""
        ...

    def command(self, device: str, command: Command) -> bytes:
        """Return a command for a device."""
        ...

    def dropped(self, device: str, reason: int) -> bytes:
        """Return what a gateway is told when a device was taken from it; `reason` as in MQTT 5."""
        ...
