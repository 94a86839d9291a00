"""Protobuf or JSON, for profiles that are compatible with JSON: whichever the body is."""

from collections.abc import Callable, Mapping
from typing import TypeVar
from uuid import UUID

from deedbox.core.errors import InvalidValue
from deedbox.core.values import Value
from deedbox.core.windows import Announcement
from deedbox.transports.gateway_payloads import AttributeRequest, Reply
from deedbox.transports.payload_formats.formats import GatewayReader, PayloadReader, Telemetry

T = TypeVar("T")
#: How JSON objects and arrays begin, and no message of proto3: there it would be a group.
_JSON = (b"{", b"[")


def _either(body: bytes, as_protobuf: Callable[[], T], as_json: Callable[[], T]) -> T:
    if body.startswith(_JSON):
        return as_json()
    try:
        return as_protobuf()
    except InvalidValue:
        return as_json()


class EitherReader:
    """Reads devices that send either. A `PayloadReader`."""

    def __init__(self, protobuf: PayloadReader, json: PayloadReader) -> None:
        self._protobuf = protobuf
        self._json = json

    def claim_message(self, device_id: UUID, body: bytes) -> Announcement:
        """Return the offer that a device makes."""
        one, other = self._protobuf, self._json
        return _either(
            body, lambda: one.claim_message(device_id, body), lambda: other.claim_message(device_id, body)
        )

    def telemetry_message(self, body: bytes, received_at: int) -> Telemetry:
        """Return telemetry for the journal."""
        one, other = self._protobuf.telemetry_message, self._json.telemetry_message
        return _either(body, lambda: one(body, received_at), lambda: other(body, received_at))

    def attributes(self, body: bytes) -> Mapping[str, Value]:
        """Return what a device reports about itself."""
        one, other = self._protobuf, self._json
        return _either(body, lambda: one.attributes(body), lambda: other.attributes(body))

    def attribute_request(self, body: bytes) -> tuple[list[str] | None, list[str] | None]:
        """Return the names that are asked for."""
        one, other = self._protobuf, self._json
        return _either(body, lambda: one.attribute_request(body), lambda: other.attribute_request(body))

    def device_request(self, body: bytes) -> str:
        """Return the method that a device asks the server for."""
        one, other = self._protobuf, self._json
        return _either(body, lambda: one.device_request(body), lambda: other.device_request(body))

    def reply(self, body: bytes) -> bytes:
        """Return a reply to a command as JSON."""
        return _either(body, lambda: self._protobuf.reply(body), lambda: self._json.reply(body))


class EitherGatewayReader:
    """Reads gateways that send either. A `GatewayReader`."""

    def __init__(self, protobuf: GatewayReader, json: GatewayReader) -> None:
        self._protobuf = protobuf
        self._json = json

    def claims(self, body: bytes, most: int) -> Mapping[str, bytes]:
        """Return the offer of each device."""
        one, other = self._protobuf, self._json
        return _either(body, lambda: one.claims(body, most), lambda: other.claims(body, most))

    def measurements(self, body: bytes, most: int) -> Mapping[str, bytes]:
        """Return the telemetry of each device."""
        one, other = self._protobuf, self._json
        return _either(body, lambda: one.measurements(body, most), lambda: other.measurements(body, most))

    def reports(self, body: bytes, most: int) -> Mapping[str, bytes]:
        """Return the attributes of each device."""
        one, other = self._protobuf, self._json
        return _either(body, lambda: one.reports(body, most), lambda: other.reports(body, most))

    def device_named(self, body: bytes) -> tuple[str, str]:
        """Return the name and the type in a message about one device."""
        one, other = self._protobuf, self._json
        return _either(body, lambda: one.device_named(body), lambda: other.device_named(body))

    def attribute_request(self, body: bytes) -> AttributeRequest:
        """Return what a gateway asks about a device."""
        one, other = self._protobuf, self._json
        return _either(body, lambda: one.attribute_request(body), lambda: other.attribute_request(body))

    def reply(self, body: bytes) -> Reply:
        """Return a device's reply to a command."""
        return _either(body, lambda: self._protobuf.reply(body), lambda: self._json.reply(body))
