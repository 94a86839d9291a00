"""Searches along relations: for relations, for devices, for assets."""

from typing import Annotated

from litestar import post
from litestar.openapi.spec import Example
from litestar.params import Body

from deedbox.api.context import ApiRequest, context_of
from deedbox.api.relations import TAGS, reading, relating_of
from deedbox.api.shapes.assets import AssetShape, asset_shape
from deedbox.api.shapes.devices import DeviceShape, device_shape
from deedbox.api.shapes.relations import (
    AssetSearchShape,
    DeviceSearchShape,
    RelationInfoShape,
    RelationSearchShape,
    RelationShape,
    entity_search,
    related_shape,
    relation_info_shape,
    relation_search,
)
from deedbox.core.assets import AssetInfo
from deedbox.core.devices import DeviceInfo
from deedbox.core.entities import EntityKind
from deedbox.core.permissions import Operation
from deedbox.core.relation_searches import Search, far_ends, search
from deedbox.core.relations import Related, Relating
from deedbox.core.storage import Stores

_FROM = {
    "rootId": "01890a5d-ac96-774b-bcce-b302099a8057",
    "rootType": "ASSET",
    "direction": "FROM",
    "relationTypeGroup": "COMMON",
    "maxLevel": 2,
    "fetchLastLevelOnly": False,
}
_RELATIONS = Example(
    summary="Devices in a building, and in its rooms",
    value={"parameters": _FROM, "filters": [{"relationType": "Contains", "entityTypes": ["DEVICE"]}]},
)
_DEVICES = Example(
    summary="Thermostats in a building, and in its rooms",
    value={"parameters": _FROM, "relationType": "Contains", "deviceTypes": ["thermostat"]},
)
_ASSETS = Example(
    summary="Rooms of a building",
    value={"parameters": _FROM, "relationType": "Contains", "assetTypes": ["room"]},
)


@post("/api/relations", status_code=200, tags=TAGS, summary="Search along relations")
async def search_relations(
    request: ApiRequest, data: Annotated[RelationSearchShape, Body(examples=[_RELATIONS])]
) -> list[RelationShape]:
    """Return relations that are found by following them from a thing, `maxLevel` levels deep."""
    return [related_shape(it) for it in await _found(request, relation_search(data))]


@post("/api/relations/info", status_code=200, tags=TAGS, summary="Search along relations, with names")
async def search_relation_infos(
    request: ApiRequest, data: Annotated[RelationSearchShape, Body(examples=[_RELATIONS])]
) -> list[RelationInfoShape]:
    """Return the same as `POST /api/relations`, with the names of both ends."""
    return [relation_info_shape(it) for it in await _found(request, relation_search(data))]


@post("/api/devices", status_code=200, tags=["Devices"], summary="Find devices by their relations")
async def search_devices(
    request: ApiRequest, data: Annotated[DeviceSearchShape, Body(examples=[_DEVICES])]
) -> list[DeviceShape]:
    """Return devices that are found by following relations from a thing, as far as you may read them."""
    relating = await relating_of(request, Operation.READ)
    wanted = entity_search(data.parameters, data.relation_type, EntityKind.DEVICE)

    async def work(stores: Stores) -> list[DeviceInfo]:
        parts = relating(stores)
        ids = far_ends(wanted, await search(parts, wanted), EntityKind.DEVICE)
        return await stores.devices.devices(parts.principal.tenant_id, ids)

    found = await context_of(request).storage.read(work)
    return [device_shape(it) for it in found if not data.device_types or it.type in data.device_types]


@post("/api/assets", status_code=200, tags=["Assets"], summary="Find assets by their relations")
async def search_assets(
    request: ApiRequest, data: Annotated[AssetSearchShape, Body(examples=[_ASSETS])]
) -> list[AssetShape]:
    """Return assets that are found by following relations from a thing, as far as you may read them."""
    relating = await relating_of(request, Operation.READ)
    wanted = entity_search(data.parameters, data.relation_type, EntityKind.ASSET)

    async def work(stores: Stores) -> list[AssetInfo]:
        parts = relating(stores)
        ids = far_ends(wanted, await search(parts, wanted), EntityKind.ASSET)
        return await stores.assets.assets(parts.principal.tenant_id, ids)

    found = await context_of(request).storage.read(work)
    return [asset_shape(it) for it in found if not data.asset_types or it.type in data.asset_types]


async def _found(request: ApiRequest, wanted: Search) -> list[Related]:
    async def work(relating: Relating) -> list[Related]:
        return await search(relating, wanted)

    return await reading(request, work)
