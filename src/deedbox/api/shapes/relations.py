"""Relations, and searches along them, as JSON."""

from typing import Any, Literal
from uuid import UUID

import msgspec

from deedbox.api.shapes.entities import EntityId, Wire, json_value
from deedbox.core.entities import EntityKind, Reference, kind_of
from deedbox.core.relation_searches import RelationFilter, Search
from deedbox.core.relations import Direction, Group, Related, Relation, RelationKey

GroupName = Literal["COMMON", "DASHBOARD", "RULE_CHAIN", "RULE_NODE", "EDGE", "EDGE_AUTO_ASSIGN_RULE_CHAIN"]


class RelationShape(Wire):
    """A relation as clients of the reference server know it."""

    source: EntityId = msgspec.field(name="from")
    goal: EntityId = msgspec.field(name="to")
    type: str
    type_group: str
    version: int
    additional_info: Any


class RelationInfoShape(RelationShape, kw_only=True):
    """A relation with the names of its ends."""

    from_name: str
    to_name: str


class RelationSaveShape(Wire):
    """A relation to be stored. There is one of each type between two things in a direction."""

    source: EntityId = msgspec.field(name="from")
    goal: EntityId = msgspec.field(name="to")
    type: str | None = None
    type_group: GroupName | None = None
    additional_info: Any = None


class SearchParametersShape(Wire):
    """Where a search begins and how far it goes; `maxLevel` 0 is as far as it can."""

    root_id: UUID
    root_type: str
    direction: Literal["FROM", "TO"] = "FROM"
    relation_type_group: GroupName | None = None
    max_level: int | None = None
    fetch_last_level_only: bool = False


class RelationFilterShape(Wire):
    """Relations of a type to things of some kinds; what is absent or empty means any."""

    relation_type: str | None = None
    entity_types: list[str] | None = None
    negate: bool = False


class RelationSearchShape(Wire):
    """A search for relations: any of the filters may let one pass; no filters let all pass."""

    parameters: SearchParametersShape
    filters: list[RelationFilterShape] | None = None


class DeviceSearchShape(Wire):
    """A search for devices by a type of relation, `Contains` when it says none; no types mean any."""

    parameters: SearchParametersShape
    relation_type: str | None = None
    device_types: list[str] | None = None


class AssetSearchShape(Wire):
    """A search for assets by a type of relation, `Contains` when it says none; no types mean any."""

    parameters: SearchParametersShape
    relation_type: str | None = None
    asset_types: list[str] | None = None


def relation_shape(it: Relation) -> RelationShape:
    """Return the wire form of a relation."""
    return RelationShape(**_fields(it))


def related_shape(it: Related) -> RelationShape:
    """Return the wire form of a relation whose names are not asked for."""
    return relation_shape(it.relation)


def relation_info_shape(it: Related) -> RelationInfoShape:
    """Return the wire form of a relation with the names of its ends."""
    return RelationInfoShape(**_fields(it.relation), from_name=it.source_name, to_name=it.goal_name)


def relation_key(it: RelationSaveShape) -> RelationKey:
    """Return which relation the body means. Raises InvalidValue for kinds that have none."""
    source = Reference(kind_of(it.source.entity_type, "from/entityType"), it.source.id)
    goal = Reference(kind_of(it.goal.entity_type, "to/entityType"), it.goal.id)
    return RelationKey(source, goal, it.type or "", Group(it.type_group or Group.COMMON))


def relation_search(it: RelationSearchShape) -> Search:
    """Return what the body looks for. Raises InvalidValue for a kind that has no relations."""
    filters = (
        RelationFilter(one.relation_type or "", frozenset(one.entity_types or ()), one.negate)
        for one in it.filters or ()
    )
    return _search(it.parameters, tuple(filters))


def entity_search(parameters: SearchParametersShape, relation_type: str | None, kind: EntityKind) -> Search:
    """Return a search for things of one kind. Raises InvalidValue for a root that has no relations."""
    return _search(parameters, (RelationFilter(relation_type or "Contains", frozenset({kind.value})),))


def _search(it: SearchParametersShape, filters: tuple[RelationFilter, ...]) -> Search:
    root = Reference(kind_of(it.root_type, "parameters/rootType"), it.root_id)
    return Search(
        root,
        Direction(it.direction),
        Group(it.relation_type_group or Group.COMMON),
        # As in the reference server: absent is one level; nothing, or less, is all of them.
        1 if it.max_level is None else max(it.max_level, 0),
        it.fetch_last_level_only,
        filters,
    )


def _fields(it: Relation) -> dict[str, Any]:
    key = it.key
    return {
        "source": EntityId(key.source.kind.value, key.source.id),
        "goal": EntityId(key.goal.kind.value, key.goal.id),
        "type": key.type,
        "type_group": key.group.value,
        "version": it.version,
        "additional_info": json_value(it.additional_info),
    }
