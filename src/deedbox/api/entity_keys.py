"""Names of keys over HTTP: which time series and attributes many things have."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import Body, QueryParameter
from msgspec import UNSET

from deedbox.api.context import ApiRequest, context_of, principal_of
from deedbox.api.entity_queries import DEVICES_EXAMPLE, TAGS, found_rows
from deedbox.api.shapes.entity_keys import (
    AvailableKeysShape,
    AvailableKeysV2Shape,
    attribute_infos,
    attribute_names,
    key_infos,
)
from deedbox.api.shapes.entity_queries import EntityDataQueryShape, entity_query
from deedbox.core.attributes import Scope
from deedbox.core.entity_keys import LOOKED_AT, Keys, keys_of, sample_of_profile
from deedbox.core.errors import InvalidValue
from deedbox.core.permissions import Principal, Resource
from deedbox.core.storage import Stores

Query = Annotated[EntityDataQueryShape, Body(examples=[DEVICES_EXAMPLE])]
ProfileId = Annotated[
    UUID | None, QueryParameter(name="deviceProfileId", description="Only devices of this profile.")
]


@post("/api/entitiesQuery/find/keys", status_code=200, tags=TAGS, summary="Name the keys of entities")
async def find_keys(
    request: ApiRequest,
    data: Query,
    timeseries: Annotated[bool, QueryParameter(name="timeseries")] = True,
    attributes: Annotated[bool, QueryParameter(name="attributes")] = True,
    scope_name: Annotated[str | None, QueryParameter(name="scope", description="Only of this scope.")] = None,
) -> AvailableKeysShape:
    """Return names of time series and attributes of the first 100 entities that the query finds."""
    scopes = _scopes([scope_name] if scope_name else None) if attributes else ()
    kind, ids, keys = await _keys_of_query(request, data, scopes, with_series=timeseries)
    return AvailableKeysShape(
        entity_types=[kind.value] if ids else [],
        timeseries=sorted(keys.series),
        attribute=attribute_names(keys),
    )


@post("/api/v2/entitiesQuery/find/keys", status_code=200, tags=TAGS, summary="Name keys, with examples")
async def find_keys_with_samples(  # one argument per parameter of the query
    request: ApiRequest,
    data: Query,
    include_series: Annotated[bool, QueryParameter(name="includeTimeseries")] = True,
    include_attributes: Annotated[bool, QueryParameter(name="includeAttributes")] = True,
    scopes: Annotated[list[str] | None, QueryParameter(name="scopes")] = None,
    include_samples: Annotated[bool, QueryParameter(name="includeSamples")] = False,
) -> AvailableKeysV2Shape:
    """Return keys of time series, and of attributes by scope; with `includeSamples` a value of each."""
    if not include_series and not include_attributes:
        raise InvalidValue("One of includeTimeseries and includeAttributes must be true.")
    wanted = _scopes(scopes) if include_attributes else ()
    kind, ids, keys = await _keys_of_query(request, data, wanted, with_series=include_series)
    return AvailableKeysV2Shape(
        total_entities=len(ids),
        entity_types=[kind.value] if ids else [],
        timeseries=key_infos(keys.series, with_samples=include_samples) if include_series else UNSET,
        attributes=attribute_infos(keys, with_samples=include_samples) if include_attributes else UNSET,
    )


@get("/api/deviceProfile/devices/keys/timeseries", tags=TAGS, summary="Name time series of devices")
async def profile_series_keys(request: ApiRequest, profile_id: ProfileId = None) -> list[str]:
    """Return names of time series that the 100 newest devices of a profile have, or of all profiles."""
    return sorted((await _keys_of_profile(request, profile_id, (), with_series=True)).series)


@get("/api/deviceProfile/devices/keys/attributes", tags=TAGS, summary="Name attributes of devices")
async def profile_attribute_keys(request: ApiRequest, profile_id: ProfileId = None) -> list[str]:
    """Return names of attributes that the 100 newest devices of a profile have, or of all profiles."""
    return attribute_names(await _keys_of_profile(request, profile_id, tuple(Scope), with_series=False))


async def _keys_of_query(
    request: ApiRequest, data: EntityDataQueryShape, scopes: Sequence[Scope], *, with_series: bool
) -> tuple[Resource, list[UUID], Keys]:
    principal = await principal_of(request)
    query = entity_query(data, principal)
    size = min(query.page.size, LOOKED_AT)
    query = msgspec.structs.replace(query, shown=(), page=msgspec.structs.replace(query.page, size=size))
    ids = [it.id for it in (await found_rows(context_of(request), principal, query)).items]
    kind = query.chosen.kind
    return kind, ids, await _keys(request, principal, kind, ids, scopes, with_series=with_series)


async def _keys_of_profile(
    request: ApiRequest, profile_id: UUID | None, scopes: Sequence[Scope], *, with_series: bool
) -> Keys:
    principal = await principal_of(request)

    async def work(stores: Stores) -> list[UUID]:
        return await sample_of_profile(stores, principal, profile_id)

    ids = await context_of(request).storage.read(work)
    return await _keys(request, principal, Resource.DEVICE, ids, scopes, with_series=with_series)


async def _keys(
    request: ApiRequest,
    principal: Principal,
    kind: Resource,
    ids: Sequence[UUID],
    scopes: Sequence[Scope],
    *,
    with_series: bool,
) -> Keys:
    storage = context_of(request).storage
    await storage.settle(ids)

    async def work(stores: Stores) -> Keys:
        return await keys_of(stores, principal, kind, ids, scopes, with_series=with_series)

    return await storage.read(work)


def _scopes(names: Sequence[str] | None) -> tuple[Scope, ...]:
    """Return the scopes of these names, which may be joined by commas; all without names."""
    wanted = [name for joined in names or () for name in joined.split(",") if name]
    unknown = next((name for name in wanted if name not in Scope.__members__), None)
    if unknown is not None:
        raise InvalidValue(
            f"Invalid scope: {unknown[:64]}. Expected: {', '.join(Scope.__members__)}.", "/scope"
        )
    return tuple(Scope[name] for name in dict.fromkeys(wanted)) or tuple(Scope)
