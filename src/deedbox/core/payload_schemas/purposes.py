"""What the schemas of a device profile must hold, each for its purpose."""

from typing import NamedTuple

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from deedbox.core.payload_schemas.compiling import Compiled, compiled, refusal

_RPC_REQUEST_FIELDS = ("method", "requestId", "params")
RPC_REQUEST_SCHEMA = """syntax = "proto3";
package rpc;

message RpcRequestMsg {
  optional string method = 1;
  optional int32 requestId = 2;
  optional string params = 3;
}
"""
RPC_RESPONSE_SCHEMA = """syntax = "proto3";
package rpc;

message RpcResponseMsg {
  optional string payload = 1;
}
"""


class PayloadMessages(NamedTuple):
    """The messages of one device profile, compiled."""

    telemetry: type[Message]
    attributes: type[Message]
    rpc_request: type[Message]
    rpc_response: type[Message]


def payload_messages(telemetry: str, attributes: str, rpc_request: str, rpc_response: str) -> PayloadMessages:
    """Return what these schemas are compiled to; those of RPC have defaults where they are empty.

    Raises InvalidValue, which names the schema as clients of the reference server do, and the line.
    """
    return PayloadMessages(
        telemetry=_telemetry(compiled(telemetry, "deviceTelemetryProtoSchema")),
        attributes=compiled(attributes, "deviceAttributesProtoSchema").message,
        rpc_request=_rpc_request(compiled(rpc_request or RPC_REQUEST_SCHEMA, "deviceRpcRequestProtoSchema")),
        rpc_response=compiled(rpc_response or RPC_RESPONSE_SCHEMA, "deviceRpcResponseProtoSchema").message,
    )


def has_own_moments(message: type[Message]) -> bool:
    """Tell whether telemetry of that message comes as `ts` and `values`."""
    return set(message.DESCRIPTOR.fields_by_name) == {"ts", "values"}


def _telemetry(found: Compiled) -> type[Message]:
    descriptor, name = found.message.DESCRIPTOR, "deviceTelemetryProtoSchema"
    if not descriptor.fields:
        raise refusal(name, found.line, f"The last message, {descriptor.name}, has no fields.")
    if has_own_moments(found.message):
        ts, values = (descriptor.fields_by_name[it] for it in ("ts", "values"))
        if ts.type != FieldDescriptor.TYPE_INT64 or ts.is_repeated or not ts.has_presence:
            raise refusal(name, found.line, "The field ts must be an “optional int64”.")
        if values.type != FieldDescriptor.TYPE_MESSAGE or values.is_repeated:
            raise refusal(name, found.line, "The field values must be a message, and not repeated.")
    return found.message


def _rpc_request(found: Compiled) -> type[Message]:
    descriptor, name = found.message.DESCRIPTOR, "deviceRpcRequestProtoSchema"
    fields = descriptor.fields_by_name
    if sorted(fields) != sorted(_RPC_REQUEST_FIELDS):
        told = f"The last message, {descriptor.name}, must have the fields method, requestId and params only."
        raise refusal(name, found.line, told)
    if any(it.is_repeated for it in fields.values()):
        raise refusal(name, found.line, "None of the fields may be repeated.")
    if fields["method"].type != FieldDescriptor.TYPE_STRING:
        raise refusal(name, found.line, "The field method must be a string.")
    if fields["requestId"].type != FieldDescriptor.TYPE_INT32:
        raise refusal(name, found.line, "The field requestId must be an int32.")
    return found.message
