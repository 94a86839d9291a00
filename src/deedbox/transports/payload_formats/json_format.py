"""JSON, which all devices speak whose profile says nothing else."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from deedbox.core.values import Value
from deedbox.core.windows import Announcement
from deedbox.transports import gateway_payloads, payloads
from deedbox.transports.gateway_payloads import AttributeRequest, Reply
from deedbox.transports.payload_formats.formats import Command, Telemetry

_encode = msgspec.json.Encoder().encode


class JsonReader:
    """Reads JSON of devices. A `PayloadReader`."""

    def claim_message(self, device_id: UUID, body: bytes) -> Announcement:
        """Return the offer that a device makes."""
        return payloads.claim_message(device_id, body)

    def telemetry_message(self, body: bytes, received_at: int) -> Telemetry:
        """Return telemetry for the journal."""
        return payloads.telemetry_message(body, received_at)

    def attributes(self, body: bytes) -> Mapping[str, Value]:
        """Return what a device reports about itself."""
        return payloads.attributes(body)

    def attribute_request(self, body: bytes) -> tuple[list[str] | None, list[str] | None]:
        """Return the names that are asked for."""
        return payloads.attribute_request(body)

    def device_request(self, body: bytes) -> str:
        """Return the method that a device asks the server for."""
        return payloads.device_request(body)

    def reply(self, body: bytes) -> bytes:
        """Return a reply to a command as strict JSON."""
        return payloads.reply(body)


class JsonWriter:
    """Writes JSON to devices over MQTT, where topics hold the ids. A `PayloadWriter`."""

    def attribute_response(self, request_id: int, found: Mapping[str, Mapping[str, Value]]) -> bytes:
        """Return the answer to a request for attributes."""
        return _encode(found)

    def attribute_update(self, changes: Mapping[str, Any]) -> bytes:
        """Return what a device is told of shared attributes."""
        return _encode(changes)

    def command(self, command: Command) -> bytes:
        """Return a command."""
        return _encode({"method": command.method, "params": command.params})

    def answer(self, request_id: int, answer: Mapping[str, Any]) -> bytes:
        """Return the answer to a device's own request."""
        return _encode(answer)


class JsonCoapWriter(JsonWriter):
    """Writes JSON to devices over CoAP, where nothing else holds the id of a command. A `PayloadWriter`."""

    def command(self, command: Command) -> bytes:
        """Return a command."""
        return payloads.command_message(command.id, command.method, command.params)


class JsonGatewayReader:
    """Reads JSON of gateways. A `GatewayReader`."""

    def claims(self, body: bytes, most: int) -> Mapping[str, bytes]:
        """Return the offer of each device."""
        return gateway_payloads.objects(gateway_payloads.entries(body, most))

    def measurements(self, body: bytes, most: int) -> Mapping[str, bytes]:
        """Return the telemetry of each device."""
        return gateway_payloads.measurements(gateway_payloads.entries(body, most))

    def reports(self, body: bytes, most: int) -> Mapping[str, bytes]:
        """Return the attributes of each device."""
        return gateway_payloads.objects(gateway_payloads.entries(body, most))

    def device_named(self, body: bytes) -> tuple[str, str]:
        """Return the name and the type in a message about one device."""
        return gateway_payloads.device_named(body)

    def attribute_request(self, body: bytes) -> AttributeRequest:
        """Return what a gateway asks about a device."""
        return gateway_payloads.attribute_request(body)

    def reply(self, body: bytes) -> Reply:
        """Return a device's reply to a command."""
        return gateway_payloads.reply(body)


class JsonGatewayWriter:
    """Writes JSON to gateways. A `GatewayWriter`."""

    def attribute_response(self, asked: AttributeRequest, found: Mapping[str, Mapping[str, Value]]) -> bytes:
        """Return the answer: two scopes asked for by name apart, a single name by its value alone."""
        head: dict[str, Any] = {"id": asked.request_id, "device": asked.device}
        if asked.is_apart:
            return _encode(head | dict(found))
        values = {name: it for part in found.values() for name, it in part.items()}
        if asked.single is None:
            return _encode(head | {"values": values})
        return _encode(head | ({"value": values[asked.single]} if asked.single in values else {}))

    def attribute_update(self, device: str, changes: Mapping[str, Any]) -> bytes:
        """Return what a gateway is told of shared attributes of a device."""
        return _encode({"device": device, "data": changes})

    def command(self, device: str, command: Command) -> bytes:
        """Return a command for a device."""
        data = {"id": command.id, "method": command.method, "params": command.params}
        return _encode({"device": device, "data": data})

    def dropped(self, device: str, reason: int) -> bytes:
        """Return what a gateway is told when a device was taken from it."""
        return _encode({"device": device, "reason": reason})
