"""Roles, and what somebody may, as JSON."""

from typing import Any
from uuid import UUID

import msgspec

from deedbox.api.shapes.devices import IdShape, referred_id
from deedbox.api.shapes.entities import EntityId, Wire, json_value, reference
from deedbox.core.access.roles import Role, RoleDraft


class RoleShape(Wire):
    """A role. `permissions` of a GENERIC one: operations by kind of thing; of a GROUP one: a list of them."""

    id: EntityId
    created_time: int
    tenant_id: EntityId
    customer_id: EntityId
    owner_id: EntityId
    name: str
    type: str
    permissions: Any
    version: int
    additional_info: Any
    excluded_permissions: Any = None


class RoleSaveShape(Wire):
    """A role to make (no `id`) or to change."""

    id: IdShape | None = None
    tenant_id: IdShape | None = None
    name: str | None = None
    type: str | None = None
    permissions: Any = None
    additional_info: Any = None
    version: int | None = None


class MergedGroupPermissionShape(Wire):
    """What may be done with what is in a group."""

    entity_type: str
    operations: list[str]


class ReadGroupsShape(Wire):
    """Which groups' things may be read; `has_generic_read`: all others too."""

    entity_group_ids: list[EntityId]
    has_generic_read: bool


class UserPermissionsShape(Wire):
    """What roles and groups add up to for somebody."""

    generic_permissions: dict[str, list[str]]
    group_permissions: dict[UUID, MergedGroupPermissionShape]
    read_group_permissions: dict[str, ReadGroupsShape]
    read_entity_permissions: dict[str, ReadGroupsShape]
    read_attr_permissions: dict[str, ReadGroupsShape]
    read_ts_permissions: dict[str, ReadGroupsShape]


class AllowedPermissionsShape(Wire):
    """What there is to allow, and what the caller may; `own_permissions` with Deedbox's own names, too."""

    operations_by_resource: dict[str, list[str]]
    allowed_for_group_role_operations: list[str]
    allowed_for_group_owner_only_operations: list[str]
    allowed_for_group_owner_only_group_operations: list[str]
    allowed_resources: list[str]
    user_permissions: UserPermissionsShape
    user_owner_id: EntityId
    own_permissions: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)


class ExplanationShape(Wire):
    """Whether somebody may, and why: each reason is enough by itself, or says what is missing."""

    allowed: bool
    operation: str
    resource: str
    reasons: list[str]


def role_shape(it: Role) -> RoleShape:
    """Return the wire form of a role."""
    tenant = reference("TENANT", it.tenant_id)
    return RoleShape(
        id=reference("ROLE", it.id),
        created_time=it.created_at,
        tenant_id=tenant,
        customer_id=reference("CUSTOMER", None),
        owner_id=tenant,
        name=it.name,
        type=it.kind.value,
        permissions=json_value(it.permissions),
        version=it.version,
        additional_info=json_value(it.additional_info),
    )


def role_draft(it: RoleSaveShape) -> RoleDraft:
    """Return what somebody wants a role to be."""
    return RoleDraft(it.name, it.type, it.permissions, it.additional_info, it.version)


def referred_role(it: RoleSaveShape) -> UUID | None:
    """Return the role that is to be changed, None for a new one."""
    return referred_id(it.id)
