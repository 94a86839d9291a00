"""Lists of a thing's relations, under the addresses of older and newer clients of the reference server."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import unquote
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, QueryParameter

from deedbox.api.context import ApiRequest
from deedbox.api.relations import GROUP, TAGS, reading
from deedbox.api.shapes.relations import (
    RelationInfoShape,
    RelationShape,
    related_shape,
    relation_info_shape,
)
from deedbox.core import relations
from deedbox.core.entities import Reference, kind_of
from deedbox.core.errors import InvalidValue
from deedbox.core.relations import Direction, Group, Related, Relating


@dataclass(frozen=True)
class KnownEnd:
    """The end of relations that a query names, and which way they lead from it."""

    end: Reference
    direction: Direction


def end_parameters(
    from_type: Annotated[str, QueryParameter(name="fromType")] = "",
    from_id: Annotated[UUID | None, QueryParameter(name="fromId")] = None,
    to_type: Annotated[str, QueryParameter(name="toType")] = "",
    to_id: Annotated[UUID | None, QueryParameter(name="toId")] = None,
) -> KnownEnd:
    """Return the end that a query names: the dependency `known`."""
    if from_type and from_id and not (to_type or to_id):
        return KnownEnd(Reference(kind_of(from_type, "fromType"), from_id), Direction.FROM)
    if to_type and to_id and not (from_type or from_id):
        return KnownEnd(Reference(kind_of(to_type, "toType"), to_id), Direction.TO)
    raise InvalidValue("Name one end: either fromType and fromId, or toType and toId.", "/fromId")


_ENDS = {**GROUP, "known": Provide(end_parameters, sync_to_thread=False)}


@get(
    "/api/relations/from/{entity_type:str}/{entity_id:str}",
    dependencies=GROUP,
    tags=TAGS,
    summary="List relations that lead from a thing",
)
async def list_from(
    request: ApiRequest,
    entity_type: FromPath[str],
    entity_id: FromPath[UUID],
    group: NamedDependency[Group],
) -> list[RelationShape]:
    """Return the relations that lead from a thing, if you may read what is at the other end."""
    end = Reference(kind_of(entity_type, "entityType"), entity_id)
    found = await _found(request, end, Direction.FROM, group)
    return [related_shape(it) for it in found]


@get(
    "/api/relations/from/{entity_type:str}/{entity_id:str}/{relation_type:str}",
    dependencies=GROUP,
    tags=TAGS,
    summary="List relations that lead from a thing, of one type",
)
async def list_from_of_type(
    request: ApiRequest,
    entity_type: FromPath[str],
    entity_id: FromPath[UUID],
    relation_type: FromPath[str],
    group: NamedDependency[Group],
) -> list[RelationShape]:
    """Return the relations of one type that lead from a thing."""
    end = Reference(kind_of(entity_type, "entityType"), entity_id)
    found = await _found(request, end, Direction.FROM, group, unquote(relation_type))
    return [related_shape(it) for it in found]


@get(
    "/api/relations/info/from/{entity_type:str}/{entity_id:str}",
    dependencies=GROUP,
    tags=TAGS,
    summary="List relations that lead from a thing, with names",
)
async def list_infos_from(
    request: ApiRequest,
    entity_type: FromPath[str],
    entity_id: FromPath[UUID],
    group: NamedDependency[Group],
) -> list[RelationInfoShape]:
    """Return the relations that lead from a thing with the names of their ends."""
    end = Reference(kind_of(entity_type, "entityType"), entity_id)
    found = await _found(request, end, Direction.FROM, group)
    return [relation_info_shape(it) for it in found]


@get(
    "/api/relations/to/{entity_type:str}/{entity_id:str}",
    dependencies=GROUP,
    tags=TAGS,
    summary="List relations that lead to a thing",
)
async def list_to(
    request: ApiRequest,
    entity_type: FromPath[str],
    entity_id: FromPath[UUID],
    group: NamedDependency[Group],
) -> list[RelationShape]:
    """Return the relations that lead to a thing, if you may read what is at the other end."""
    end = Reference(kind_of(entity_type, "entityType"), entity_id)
    found = await _found(request, end, Direction.TO, group)
    return [related_shape(it) for it in found]


@get(
    "/api/relations/to/{entity_type:str}/{entity_id:str}/{relation_type:str}",
    dependencies=GROUP,
    tags=TAGS,
    summary="List relations that lead to a thing, of one type",
)
async def list_to_of_type(
    request: ApiRequest,
    entity_type: FromPath[str],
    entity_id: FromPath[UUID],
    relation_type: FromPath[str],
    group: NamedDependency[Group],
) -> list[RelationShape]:
    """Return the relations of one type that lead to a thing."""
    end = Reference(kind_of(entity_type, "entityType"), entity_id)
    found = await _found(request, end, Direction.TO, group, unquote(relation_type))
    return [related_shape(it) for it in found]


@get(
    "/api/relations/info/to/{entity_type:str}/{entity_id:str}",
    dependencies=GROUP,
    tags=TAGS,
    summary="List relations that lead to a thing, with names",
)
async def list_infos_to(
    request: ApiRequest,
    entity_type: FromPath[str],
    entity_id: FromPath[UUID],
    group: NamedDependency[Group],
) -> list[RelationInfoShape]:
    """Return the relations that lead to a thing with the names of their ends."""
    end = Reference(kind_of(entity_type, "entityType"), entity_id)
    found = await _found(request, end, Direction.TO, group)
    return [relation_info_shape(it) for it in found]


@get("/api/relations", dependencies=_ENDS, tags=TAGS, summary="List relations of a thing (older clients)")
async def list_relations(
    request: ApiRequest,
    known: NamedDependency[KnownEnd],
    group: NamedDependency[Group],
    relation_type: Annotated[str | None, QueryParameter(name="relationType")] = None,
) -> list[RelationShape]:
    """Return the relations that lead from (`fromType`, `fromId`) or to (`toType`, `toId`) a thing."""
    found = await _found(request, known.end, known.direction, group, relation_type or None)
    return [related_shape(it) for it in found]


@get(
    "/api/relations/info",
    dependencies=_ENDS,
    tags=TAGS,
    summary="List relations of a thing with names (older clients)",
)
async def list_relation_infos(
    request: ApiRequest, known: NamedDependency[KnownEnd], group: NamedDependency[Group]
) -> list[RelationInfoShape]:
    """Return the same as `GET /api/relations`, with the names of both ends."""
    found = await _found(request, known.end, known.direction, group)
    return [relation_info_shape(it) for it in found]


async def _found(
    request: ApiRequest,
    end: Reference,
    direction: Direction,
    group: Group,
    relation_type: str | None = None,
) -> list[Related]:
    async def work(relating: Relating) -> list[Related]:
        return await relations.of_entity(relating, end, direction, group, relation_type)

    return await reading(request, work)
