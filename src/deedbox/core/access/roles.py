"""Roles: named sets of permissions of a tenant, which groups of its people get by group permissions.

Each tenant has three from the start, which are computed: for its administrators, for its customers' users and
for customers' administrators. A tenant may change the latter two; what it writes is stored then.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.access import computed
from deedbox.core.access.computed import ComputedRole
from deedbox.core.access.grants import default_permissions
from deedbox.core.access.role_permissions import check_generic, check_operations
from deedbox.core.errors import InvalidValue, NameTaken, NotFound, VersionConflict
from deedbox.core.records import Actor, RecordStore, Subject, audit_entry
from deedbox.core.texts import checked_json, required_name

MOST_ROLES = 1000
_LONGEST_JSON = 65_536


class RoleKind(StrEnum):
    """What a role is about: all that an owner has, or what is in one group. The names are on the wire."""

    GENERIC = "GENERIC"
    GROUP = "GROUP"


class Role(msgspec.Struct, frozen=True):
    """A role. `permissions` is JSON text: of a GENERIC one {kind: [operations]}, of a GROUP one [operations].

    `created_at` is epoch milliseconds. `version` 0: computed, and nowhere stored.
    """

    id: UUID
    tenant_id: UUID
    name: str
    kind: RoleKind
    permissions: str
    additional_info: str
    created_at: int
    version: int

    @property
    def generic(self) -> Mapping[str, Collection[str]]:
        """The permissions of a GENERIC role; nothing of others."""
        return msgspec.json.decode(self.permissions) if self.kind is RoleKind.GENERIC else {}

    @property
    def operations(self) -> Collection[str]:
        """The permissions of a GROUP role; nothing of others."""
        return msgspec.json.decode(self.permissions) if self.kind is RoleKind.GROUP else ()


class RoleDraft(msgspec.Struct, frozen=True):
    """What somebody wants a role to be. `version` is the one they saw, None to overwrite."""

    name: str | None
    kind: str | None
    permissions: object
    additional_info: object = None
    version: int | None = None


class RoleStore(RecordStore, Protocol):
    """Stored roles, inside one transaction; each look-up stays within its tenant."""

    async def now_ms(self) -> int:
        """Return the transaction's moment in epoch milliseconds."""
        ...

    async def roles(self, tenant_id: UUID, role_ids: Collection[UUID]) -> Mapping[UUID, Role]:
        """Return those of the roles that are stored."""
        ...

    async def roles_of_tenant(self, tenant_id: UUID) -> list[Role]:
        """Return the tenant's stored roles: MOST_ROLES and some."""
        ...

    async def put_role(self, role: Role) -> None:
        """Store a new role or replace one. Raises NameTaken."""
        ...

    async def delete_role(self, role: Role) -> None:
        """Delete a role."""
        ...

    async def is_role_given(self, role_id: UUID) -> bool:
        """Tell whether any group permission gives the role."""
        ...


def computed_role(tenant_id: UUID, which: ComputedRole) -> Role:
    """Return a role as each tenant has it until it changes it."""
    permissions = msgspec.json.encode(default_permissions(which)).decode()
    identifier = computed.role_id(tenant_id, which)
    return Role(identifier, tenant_id, which.title, RoleKind.GENERIC, permissions, "null", 0, 0)


def computed_roles(tenant_id: UUID) -> dict[UUID, Role]:
    """Return the roles that each tenant has, by their ids."""
    found = [computed_role(tenant_id, it) for it in ComputedRole]
    return {it.id: it for it in found}


async def roles_of(store: RoleStore, tenant_id: UUID, role_ids: Collection[UUID]) -> list[Role]:
    """Return those of the roles that the tenant has, in the order of `role_ids`."""
    known = computed_roles(tenant_id) | dict(await store.roles(tenant_id, role_ids))
    return [known[it] for it in dict.fromkeys(role_ids) if it in known]


async def all_roles(store: RoleStore, tenant_id: UUID) -> list[Role]:
    """Return all roles of a tenant, the computed ones first."""
    stored = {it.id: it for it in await store.roles_of_tenant(tenant_id)}
    return list((computed_roles(tenant_id) | stored).values())


async def role_of(store: RoleStore, tenant_id: UUID, role_id: UUID) -> Role:
    """Return the tenant's role of that id. Raises NotFound."""
    found = await roles_of(store, tenant_id, [role_id])
    if not found:
        raise NotFound(f"Role with id [{role_id}] is not found")
    return found[0]


async def create(store: RoleStore, actor: Actor, wanted: RoleDraft) -> Role:
    """Store a new role. Raises InvalidValue, naming the field; NameTaken."""
    if len(await store.roles_of_tenant(actor.tenant_id)) >= MOST_ROLES:
        raise InvalidValue(f"A tenant can have {MOST_ROLES} roles. Delete some that nobody needs.")
    role = _checked(wanted, store.new_id(), actor.tenant_id, await store.now_ms())
    if role.name in {it.title for it in ComputedRole}:
        raise name_taken()
    await store.put_role(role)
    await _record(store, actor, role, "ADDED")
    return role


async def change(store: RoleStore, actor: Actor, role_id: UUID, wanted: RoleDraft) -> Role:
    """Replace name, permissions and additional info of a role; its kind stays.

    Raises NotFound, NameTaken, VersionConflict; InvalidValue, also for the tenant administrators' role.
    """
    before = await role_of(store, actor.tenant_id, role_id)
    which = computed.role_of(role_id)
    if which is not None and which[1] is ComputedRole.TENANT_ADMINISTRATOR:
        raise InvalidValue("The tenant administrators' role can't be changed. Make another role instead.")
    if wanted.version not in (None, before.version):
        raise VersionConflict
    if wanted.kind not in (None, before.kind):
        raise InvalidValue("The type of a role can't be changed. Make another role.", "/type")
    if which is not None and wanted.name not in (None, before.name):
        raise InvalidValue("A default role can't be renamed.", "/name")
    draft = msgspec.structs.replace(wanted, kind=before.kind, name=wanted.name or before.name)
    role = _checked(draft, role_id, actor.tenant_id, before.created_at or await store.now_ms())
    role = msgspec.structs.replace(role, version=before.version + 1)
    await store.put_role(role)
    await _record(store, actor, role, "UPDATED")
    return role


async def delete(store: RoleStore, actor: Actor, role_id: UUID) -> None:
    """Delete a role; a default role gets back what it was at first.

    Raises NotFound; InvalidValue for a role that is given to a group.
    """
    role = await role_of(store, actor.tenant_id, role_id)
    is_computed = computed.role_of(role_id) is not None
    if is_computed and not role.version:
        raise InvalidValue("A default role can't be deleted.")
    if not is_computed and await store.is_role_given(role_id):
        raise InvalidValue("This role is given to a group of users. Take it from the group first.")
    await store.delete_role(role)
    await _record(store, actor, role, "DELETED")


def name_taken() -> NameTaken:
    """Return the refusal of a second role with the same name."""
    return NameTaken("Role with such name already exists!", "/name")


def _checked(wanted: RoleDraft, role_id: UUID, tenant_id: UUID, now_ms: int) -> Role:
    if wanted.kind not in set(RoleKind):
        raise InvalidValue("The type of a role is GENERIC or GROUP.", "/type")
    kind = RoleKind(wanted.kind)
    check = check_generic if kind is RoleKind.GENERIC else check_operations
    check(wanted.permissions)
    return Role(
        role_id,
        tenant_id,
        required_name(wanted.name, "Role", "name"),
        kind,
        checked_json(wanted.permissions, "permissions", _LONGEST_JSON),
        checked_json(wanted.additional_info, "additionalInfo", _LONGEST_JSON),
        now_ms,
        1,
    )


async def _record(store: RoleStore, actor: Actor, role: Role, action: str) -> None:
    data = {"entityId": role.id, "name": role.name, "permissions": msgspec.Raw(role.permissions.encode())}
    subject = Subject("ROLE", role.id, role.name)
    entry = audit_entry(store, actor, subject, action, now_ms=await store.now_ms(), data=data)
    await store.add_audit_entries([entry])
