"""Questions about many things over HTTP: find them with fields and latest values, or count them."""

from typing import Annotated

import msgspec
from litestar import post
from litestar.openapi.spec import Example
from litestar.params import Body

from deedbox.api.context import ApiContext, ApiRequest, context_of, principal_of
from deedbox.api.paging import walk_of
from deedbox.api.shapes.entities import Page
from deedbox.api.shapes.entity_queries import (
    EntityCountQueryShape,
    EntityDataQueryShape,
    EntityDataShape,
    entity_data_shape,
    entity_query,
)
from deedbox.core import entity_data
from deedbox.core.entity_data import Candidates, EntityRow
from deedbox.core.entity_queries import EntityQuery
from deedbox.core.paging import Listing, PageRequest
from deedbox.core.permissions import Principal
from deedbox.core.storage import Stores

TAGS = ["Entity queries"]
DEVICES_EXAMPLE = Example(
    summary="Devices with their temperature",
    value={
        "entityFilter": {"type": "deviceType", "deviceTypes": ["thermostat"], "deviceNameFilter": ""},
        "pageLink": {
            "pageSize": 10,
            "page": 0,
            "sortOrder": {"key": {"type": "ENTITY_FIELD", "key": "name"}, "direction": "ASC"},
        },
        "entityFields": [{"type": "ENTITY_FIELD", "key": "name"}, {"type": "ENTITY_FIELD", "key": "label"}],
        "latestValues": [{"type": "TIME_SERIES", "key": "temperature"}],
    },
)
_COUNT_EXAMPLE = Example(
    summary="How many are warm",
    value={
        "entityFilter": {"type": "entityType", "entityType": "DEVICE"},
        "keyFilters": [
            {
                "key": {"type": "TIME_SERIES", "key": "temperature"},
                "valueType": "NUMERIC",
                "predicate": {
                    "type": "NUMERIC",
                    "operation": "GREATER",
                    "value": {"defaultValue": 25, "dynamicValue": None},
                },
            }
        ],
    },
)


@post("/api/entitiesQuery/find", status_code=200, tags=TAGS, summary="Find entities with their latest values")
async def find_entities(
    request: ApiRequest, data: Annotated[EntityDataQueryShape, Body(examples=[DEVICES_EXAMPLE])]
) -> Page[EntityDataShape]:
    """Return a page of entities that you may see, with the fields and latest values that you ask for.

    Without filters and sorted by `createdTime`, `name`, `type` or `label` any number of devices is fine; else
    the query must be about 10000 at most. What has no value sorts last, and is "" at 0 in the answer.
    """
    principal = await principal_of(request)
    query = entity_query(data, principal)
    found = await found_rows(context_of(request), principal, query)
    return Page(
        data=[entity_data_shape(it, query) for it in found.items],
        total_pages=-(-found.total // query.page.size),
        total_elements=found.total,
        has_next=found.has_next,
    )


@post("/api/entitiesQuery/count", status_code=200, tags=TAGS, summary="Count entities")
async def count_entities(
    request: ApiRequest, data: Annotated[EntityCountQueryShape, Body(examples=[_COUNT_EXAMPLE])]
) -> int:
    """Return how many entities that you may see meet the filters."""
    principal = await principal_of(request)
    query = entity_query(data, principal)
    return await counted(context_of(request), principal, query)


async def counted(context: ApiContext, principal: Principal, query: EntityQuery) -> int:
    """Return how many things a question is about. Raises NotPermitted, InvalidValue."""
    found = await found_rows(context, principal, msgspec.structs.replace(query, page=PageRequest(size=1)))
    return found.total


async def found_rows(context: ApiContext, principal: Principal, query: EntityQuery) -> Listing[EntityRow]:
    """Return the page that answers a question. Raises NotPermitted, InvalidValue."""
    longest_s = context.reading_limits.longest_s
    wanted = entity_data.list_request(query) or PageRequest()
    walk = walk_of(principal, repr((query.chosen, wanted.size, wanted.search, query.order)))
    asked = context.pages.slice_of(walk, wanted)

    async def choose(stores: Stores) -> Candidates:
        return await entity_data.candidates(stores, principal, query, asked)

    found = await context.storage.read(choose, longest_s)
    context.pages.remember(walk, wanted, found.page.end if found.page else None)
    await context.storage.settle(found.ids)

    async def look(stores: Stores) -> Listing[EntityRow]:
        return await entity_data.answer(stores, principal, query, found)

    return await context.storage.read(look, longest_s)
