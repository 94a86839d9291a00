"""Group permissions as rows, beside the roles and groups that they name."""

from collections.abc import Collection, Mapping
from uuid import UUID

import msgspec

from deedbox.core.access.group_permissions import GroupPermission, already_given
from deedbox.core.access.resolving import Membership
from deedbox.core.ids import identifier
from deedbox.core.permissions import Principal
from deedbox.storage.access.groups import GroupStore
from deedbox.storage.access.memberships import membership_of
from deedbox.storage.access.roles import RoleStore
from deedbox.storage.statements import Row, UniqueViolation


class GroupPermissionStore(GroupStore, RoleStore):
    """Group permissions inside a transaction."""

    async def membership(self, principal: Principal) -> Membership:
        """Return somebody's groups and what these give."""
        return await membership_of(self.transaction, principal)

    async def group_permissions(
        self, tenant_id: UUID, permission_ids: Collection[UUID]
    ) -> Mapping[UUID, GroupPermission]:
        """Return those that are stored."""
        asked = [(it,) for it in sorted(set(permission_ids))]
        rows = await self.transaction.batch("group_permissions_by_id", asked, tenant_id=tenant_id)
        return {it.id: it for it in map(_permission, rows)}

    async def permissions_of_users(self, tenant_id: UUID, user_group_id: UUID) -> list[GroupPermission]:
        """Return what is stored for a group of people."""
        asked = {"tenant_id": tenant_id, "group_id": user_group_id}
        return await self.transaction.structs("permissions_of_users", GroupPermission, **asked)

    async def permissions_for_things(self, tenant_id: UUID, entity_group_id: UUID) -> list[GroupPermission]:
        """Return what is stored for a group of things."""
        asked = {"tenant_id": tenant_id, "group_id": entity_group_id}
        return await self.transaction.structs("permissions_for_things", GroupPermission, **asked)

    async def add_group_permission(self, permission: GroupPermission) -> None:
        """Store a new one. Raises NameTaken for one that is there."""
        await self._put("add_group_permission", permission)

    async def change_group_permission(self, permission: GroupPermission) -> None:
        """Store role and group of things of one. Raises NameTaken."""
        await self._put("change_group_permission", permission)

    async def delete_group_permission(self, permission: GroupPermission) -> None:
        """Delete one."""
        asked = {"id": permission.id, "tenant_id": permission.tenant_id}
        await self.transaction.run("delete_group_permission", **asked)

    async def _put(self, statement: str, permission: GroupPermission) -> None:
        try:
            await self.transaction.run(statement, **msgspec.structs.asdict(permission))
        except UniqueViolation:
            raise already_given() from None


def _permission(row: Row) -> GroupPermission:
    permission_id, tenant_id, users, role_id, things = map(identifier, row[:5])
    return GroupPermission(permission_id, tenant_id, users, role_id, things, row[5])
