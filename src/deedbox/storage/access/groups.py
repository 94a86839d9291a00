"""Groups as rows, and who is in them."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import msgspec

from deedbox.core.access.computed import ComputedGroup
from deedbox.core.access.groups import EntityGroup, Member, Owner, name_taken
from deedbox.core.ids import identifier
from deedbox.core.paging import Listing, PageSlice
from deedbox.storage.paging import listing
from deedbox.storage.records import RecordStore
from deedbox.storage.statements import Row, UniqueViolation

_DEFAULT = (ComputedGroup.TENANT_ADMINISTRATORS, ComputedGroup.CUSTOMER_USERS)


class GroupStore(RecordStore):
    """Groups inside a transaction."""

    async def has_owner(self, owner: Owner) -> bool:
        """Tell whether the tenant is there, or has that customer."""
        asked = {"owner_id": owner.id, "tenant_id": owner.tenant_id}
        return bool(await self.transaction.rows("owner_exists", **asked))

    async def groups(self, tenant_id: UUID, group_ids: Collection[UUID]) -> Mapping[UUID, EntityGroup]:
        """Return those of the groups that are stored."""
        asked = [(it,) for it in sorted(set(group_ids))]
        rows = await self.transaction.batch("groups_by_id", asked, tenant_id=tenant_id)
        return {it.id: it for it in map(_group, rows)}

    async def groups_of_owner(self, owner: Owner, kind: str) -> list[EntityGroup]:
        """Return the stored groups of an owner, in the order of names."""
        asked = {"tenant_id": owner.tenant_id, "owner_id": owner.id, "kind": kind}
        return await self.transaction.structs("groups_of_owner", EntityGroup, **asked)

    async def add_group(self, group: EntityGroup) -> None:
        """Store a new group. Raises NameTaken."""
        await self._write("add_group", group)

    async def change_group(self, group: EntityGroup) -> None:
        """Store name, additional info, configuration and version. Raises NameTaken."""
        await self._write("change_group", group)

    async def delete_group(self, group: EntityGroup) -> None:
        """Delete a group with its members and what was given to it or for it."""
        await self.transaction.run("delete_permissions_of_group", id=group.id)
        await self.transaction.run("delete_members", id=group.id)
        await self.transaction.run("delete_group", id=group.id, tenant_id=group.tenant_id)

    async def owned(self, owner: Owner, kind: str, ids: Collection[UUID]) -> set[UUID]:
        """Return those of the things that are there and belong to the owner itself."""
        return {it.id for it in await self._belonging(owner, kind, ids)}

    async def add_members(self, group: EntityGroup, ids: Collection[UUID]) -> None:
        """Put things into a stored group, or people into a computed one."""
        if group.computed in _DEFAULT:
            await self.transaction.batch("enter_default_group", [(it,) for it in sorted(set(ids))])
        else:
            await self.transaction.batch("add_members", _pairs(group, ids))

    async def remove_members(self, group: EntityGroup, ids: Collection[UUID]) -> None:
        """Take things out of a stored group, or people out of a computed one."""
        if group.computed in _DEFAULT:
            theirs = await self.owned(group.owner, group.kind, ids)
            await self.leave_default_group(theirs)
        else:
            await self.transaction.batch("remove_members", _pairs(group, ids))

    async def leave_default_group(self, user_ids: Collection[UUID]) -> None:
        """Take people out of the group that they are in from the start."""
        await self.transaction.batch("leave_default_group", [(it,) for it in sorted(set(user_ids))])

    async def page_of_members(self, group: EntityGroup, asked: PageSlice) -> Listing[Member]:
        """Return a page of what is in a group of whatever kind."""
        kind = group.kind.lower()
        values: dict[str, Any] = {"owner_id": group.owner_id}
        of_whom = "of_tenant" if group.owner.customer_id is None else "of_customer"
        statement = f"all_{kind}_{of_whom}" if group.is_all else f"default_{kind}_{of_whom}"
        if not group.is_all and group.computed not in _DEFAULT:
            statement, values = f"members_{kind}", {"group_id": group.id}
        return await listing(self.transaction, statement, asked, Member, tally=None, **values)

    async def member(self, group: EntityGroup, entity_id: UUID) -> Member | None:
        """Return the thing if it is in the group."""
        found = {it.id: it for it in await self._belonging(group.owner, group.kind, [entity_id])}
        if group.computed in _DEFAULT and await self.transaction.batch(
            "who_left_default_group", [(entity_id,)]
        ):
            return None
        if group.is_all or group.computed in _DEFAULT:
            return found.get(entity_id)
        is_in = group.id in (await self.groups_of([entity_id])).get(entity_id, ())
        return found.get(entity_id) if is_in else None

    async def other_administrators(self, tenant_id: UUID, without: Collection[UUID]) -> int:
        """Count the tenant's people beside these who can sign in and are in its administrators' group."""
        rows = await self.transaction.rows("tenant_administrators", tenant_id=tenant_id)
        return len({identifier(row[0]) for row in rows} - set(without))

    async def _belonging(self, owner: Owner, kind: str, ids: Collection[UUID]) -> list[Member]:
        asked, statement = [(it,) for it in sorted(set(ids))], f"belonging_{kind.lower()}"
        rows = await self.transaction.batch(statement, asked, tenant_id=owner.tenant_id, owner_id=owner.id)
        return [Member(identifier(row[0]), row[1], row[2]) for row in rows]

    async def _write(self, statement: str, group: EntityGroup) -> None:
        try:
            await self.transaction.run(statement, **msgspec.structs.asdict(group))
        except UniqueViolation:
            raise name_taken() from None


def _pairs(group: EntityGroup, ids: Collection[UUID]) -> list[Row]:
    return [(group.id, it) for it in sorted(set(ids))]


def _group(row: Row) -> EntityGroup:
    return EntityGroup(identifier(row[0]), identifier(row[1]), identifier(row[2]), *row[3:])
