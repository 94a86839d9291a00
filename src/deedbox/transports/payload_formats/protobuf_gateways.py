"""Protobuf of gateways: messages about many devices, or about one that they name."""

from collections.abc import Mapping
from typing import Any

import msgspec

from deedbox.core.errors import InvalidValue, PayloadTooLarge
from deedbox.core.values import Value
from deedbox.transports.gateway_payloads import AttributeRequest, Reply
from deedbox.transports.lenient_json import decode
from deedbox.transports.payload_formats.formats import Command
from deedbox.transports.payload_formats.key_values import changes_message, named_values
from deedbox.transports.payload_formats.message_values import parsed
from deedbox.transports.payload_formats.protobuf_format import response_message
from deedbox.transports.protobuf import device_api_pb2 as api

_encode = msgspec.json.Encoder().encode


class ProtobufGatewayReader:
    """Reads Protobuf of gateways. A `GatewayReader`."""

    def claims(self, body: bytes, most: int) -> Mapping[str, bytes]:
        """Return the offer of each device."""
        offers = parsed(api.GatewayClaimMsg, body).msg
        return _about({it.deviceName: _offer(it.claimRequest) for it in offers}, most)

    def measurements(self, body: bytes, most: int) -> Mapping[str, bytes]:
        """Return the telemetry of each device."""
        told: dict[str, list[Any]] = {}
        for it in parsed(api.GatewayTelemetryMsg, body).msg:
            told.setdefault(it.deviceName, []).extend(_measured(it.msg))
        return _about(told, most)

    def reports(self, body: bytes, most: int) -> Mapping[str, bytes]:
        """Return the attributes of each device."""
        told: dict[str, dict[str, Any]] = {}
        for it in parsed(api.GatewayAttributesMsg, body).msg:
            told.setdefault(it.deviceName, {}).update(named_values(it.msg.kv))
        return _about(told, most)

    def device_named(self, body: bytes) -> tuple[str, str]:
        """Return the name and the type in a message about one device."""
        found = parsed(api.ConnectMsg, body)  # the message of disconnecting begins alike
        return _named(found.deviceName), found.deviceType

    def attribute_request(self, body: bytes) -> AttributeRequest:
        """Return what a gateway asks about a device."""
        asked = parsed(api.GatewayAttributesRequestMsg, body)
        names = [it for it in asked.keys if it]
        if not names:
            raise InvalidValue("A request for attributes needs keys.", "/keys")
        client, shared = (names, None) if asked.client else (None, names)
        single = names[0] if len(names) == 1 else None
        return AttributeRequest(asked.id, _named(asked.deviceName), client, shared, single)

    def reply(self, body: bytes) -> Reply:
        """Return a device's reply to a command; what is no JSON is a text."""
        found = parsed(api.GatewayRpcResponseMsg, body)
        try:
            data: Any = decode(found.data.encode())
        except InvalidValue:
            data = found.data
        return Reply(_named(found.deviceName), found.id, _encode(data))


class ProtobufGatewayWriter:
    """Writes Protobuf to gateways. A `GatewayWriter`."""

    def attribute_response(self, asked: AttributeRequest, found: Mapping[str, Mapping[str, Value]]) -> bytes:
        """Return the answer to a request for attributes of a device."""
        response = response_message(asked.request_id, found, is_multiple=asked.single is None)
        told = api.GatewayAttributeResponseMsg(deviceName=asked.device, responseMsg=response)
        return told.SerializeToString()

    def attribute_update(self, device: str, changes: Mapping[str, Any]) -> bytes:
        """Return what a gateway is told of shared attributes of a device."""
        told = api.GatewayAttributeUpdateNotificationMsg(
            deviceName=device, notificationMsg=changes_message(changes)
        )
        return told.SerializeToString()

    def command(self, device: str, command: Command) -> bytes:
        """Return a command for a device; its params are JSON."""
        request = api.ToDeviceRpcRequestMsg(
            requestId=command.id,
            methodName=command.method,
            params=_encode(command.params).decode(),
            expirationTime=command.expires_at or 0,
            oneway=command.is_one_way,
        )
        return api.GatewayDeviceRpcRequestMsg(deviceName=device, rpcRequestMsg=request).SerializeToString()

    def dropped(self, device: str, reason: int) -> bytes:
        """Return what a gateway is told when a device was taken from it."""
        return api.GatewayDisconnectDeviceMsg(deviceName=device, reasonCode=reason).SerializeToString()


def _about(told: Mapping[str, Any], most: int) -> Mapping[str, bytes]:
    """Return the JSON about each device."""
    if not told:
        raise InvalidValue("A message of a gateway names at least one device; this one names none.")
    if len(told) > most:
        raise PayloadTooLarge(f"A message of a gateway may name {most} devices. Divide it.")
    return {_named(name): _encode(it) for name, it in told.items()}


def _named(name: str) -> str:
    if not name:
        raise InvalidValue("deviceName is missing.", "/deviceName")
    return name


def _offer(offer: api.ClaimDevice) -> dict[str, Any]:
    return {"secretKey": offer.secretKey, "durationMs": offer.durationMs}


def _measured(measured: api.PostTelemetryMsg) -> list[dict[str, Any]]:
    """Return measurements as JSON has them; those without a moment are of the moment of receipt."""
    told = [(it.ts, named_values(it.kv)) for it in measured.tsKvList]
    return [{"ts": ts, "values": values} if ts else values for ts, values in told]
