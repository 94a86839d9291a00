"""Relations: what belongs to what. A relation leads from one thing to another and has a type, as "Contains".

Tenants make them, and nobody else: a relation decides which gateway speaks for a device (behaviour §2.8).
Who reads one must be able to read both of its ends, so a device's new owner sees neither the former one nor
anything of theirs. Deleting a thing deletes its relations.
"""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

import msgspec

from deedbox.core.entities import Entity, EntityStore, Reference, readable, readable_one
from deedbox.core.errors import LimitReached, NotFound
from deedbox.core.permissions import Operation, Principal, Resource, Target, check
from deedbox.core.records import Actor, RecordStore, Subject, audit_entry
from deedbox.core.texts import checked_json, required_name

#: Relations that one thing may have in each direction: lists of them have no pages.
MOST_RELATIONS = 10_000
LONGEST_ADDITIONAL_INFO = 65_536


class Direction(StrEnum):
    """Which end of a relation is known: it leads from there, or to there."""

    FROM = "FROM"
    TO = "TO"


class Group(StrEnum):
    """What relations are for. Clients use COMMON; the others are kept for those that know them."""

    COMMON = "COMMON"
    DASHBOARD = "DASHBOARD"
    RULE_CHAIN = "RULE_CHAIN"
    RULE_NODE = "RULE_NODE"
    EDGE = "EDGE"
    EDGE_AUTO_ASSIGN_RULE_CHAIN = "EDGE_AUTO_ASSIGN_RULE_CHAIN"


class RelationKey(msgspec.Struct, frozen=True):
    """What makes a relation the one that it is."""

    source: Reference
    goal: Reference
    type: str
    group: Group = Group.COMMON

    def end(self, direction: Direction) -> Reference:
        """Return the end that is known, when relations are followed in that direction."""
        return self.source if direction is Direction.FROM else self.goal

    def far_end(self, direction: Direction) -> Reference:
        """Return the other end."""
        return self.goal if direction is Direction.FROM else self.source


class Relation(msgspec.Struct, frozen=True):
    """A relation; `additional_info` is JSON text as the tenant wrote it."""

    key: RelationKey
    additional_info: str = "null"
    version: int = 1


class Related(msgspec.Struct, frozen=True):
    """A relation with the names of its ends."""

    relation: Relation
    source_name: str
    goal_name: str


class RelationStore(RecordStore, Protocol):
    """Rows of relations, inside one transaction; each look-up stays within its tenant."""

    async def now_ms(self) -> int:
        """Return the transaction's moment in epoch milliseconds."""
        ...

    async def relation(self, tenant_id: UUID, key: RelationKey) -> Relation | None:
        """Return the relation, None when there is none."""
        ...

    async def relations(  # which ends, which way, of which group and type, how many at most
        self, tenant_id: UUID, ends: Collection[Reference], direction: Direction, group: Group, most: int
    ) -> list[Relation]:
        """Return relations that lead from (or to) these ends, about `most` of them, in the order of ends."""
        ...

    async def count(self, end: Reference, direction: Direction, most: int) -> int:
        """Return how many relations lead from (or to) there, counted up to `most`."""
        ...

    async def put(self, tenant_id: UUID, relation: Relation) -> Relation:
        """Store a relation, in place of what is there under its key; return it with its version."""
        ...

    async def delete(self, tenant_id: UUID, key: RelationKey) -> None:
        """Delete the relation."""
        ...

    async def delete_of_group(self, tenant_id: UUID, end: Reference, group: Group) -> None:
        """Delete all relations of a group that lead from or to there."""
        ...


class Relating(msgspec.Struct, frozen=True):
    """What reading and changing relations needs: stores of one transaction, and for whom it is."""

    relations: RelationStore
    entities: EntityStore
    principal: Principal
    actor: Actor


def check_allowed(principal: Principal, operation: Operation) -> None:
    """Return when the principal may do that to relations at all. Raises NotPermitted."""
    check(principal, operation, Target(Resource.RELATION, principal.tenant_id))


def checked_type(text: str | None) -> str:
    """Return a relation's type. Raises InvalidValue for none, and for what no type can be."""
    return required_name(text, "Relation", "type")


async def save(relating: Relating, key: RelationKey, additional_info: object) -> Relation:
    """Store a relation, or replace the additional info of the one that is there.

    Raises NotFound for an end that the tenant does not have, InvalidValue, LimitReached.
    """
    ends = await _ends(relating, key)
    checked_type(key.type)
    wanted = Relation(key, checked_json(additional_info, "additionalInfo", LONGEST_ADDITIONAL_INFO))
    tenant_id = relating.principal.tenant_id
    if await relating.relations.relation(tenant_id, key) is None:
        await _check_room(relating.relations, key)
    relation = await relating.relations.put(tenant_id, wanted)
    await _record(relating, ends, "RELATION_ADD_OR_UPDATE", {"relation": _shown(key)})
    return relation


async def delete(relating: Relating, key: RelationKey) -> Relation:
    """Delete a relation and return what it was. Raises NotFound."""
    ends = await _ends(relating, key)
    found = await relating.relations.relation(relating.principal.tenant_id, key)
    if found is None:
        raise NotFound
    await relating.relations.delete(relating.principal.tenant_id, key)
    await _record(relating, ends, "RELATION_DELETED", {"relation": _shown(key)})
    return found


async def delete_all(relating: Relating, end: Reference) -> None:
    """Delete all relations of the group COMMON that lead from or to a thing. Raises NotFound."""
    found = await readable_one(relating.entities, relating.principal, end)
    await relating.relations.delete_of_group(relating.principal.tenant_id, end, Group.COMMON)
    await _record(relating, [found], "RELATIONS_DELETED", {"entityId": end.id})


async def read(relating: Relating, key: RelationKey) -> Relation:
    """Return a relation whose ends the principal may read. Raises NotFound, NotPermitted."""
    await _ends(relating, key)
    found = await relating.relations.relation(relating.principal.tenant_id, key)
    if found is None:
        raise NotFound
    return found


async def of_entity(
    relating: Relating, end: Reference, direction: Direction, group: Group, relation_type: str | None = None
) -> list[Related]:
    """Return the relations of a thing in one direction, as far as the principal may read the other ends.

    Raises NotFound, NotPermitted.
    """
    await readable_one(relating.entities, relating.principal, end)
    tenant_id = relating.principal.tenant_id
    found = await relating.relations.relations(tenant_id, [end], direction, group, MOST_RELATIONS)
    wanted = [it for it in found if relation_type in (None, it.key.type)]
    return await visible(relating, wanted, {})


async def visible(
    relating: Relating, found: Sequence[Relation], known: dict[Reference, Entity]
) -> list[Related]:
    """Return those of the relations whose two ends the principal may read; add the ends to `known`."""
    ends = {end for it in found for end in (it.key.source, it.key.goal)}
    known |= await readable(relating.entities, relating.principal, ends - known.keys())
    return [
        Related(it, known[it.key.source].name, known[it.key.goal].name)
        for it in found
        if it.key.source in known and it.key.goal in known
    ]


async def _ends(relating: Relating, key: RelationKey) -> list[Entity]:
    ends = (key.source, key.goal)
    return [await readable_one(relating.entities, relating.principal, end) for end in ends]


async def _check_room(store: RelationStore, key: RelationKey) -> None:
    for direction in Direction:
        end = key.end(direction)
        if await store.count(end, direction, MOST_RELATIONS) >= MOST_RELATIONS:
            raise LimitReached(
                f"At most {MOST_RELATIONS} relations may lead {direction.lower()} one {end.kind.lower()}. "
                "Delete some, or put something between."
            )


def _shown(key: RelationKey) -> dict[str, Any]:
    ends = {"from": key.source, "to": key.goal}
    shown = {name: {"entityType": it.kind, "id": str(it.id)} for name, it in ends.items()}
    return shown | {"type": key.type, "typeGroup": key.group}


async def _record(relating: Relating, ends: Sequence[Entity], action: str, data: dict[str, Any]) -> None:
    """Write an entry for each thing that is concerned."""
    store, now_ms = relating.relations, await relating.relations.now_ms()
    about = [Subject(it.reference.kind, it.reference.id, it.name, it.epoch) for it in ends]
    await store.add_audit_entries(
        [audit_entry(store, relating.actor, it, action, now_ms=now_ms, data=data) for it in about]
    )
