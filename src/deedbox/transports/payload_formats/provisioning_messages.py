"""Requests to be provisioned: JSON, or Protobuf of devices that have no profile yet to say which of both."""

from collections.abc import Mapping
from typing import Any

import msgspec
from google.protobuf.message import DecodeError

from deedbox.core.credential_kinds import CredentialsKind
from deedbox.transports.protobuf import device_api_pb2 as api

_encode = msgspec.json.Encoder().encode
_BEGIN_OF_JSON = b"{"


def protobuf_request(body: bytes) -> bytes | None:
    """Return a request in Protobuf as JSON; None for what is to be read as JSON.

    A request names a key. Text that happens to be Protobuf, too, has none where a request has it.
    """
    if not body or body.lstrip().startswith(_BEGIN_OF_JSON):
        return None
    try:
        asked = api.ProvisionDeviceRequestMsg.FromString(body)
    except DecodeError:
        return None
    secrets = asked.provisionDeviceCredentialsMsg
    if not secrets.provisionDeviceKey:
        return None
    told = {
        "deviceName": asked.deviceName,
        "provisionDeviceKey": secrets.provisionDeviceKey,
        "provisionDeviceSecret": secrets.provisionDeviceSecret,
        "gateway": asked.gateway,
    }
    return _encode(told | _credentials(asked))


def protobuf_answer(answer: Mapping[str, Any]) -> bytes:
    """Return the answer to a request in Protobuf."""
    kind, value = answer.get("credentialsType"), answer.get("credentialsValue")
    told = api.ProvisionDeviceResponseMsg(status=api.ResponseStatus.Value(answer["status"]))
    if kind is not None:
        told.credentialsType = api.CredentialsType.Value(kind)
        told.credentialsValue = value if isinstance(value, str) else _encode(value).decode()
    return told.SerializeToString()


def _credentials(asked: api.ProvisionDeviceRequestMsg) -> dict[str, Any]:
    """Return what the device wants to have, as JSON names it."""
    brought = asked.credentialsDataProto
    if asked.credentialsType == api.X509_CERTIFICATE:
        return {
            "credentialsType": CredentialsKind.X509_CERTIFICATE,
            "hash": brought.validateDeviceX509CertRequestMsg.hash,
        }
    if asked.credentialsType == api.MQTT_BASIC:
        basic = brought.validateBasicMqttCredRequestMsg
        return {
            "credentialsType": CredentialsKind.MQTT_BASIC,
            "clientId": basic.clientId or None,
            "username": basic.userName or None,
            "password": basic.password or None,
        }
    if asked.credentialsType not in api.CredentialsType.values():
        return {"credentialsType": str(asked.credentialsType)}
    token = brought.validateDeviceTokenRequestMsg.token
    return {"credentialsType": api.CredentialsType.Name(asked.credentialsType), "token": token or None}
