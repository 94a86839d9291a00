"""Stored commands as JSON."""

from typing import Any
from uuid import UUID

from deedbox.api.shapes.entities import EntityId, Wire, json_value, reference
from deedbox.core.persistent_commands import PersistentCommand


class CommandBodyShape(Wire):
    """What the device is sent; `params` as a text that holds JSON."""

    method: str
    params: str


class CommandRequestShape(Wire):
    """A stored command as it was asked for; `additionalInfo` as a text that holds JSON."""

    id: UUID
    tenant_id: EntityId
    device_id: EntityId
    oneway: bool
    expiration_time: int
    body: CommandBodyShape
    persisted: bool
    retries: int | None
    additional_info: str


class PersistentCommandShape(Wire):
    """A stored command. `status` is one of QUEUED, SENT, DELIVERED, SUCCESSFUL, TIMEOUT, EXPIRED, FAILED.

    `response` is the device's reply or, for FAILED, `{"error": "..."}`. `epoch` is our addition.
    """

    id: EntityId
    created_time: int
    tenant_id: EntityId
    device_id: EntityId
    expiration_time: int
    request: CommandRequestShape
    response: Any
    status: str
    additional_info: Any
    epoch: int


def persistent_command_shape(it: PersistentCommand) -> PersistentCommandShape:
    """Return the wire form of a stored command."""
    return PersistentCommandShape(
        id=EntityId("RPC", it.id),
        created_time=it.created_at,
        tenant_id=reference("TENANT", it.tenant_id),
        device_id=reference("DEVICE", it.device_id),
        expiration_time=it.expires_at,
        request=_request(it),
        response=None if it.response is None else json_value(it.response),
        status=it.status.value,
        additional_info=json_value(it.additional_info),
        epoch=it.epoch,
    )


def _request(it: PersistentCommand) -> CommandRequestShape:
    return CommandRequestShape(
        id=it.id,
        tenant_id=reference("TENANT", it.tenant_id),
        device_id=reference("DEVICE", it.device_id),
        oneway=it.one_way,
        expiration_time=it.expires_at,
        body=CommandBodyShape(method=it.method, params=it.params),
        persisted=True,
        retries=it.retries,
        additional_info=it.additional_info,
    )
