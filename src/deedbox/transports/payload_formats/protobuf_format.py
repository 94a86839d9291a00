"""Protobuf: telemetry, attributes and RPC by schemas of a profile, all else by messages of the device API."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message as ProtobufMessage

from deedbox.core.errors import InvalidValue
from deedbox.core.payload_schemas.purposes import PayloadMessages, has_own_moments
from deedbox.core.telemetry import moment
from deedbox.core.telemetry_journal import Message
from deedbox.core.values import Value, as_value
from deedbox.core.windows import Announcement, check_secret_key
from deedbox.transports.payload_formats.formats import Command, Telemetry
from deedbox.transports.payload_formats.key_values import changes_message, key_value
from deedbox.transports.payload_formats.message_values import MessageValues, parsed
from deedbox.transports.protobuf import device_api_pb2 as api

_encode = msgspec.json.Encoder().encode
_PLAIN = frozenset([bool, int, float])
_HIGHEST_LONG, _LOWEST_LONG = 2**63 - 1, -(2**63)
_HIGHEST_INT = 2**31 - 1


class ProtobufReader:
    """Reads Protobuf of devices of one profile. A `PayloadReader`."""

    def __init__(self, messages: PayloadMessages) -> None:
        self._telemetry = MessageValues(messages.telemetry).read
        self._has_own_moments = has_own_moments(messages.telemetry)
        self._attributes = MessageValues(messages.attributes).read
        self._reply = MessageValues(messages.rpc_response).read

    def claim_message(self, device_id: UUID, body: bytes) -> Announcement:
        """Return the offer that a device makes."""
        offer = parsed(api.ClaimDevice, body)
        return Announcement(device_id, check_secret_key(offer.secretKey), offer.durationMs)

    def telemetry_message(self, body: bytes, received_at: int) -> Telemetry:
        """Return telemetry for the journal."""
        told = values = self._telemetry(body)
        if self._has_own_moments:
            values = told.get("values", {})
            if "ts" in told:
                told["ts"] = moment(told["ts"], "ts")
            else:
                told = values
        if not values:
            return None
        for name, value in values.items():
            if type(value) not in _PLAIN:
                as_value(name, value)
            elif not _LOWEST_LONG <= value <= _HIGHEST_LONG and type(value) is int:
                values[name] = str(value)
        if "values" in told and told is values:
            told = {"ts": received_at, "values": values}  # a value of that name is no object of values
        return Message(received_at, _encode(told)), tuple(values), len(values)

    def attributes(self, body: bytes) -> Mapping[str, Value]:
        """Return what a device reports about itself."""
        return {name: as_value(name, value) for name, value in self._attributes(body).items()}

    def attribute_request(self, body: bytes) -> tuple[list[str] | None, list[str] | None]:
        """Return the names that are asked for."""
        asked = parsed(api.AttributesRequest, body)
        return _names(asked.clientKeys), _names(asked.sharedKeys)

    def device_request(self, body: bytes) -> str:
        """Return the method that a device asks the server for."""
        asked = parsed(api.RpcRequest, body)
        if not asked.method:
            raise InvalidValue("A request needs a method.", "/method")
        return asked.method

    def reply(self, body: bytes) -> bytes:
        """Return a reply to a command as JSON."""
        return _encode(self._reply(body))


class ProtobufWriter:
    """Writes Protobuf to devices of one profile. A `PayloadWriter`."""

    def __init__(self, messages: PayloadMessages) -> None:
        self._command = messages.rpc_request
        params = self._command.DESCRIPTOR.fields_by_name["params"]
        self._has_text_params = params.type == params.TYPE_STRING

    def attribute_response(self, request_id: int, found: Mapping[str, Mapping[str, Value]]) -> bytes:
        """Return the answer to a request for attributes."""
        return response_message(request_id, found).SerializeToString()

    def attribute_update(self, changes: Mapping[str, Any]) -> bytes:
        """Return what a device is told of shared attributes."""
        return changes_message(changes).SerializeToString()

    def command(self, command: Command) -> bytes:
        """Return a command. Raises InvalidValue where its params don't fit into the profile's schema."""
        params = command.params
        if self._has_text_params and params is not None and not isinstance(params, str):
            params = _encode(params).decode()
        told = {"method": command.method, "requestId": command.id, "params": params}
        return _built(self._command, told).SerializeToString()

    def answer(self, request_id: int, answer: Mapping[str, Any]) -> bytes:
        """Return the answer to a device's own request."""
        error = answer.get("error") if len(answer) == 1 else None
        told = {"error": error} if isinstance(error, str) else {"payload": _encode(answer).decode()}
        return api.ToServerRpcResponseMsg(requestId=as_int32(request_id), **told).SerializeToString()


def as_int32(request_id: object) -> int:
    """Return the id of a request as firmware reads it; 0 for one that is no number of 32 bits."""
    return request_id if isinstance(request_id, int) and -_HIGHEST_INT <= request_id <= _HIGHEST_INT else 0


def response_message(
    request_id: object, found: Mapping[str, Mapping[str, Value]], *, is_multiple: bool = True
) -> api.GetAttributeResponseMsg:
    """Return the answer to a request for attributes."""
    return api.GetAttributeResponseMsg(
        requestId=as_int32(request_id),
        clientAttributeList=[api.TsKvProto(kv=key_value(*it)) for it in found.get("client", {}).items()],
        sharedAttributeList=[api.TsKvProto(kv=key_value(*it)) for it in found.get("shared", {}).items()],
        isMultipleAttributesRequest=is_multiple,
    )


def _built(message: type[ProtobufMessage], told: dict[str, Any]) -> ProtobufMessage:
    try:
        return ParseDict(told, message(), ignore_unknown_fields=True)
    except (ParseError, ValueError, RecursionError):
        name = message.DESCRIPTOR.name
        raise InvalidValue(
            f"The params do not fit into the Protobuf message {name} of the profile."
        ) from None


def _names(between_commas: str) -> list[str] | None:
    return [it for it in between_commas.split(",") if it] or None
