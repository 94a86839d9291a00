"""Devices that provision themselves, the same over every transport: a JSON request in, a JSON answer out.

A wrong key costs others nothing: only a right one comes into a transaction that all others wait for.
"""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from deedbox.core import provisioning
from deedbox.core.credential_kinds import CredentialsDraft, CredentialsKind, MqttBasic
from deedbox.core.credentials import Credentials
from deedbox.core.errors import InvalidValue, TooManyAttempts
from deedbox.core.keys import KeyRing
from deedbox.core.provision_attempts import ProvisioningPolicy
from deedbox.core.provisioning import Provisioned, Provisioning, ProvisionRequest, Status
from deedbox.core.storage import Storage, Stores
from deedbox.transports.lenient_json import decode

#: What MQTT clients without credentials connect as, by user name or client id.
PROVISION = "provision"
_FORM = 'A request is {"provisionDeviceKey": "...", "provisionDeviceSecret": "...", "deviceName": "..."}'
_ERRORS: Mapping[Status, str] = {
    Status.FAILURE: "Failed to provision device!",
    Status.NOT_FOUND: "Provision data was not found!",
}
_PEM_LINE = 64


class DeviceProvisioning:
    """The core as devices without credentials see it. `ended` hears how each request went (for metrics)."""

    def __init__(
        self, storage: Storage, keys: KeyRing, policy: ProvisioningPolicy, ended: Callable[[str], None]
    ) -> None:
        self._storage = storage
        self._keys = keys
        self._policy = policy
        self._ended = ended

    async def answer(self, body: bytes, source_address: str) -> dict[str, Any]:
        """Provision a device; a refusal is an answer, too. The device's credentials are stored by then.

        Raises InvalidValue for what is no request, TooManyAttempts, StorageUnavailable.
        """
        done = await self._provisioned(provision_request(body, source_address))
        self._ended("too_many_attempts" if done.wait_ms else done.status.lower())
        if done.wait_ms:
            raise TooManyAttempts(done.wait_ms)
        if done.credentials is None:
            return {"status": done.status, "errorMsg": _ERRORS[done.status]}
        return {"status": done.status, **_told(done.credentials)}

    async def _provisioned(self, request: ProvisionRequest) -> Provisioned:
        async def is_right(stores: Stores) -> bool:
            return await provisioning.is_right(stores.provisioning, self._keys, request)

        if await self._storage.look(is_right):
            return await self._storage.write(lambda it: provisioning.provision(self.parts(it), request))
        return await self._storage.write_beside(lambda it: provisioning.refuse(self.parts(it), request))

    def parts(self, stores: Stores) -> Provisioning:
        """Return what provisioning needs, inside of one transaction."""
        return Provisioning(
            store=stores.provisioning,
            devices=stores.devices,
            deeds=stores.claims,
            profiles=stores.device_profiles,
            keys=self._keys,
            policy=self._policy,
        )

    def note(self, answer: str) -> None:
        """Count how it went with a device that asked in another way than by `answer`."""
        self._ended(answer)


def provision_request(body: bytes, source_address: str) -> ProvisionRequest:
    """Return what a device asks for. Raises InvalidValue, which never repeats what came."""
    message = decode(body)
    if not isinstance(message, dict):
        raise InvalidValue(f"{_FORM}; something else than an object came.")
    return ProvisionRequest(
        device_key=_text(message, "provisionDeviceKey", needed=True) or "",
        device_secret=_text(message, "provisionDeviceSecret", needed=True) or "",
        device_name=_text(message, "deviceName") or "",
        credentials=_credentials(message),
        is_gateway=message.get("gateway") in (True, "true"),
        source_address=source_address,
    )


def _text(message: Mapping[str, Any], name: str, *, needed: bool = False) -> str | None:
    value = message.get(name)
    if isinstance(value, str):
        return value
    if value is not None and not isinstance(value, int | float):
        raise InvalidValue(f"{name} must be a text.", f"/{name}")
    if value is None and needed:
        raise InvalidValue(f"{_FORM}; {name} is missing.", f"/{name}")
    return None if value is None else msgspec.json.encode(value).decode()


def _credentials(message: Mapping[str, Any]) -> CredentialsDraft | None:
    """Return what the device wants to have, None to leave it to the server."""
    kind = _text(message, "credentialsType") or CredentialsKind.ACCESS_TOKEN
    if kind == CredentialsKind.ACCESS_TOKEN:
        token = _text(message, "token")
        return CredentialsDraft(credentials_id=token) if token else None
    if kind == CredentialsKind.MQTT_BASIC:
        basic = MqttBasic(*(_text(message, it) for it in ("clientId", "username", "password")))
        return CredentialsDraft(CredentialsKind.MQTT_BASIC, None, msgspec.json.encode(basic).decode())
    if kind == CredentialsKind.X509_CERTIFICATE:
        return CredentialsDraft(CredentialsKind.X509_CERTIFICATE, None, _pem(_text(message, "hash") or ""))
    known = ", ".join(CredentialsKind)
    raise InvalidValue(f"credentialsType must be one of {known}.", "/credentialsType")


def _pem(certificate: str) -> str:
    """Return a certificate in PEM form; devices send it without its frame, too."""
    bare = "".join(certificate.split())
    try:
        b64decode(bare, validate=True)
    except (NotBase64, ValueError):
        return certificate
    lines = [bare[start : start + _PEM_LINE] for start in range(0, len(bare), _PEM_LINE)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----"])


def _told(credentials: Credentials) -> dict[str, Any]:
    """Return credentials as devices read them: MQTT_BASIC as an object, all else as a text."""
    value: Any = credentials.value
    if credentials.kind is CredentialsKind.ACCESS_TOKEN:
        value = credentials.credentials_id
    elif credentials.kind is CredentialsKind.MQTT_BASIC:
        value = msgspec.json.decode(credentials.value or "{}")
    return {"credentialsType": credentials.kind, "credentialsValue": value}
