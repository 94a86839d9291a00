"""Roles as rows."""

from collections.abc import Collection, Mapping
from uuid import UUID

import msgspec

from deedbox.core.access.roles import Role, RoleKind, name_taken
from deedbox.core.ids import identifier
from deedbox.storage.records import RecordStore
from deedbox.storage.statements import Row, UniqueViolation


class RoleStore(RecordStore):
    """Roles inside a transaction."""

    async def roles(self, tenant_id: UUID, role_ids: Collection[UUID]) -> Mapping[UUID, Role]:
        """Return those of the roles that are stored."""
        asked = [(it,) for it in sorted(set(role_ids))]
        rows = await self.transaction.batch("roles_by_id", asked, tenant_id=tenant_id)
        return {it.id: it for it in map(_role, rows)}

    async def roles_of_tenant(self, tenant_id: UUID) -> list[Role]:
        """Return the tenant's stored roles."""
        return await self.transaction.structs("roles_of_tenant", Role, tenant_id=tenant_id)

    async def put_role(self, role: Role) -> None:
        """Store a new role or replace one. Raises NameTaken."""
        try:
            await self.transaction.run("put_role", **msgspec.structs.asdict(role))
        except UniqueViolation:
            raise name_taken() from None

    async def delete_role(self, role: Role) -> None:
        """Delete a role."""
        await self.transaction.run("delete_role", id=role.id, tenant_id=role.tenant_id)

    async def is_role_given(self, role_id: UUID) -> bool:
        """Tell whether any group permission gives the role."""
        return bool(await self.transaction.rows("is_role_given", id=role_id))


def _role(row: Row) -> Role:
    role_id, tenant_id, name, kind, permissions, additional_info, created_at, version = row
    return Role(
        identifier(role_id),
        identifier(tenant_id),
        name,
        RoleKind(kind),
        permissions,
        additional_info,
        created_at,
        version,
    )
