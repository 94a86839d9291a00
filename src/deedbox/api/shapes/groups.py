"""Groups and group permissions as JSON."""

from typing import Any
from uuid import UUID

from deedbox.api.shapes.devices import IdShape
from deedbox.api.shapes.entities import EntityId, Wire, json_value, reference
from deedbox.api.shapes.roles import RoleShape, role_shape
from deedbox.core.access.group_permissions import Given
from deedbox.core.access.groups import EntityGroup, GroupDraft, Member, Owner


class GroupShape(Wire):
    """A group; `owner_ids`: the owner, and whom it belongs to."""

    id: EntityId
    created_time: int
    type: str
    name: str
    owner_id: EntityId
    owner_ids: list[EntityId]
    tenant_id: EntityId
    additional_info: Any
    configuration: Any
    version: int
    group_all: bool
    edge_group_all: bool = False


class GroupSaveShape(Wire):
    """A group to make (no `id`) or to change; `owner_id` is the caller's tenant or customer where absent."""

    id: IdShape | None = None
    tenant_id: IdShape | None = None
    owner_id: EntityId | None = None
    type: str | None = None
    name: str | None = None
    additional_info: Any = None
    configuration: Any = None
    version: int | None = None


class MemberShape(Wire):
    """A thing in a group."""

    id: EntityId
    name: str
    created_time: int


class GroupPermissionShape(Wire):
    """A role of a group of users; with what it names. `read_only`: it is there from the start."""

    id: EntityId
    created_time: int
    tenant_id: EntityId
    user_group_id: EntityId
    role_id: EntityId
    entity_group_id: EntityId
    entity_group_type: str | None
    name: str
    role: RoleShape
    user_group_name: str
    user_group_owner_id: EntityId
    entity_group_name: str | None
    entity_group_owner_id: EntityId | None
    read_only: bool
    is_public: bool = False
    public: bool = False


class GroupPermissionSaveShape(Wire):
    """A role to give to a group of users: of type GROUP, with the group of things that it is for."""

    id: IdShape | None = None
    tenant_id: IdShape | None = None
    user_group_id: IdShape | None = None
    role_id: IdShape | None = None
    entity_group_id: IdShape | None = None


def owner_reference(it: Owner) -> EntityId:
    """Return the wire form of an owner."""
    if it.customer_id is None:
        return reference("TENANT", it.tenant_id)
    return reference("CUSTOMER", it.customer_id)


def group_reference(group_id: UUID | None) -> EntityId:
    """Return the wire form of a reference to a group."""
    return reference("ENTITY_GROUP", group_id)


def group_shape(it: EntityGroup) -> GroupShape:
    """Return the wire form of a group."""
    owner, tenant = owner_reference(it.owner), reference("TENANT", it.tenant_id)
    return GroupShape(
        id=group_reference(it.id),
        created_time=it.created_at,
        type=it.kind,
        name=it.name,
        owner_id=owner,
        owner_ids=[owner] if owner == tenant else [owner, tenant],
        tenant_id=tenant,
        additional_info=json_value(it.additional_info),
        configuration=json_value(it.configuration),
        version=it.version,
        group_all=it.is_all,
    )


def group_draft(it: GroupSaveShape) -> GroupDraft:
    """Return what somebody wants a group to be."""
    return GroupDraft(it.name, it.type, it.additional_info, it.configuration, it.version)


def member_shape(kind: str, it: Member) -> MemberShape:
    """Return the wire form of a thing in a group."""
    return MemberShape(id=reference(kind, it.id), name=it.name, created_time=it.created_at)


def group_permission_shape(it: Given) -> GroupPermissionShape:
    """Return the wire form of a group permission with what it names."""
    return GroupPermissionShape(
        id=reference("GROUP_PERMISSION", it.permission.id),
        created_time=it.permission.created_at,
        tenant_id=reference("TENANT", it.permission.tenant_id),
        user_group_id=group_reference(it.users.id),
        role_id=reference("ROLE", it.role.id),
        entity_group_id=group_reference(it.things.id if it.things else None),
        entity_group_type=it.things.kind if it.things else None,
        name=f"{it.users.name}: {it.role.name}",
        role=role_shape(it.role),
        user_group_name=it.users.name,
        user_group_owner_id=owner_reference(it.users.owner),
        entity_group_name=it.things.name if it.things else None,
        entity_group_owner_id=owner_reference(it.things.owner) if it.things else None,
        read_only=it.is_computed,
    )
