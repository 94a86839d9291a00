"""Relations as rows."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from deedbox.core.entities import EntityKind, Reference
from deedbox.core.relations import Direction, Group, Relation, RelationKey
from deedbox.storage.records import RecordStore
from deedbox.storage.statements import Row, Transaction

_END = {Direction.FROM: "from", Direction.TO: "to"}


class RelationStore(RecordStore):
    """Relations inside a transaction."""

    async def relation(self, tenant_id: UUID, key: RelationKey) -> Relation | None:
        """Return the relation, None when there is none."""
        rows = await self.transaction.rows("relation_by_key", tenant_id=tenant_id, **_columns(key))
        return _relation(rows[0]) if rows else None

    async def relations(
        self, tenant_id: UUID, ends: Collection[Reference], direction: Direction, group: Group, most: int
    ) -> list[Relation]:
        """Return relations that lead from (or to) these ends, about `most` of them, in the order of ends."""
        asked = sorted((it.kind.value, it.id) for it in ends)
        rows = await self.transaction.batch(
            f"relations_{_END[direction]}", asked, tenant_id=tenant_id, type_group=group.value, most=most
        )
        return [_relation(row) for row in rows]

    async def count(self, end: Reference, direction: Direction, most: int) -> int:
        """Return how many relations lead from (or to) there, counted up to `most`."""
        statement = f"count_relations_{_END[direction]}"
        rows = await self.transaction.rows(statement, id=end.id, kind=end.kind.value, most=most)
        return int(rows[0][0])

    async def put(self, tenant_id: UUID, relation: Relation) -> Relation:
        """Store a relation, in place of what is there under its key; return it with its version."""
        rows = await self.transaction.rows(
            "put_relation",
            tenant_id=tenant_id,
            additional_info=relation.additional_info,
            **_columns(relation.key),
        )
        return Relation(relation.key, relation.additional_info, rows[0][0])

    async def delete(self, tenant_id: UUID, key: RelationKey) -> None:
        """Delete the relation."""
        await self.transaction.run("delete_relation", tenant_id=tenant_id, **_columns(key))

    async def delete_of_group(self, tenant_id: UUID, end: Reference, group: Group) -> None:
        """Delete all relations of a group that lead from or to there."""
        for direction in _END.values():
            await self.transaction.run(
                f"delete_relations_of_group_{direction}",
                tenant_id=tenant_id,
                id=end.id,
                kind=end.kind.value,
                type_group=group.value,
            )


async def forget_relations(transaction: Transaction, kind: str, ids: Collection[UUID]) -> None:
    """Delete all relations of things that are being deleted, in the transaction that deletes them."""
    asked = [(kind, it) for it in ids]
    for direction in _END.values():
        await transaction.batch(f"forget_relations_{direction}", asked)


async def forget_relations_of_tenant(transaction: Transaction, tenant_id: UUID, most: int) -> int:
    """Delete up to `most` relations of a tenant; return how many."""
    rows = await transaction.rows("some_relations_of_tenant", tenant_id=tenant_id, most=most)
    asked = [(UUID(bytes=row[0]), *row[1:4], UUID(bytes=row[4]), row[5]) for row in rows]
    await transaction.batch("erase_relations", asked)
    return len(rows)


def _columns(key: RelationKey) -> dict[str, Any]:
    return {
        "from_type": key.source.kind.value,
        "from_id": key.source.id,
        "to_type": key.goal.kind.value,
        "to_id": key.goal.id,
        "type": key.type,
        "type_group": key.group.value,
    }


def _relation(row: Row) -> Relation:
    from_type, from_id, to_type, to_id, kind, group, additional_info, version = row
    source = Reference(EntityKind(from_type), UUID(bytes=from_id))
    goal = Reference(EntityKind(to_type), UUID(bytes=to_id))
    return Relation(RelationKey(source, goal, kind, Group(group)), additional_info, version)
