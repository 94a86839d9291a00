"""Relations between things: make, read and delete them, one at a time."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar
from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.openapi.spec import Example
from litestar.params import Body, QueryParameter

from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.shapes.relations import (
    RelationSaveShape,
    RelationShape,
    relation_key,
    relation_shape,
)
from deedbox.core import relations
from deedbox.core.entities import Reference, kind_of
from deedbox.core.errors import InvalidValue
from deedbox.core.permissions import Operation
from deedbox.core.relations import Group, Relating, Relation, RelationKey
from deedbox.core.storage import Stores

TAGS = ["Relations"]
T = TypeVar("T")
_CONTAINS = Example(
    summary="A room has a device",
    value={
        "from": {"entityType": "ASSET", "id": "01890a5d-ac96-774b-bcce-b302099a8057"},
        "to": {"entityType": "DEVICE", "id": "01890a5d-ac96-774b-bcce-b302099a8058"},
        "type": "Contains",
    },
)


def group_parameter(
    name: Annotated[
        str, QueryParameter(name="relationTypeGroup", description="COMMON, unless it says another one.")
    ] = "",
) -> Group:
    """Return the group of relations that a request asks for: the dependency `group`."""
    if name and name not in Group.__members__:
        known = ", ".join(Group)
        raise InvalidValue(
            f"relationTypeGroup can't be '{name[:64]}'. Expected: {known}.", "/relationTypeGroup"
        )
    return Group(name or Group.COMMON)


def key_parameters(
    from_type: Annotated[str, QueryParameter(name="fromType")],
    from_id: Annotated[UUID, QueryParameter(name="fromId")],
    to_type: Annotated[str, QueryParameter(name="toType")],
    to_id: Annotated[UUID, QueryParameter(name="toId")],
    relation_type: Annotated[str, QueryParameter(name="relationType")],
    group: NamedDependency[Group],
) -> RelationKey:
    """Return the relation that a request names: the dependency `key`."""
    source = Reference(kind_of(from_type, "fromType"), from_id)
    goal = Reference(kind_of(to_type, "toType"), to_id)
    return RelationKey(source, goal, relation_type, group)


GROUP = {"group": Provide(group_parameter, sync_to_thread=False)}
_KEY = {**GROUP, "key": Provide(key_parameters, sync_to_thread=False)}


@post("/api/relation", status_code=200, tags=TAGS, summary="Make or change a relation")
async def save_relation(
    request: ApiRequest, data: Annotated[RelationSaveShape, Body(examples=[_CONTAINS])]
) -> None:
    """Store a relation between two things of your tenant, in place of the one of the same type and ends.

    For tenant administrators. Either end may be a device, asset, customer, user, profile, or the tenant.
    """
    await _save(request, data)


@post("/api/v2/relation", status_code=200, tags=TAGS, summary="Make or change a relation (newer clients)")
async def save_and_return_relation(
    request: ApiRequest, data: Annotated[RelationSaveShape, Body(examples=[_CONTAINS])]
) -> RelationShape:
    """Store a relation as `POST /api/relation` does, and return it."""
    return relation_shape(await _save(request, data))


@get("/api/relation", dependencies=_KEY, tags=TAGS, summary="Read a relation")
async def get_relation(request: ApiRequest, key: NamedDependency[RelationKey]) -> RelationShape:
    """Return a relation between two things that you may read."""

    async def work(relating: Relating) -> Relation:
        return await relations.read(relating, key)

    return relation_shape(await reading(request, work))


@delete("/api/relation", dependencies=_KEY, status_code=200, tags=TAGS, summary="Delete a relation")
async def delete_relation(request: ApiRequest, key: NamedDependency[RelationKey]) -> None:
    """Delete a relation. For tenant administrators."""
    await _delete(request, key)


@delete(
    "/api/v2/relation",
    dependencies=_KEY,
    status_code=200,
    tags=TAGS,
    summary="Delete a relation (newer clients)",
)
async def delete_and_return_relation(request: ApiRequest, key: NamedDependency[RelationKey]) -> RelationShape:
    """Delete a relation as `DELETE /api/relation` does, and return what it was."""
    return relation_shape(await _delete(request, key))


@delete("/api/relations", status_code=200, tags=TAGS, summary="Delete all relations of a thing")
async def delete_relations(
    request: ApiRequest,
    entity_type: Annotated[str, QueryParameter(name="entityType")],
    entity_id: Annotated[UUID, QueryParameter(name="entityId")],
) -> None:
    """Delete all relations of the group COMMON that lead from or to a thing. For tenant administrators."""
    end = Reference(kind_of(entity_type, "entityType"), entity_id)

    async def work(relating: Relating) -> None:
        await relations.delete_all(relating, end)

    await _writing(request, work)


async def reading(request: ApiRequest, work: Callable[[Relating], Coroutine[Any, Any, T]]) -> T:
    """Run work that reads relations, if whoever asks may read any. Raises NotPermitted."""
    relating = await relating_of(request, Operation.READ)
    return await context_of(request).storage.read(lambda stores: work(relating(stores)))


async def relating_of(request: ApiRequest, operation: Operation) -> Callable[[Stores], Relating]:
    """Return what makes, of a transaction's stores, what relations need. Raises NotPermitted."""
    principal = await principal_of(request)
    relations.check_allowed(principal, operation)
    actor = principal.actor(source_address(request))
    return lambda stores: Relating(stores.relations, stores.entities, principal, actor)


async def _writing(request: ApiRequest, work: Callable[[Relating], Coroutine[Any, Any, T]]) -> T:
    relating = await relating_of(request, Operation.WRITE)
    return await context_of(request).storage.write(lambda stores: work(relating(stores)))


async def _save(request: ApiRequest, data: RelationSaveShape) -> Relation:
    async def work(relating: Relating) -> Relation:
        return await relations.save(relating, relation_key(data), data.additional_info)

    return await _writing(request, work)


async def _delete(request: ApiRequest, key: RelationKey) -> Relation:
    async def work(relating: Relating) -> Relation:
        return await relations.delete(relating, key)

    return await _writing(request, work)
