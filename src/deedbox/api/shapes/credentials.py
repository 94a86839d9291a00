"""Device credentials as JSON."""

from typing import Any
from uuid import UUID

import msgspec

from deedbox.api.shapes.devices import DeviceSaveShape, IdShape
from deedbox.api.shapes.entities import EntityId, Wire, reference
from deedbox.core.credential_kinds import CredentialsDraft, CredentialsKind, kind_named
from deedbox.core.credentials import Credentials


class CredentialsIdShape(Wire):
    """An id of credentials, which have no entity type."""

    id: UUID


class CredentialsShape(Wire):
    """A device's credentials; `credentialsId` is its access token, or what the kind is found by."""

    id: CredentialsIdShape
    created_time: int
    device_id: EntityId
    credentials_type: str
    credentials_id: str
    credentials_value: str | None
    version: int


class CredentialsSaveShape(Wire):
    """Credentials to be set; without `credentialsId` an access token is made up."""

    device_id: IdShape | None = None
    credentials_type: str = "ACCESS_TOKEN"
    credentials_id: str | None = None
    credentials_value: Any = None
    version: int | None = None


class DeviceWithCredentialsShape(Wire):
    """A device and its credentials, saved in one go."""

    device: DeviceSaveShape
    credentials: CredentialsSaveShape


def credentials_shape(it: Credentials) -> CredentialsShape:
    """Return the wire form of credentials, for those who may read them."""
    return CredentialsShape(
        id=CredentialsIdShape(id=it.id),
        created_time=it.created_at,
        device_id=reference("DEVICE", it.device_id),
        credentials_type=it.kind,
        credentials_id=it.credentials_id,
        credentials_value=it.value,
        version=it.version,
    )


def credentials_draft(it: CredentialsSaveShape) -> CredentialsDraft:
    """Return what the body wants. Raises InvalidValue for a kind that this server does not support."""
    kind, value = kind_named(it.credentials_type), it.credentials_value
    # The value of MQTT_BASIC is a string that holds JSON; some clients send the JSON itself.
    text = value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()
    return CredentialsDraft(kind, it.credentials_id if kind is CredentialsKind.ACCESS_TOKEN else None, text)
