"""Attributes over HTTP: write, read, list and delete them by scope."""

from litestar import delete, get, post
from litestar.params import FromPath

from deedbox.api.context import ApiContext, ApiRequest, context_of, principal_of, source_address
from deedbox.api.shapes.values import AttributeShape, attribute_shape
from deedbox.api.values import (
    DEVICE,
    ENTITY,
    KeyQuery,
    KeysQuery,
    entity,
    json_body,
    json_operation,
    named_keys,
)
from deedbox.core import attribute_access
from deedbox.core.attribute_access import Named
from deedbox.core.attributes import Attribute, Scope
from deedbox.core.errors import InvalidValue
from deedbox.core.live import AttributesChanged
from deedbox.core.permissions import Resource
from deedbox.core.storage import Stores

TAGS = ["Attributes"]
_BODY = json_operation("Two attributes", {"targetTemperature": 21.5, "mode": "eco"})


@post(
    [ENTITY + "/{scope_name:str}", ENTITY + "/attributes/{scope_name:str}"],
    status_code=200,
    tags=TAGS,
    summary="Write attributes",
    operation_class=_BODY,
)
async def save_attributes(
    request: ApiRequest, entity_type: FromPath[str], entity_id: FromPath[str], scope_name: FromPath[str]
) -> None:
    """Write attributes of SERVER_SCOPE or SHARED_SCOPE; a device hears of shared ones at once.

    The SERVER_SCOPE attribute `claimingData`, as `{"secretKey": "...", "expirationTime": 1767225600000}`,
    sets the device's claim key. Owners write SHARED_SCOPE only; what they write ends with their ownership.
    """
    await _save(request, entity_type, entity_id, scope_name)


@post(
    DEVICE + "/{scope_name:str}",
    status_code=200,
    tags=TAGS,
    summary="Write attributes of a device",
    operation_class=_BODY,
)
async def save_device_attributes(
    request: ApiRequest, device_id: FromPath[str], scope_name: FromPath[str]
) -> None:
    """Write attributes of a device: the older address of the same."""
    await _save(request, Resource.DEVICE.value, device_id, scope_name)


@get(
    [ENTITY + "/values/attributes", ENTITY + "/values/attributes/{scope_name:str}"],
    tags=TAGS,
    summary="Read attributes",
)
async def get_attributes(
    request: ApiRequest,
    entity_type: FromPath[str],
    entity_id: FromPath[str],
    scope_name: FromPath[str | None] = None,
    keys: KeysQuery = None,
    key: KeyQuery = None,
) -> list[AttributeShape]:
    """Return attributes of one scope or of all; unknown names are left out.

    A claim key is shown only to those who may read it and name `claimingData` in `keys`, which is recorded.
    Otherwise its value is `{"hidden": true, "expirationTime": ...}`.
    """
    names = named_keys(keys, key)
    found = await _read(request, _named(entity_type, entity_id, scope_name, names or None))
    return [attribute_shape(it) for it in found]


@get(
    [ENTITY + "/keys/attributes", ENTITY + "/keys/attributes/{scope_name:str}"],
    tags=TAGS,
    summary="List names of attributes",
)
async def get_attribute_keys(
    request: ApiRequest,
    entity_type: FromPath[str],
    entity_id: FromPath[str],
    scope_name: FromPath[str | None] = None,
) -> list[str]:
    """Return the names of the attributes that you may see, of one scope or of all."""
    found = await _read(request, _named(entity_type, entity_id, scope_name, None))
    return list(dict.fromkeys(it.name for it in found))


@delete(ENTITY + "/{scope_name:str}", status_code=200, tags=TAGS, summary="Delete attributes")
async def delete_attributes(
    request: ApiRequest,
    entity_type: FromPath[str],
    entity_id: FromPath[str],
    scope_name: FromPath[str],
    keys: KeysQuery = None,
    key: KeyQuery = None,
) -> None:
    """Delete attributes by name; those that are not there are no error. Owners delete what they wrote."""
    await _delete(request, _named(entity_type, entity_id, scope_name, named_keys(keys, key)))


@delete(DEVICE + "/{scope_name:str}", status_code=200, tags=TAGS, summary="Delete attributes of a device")
async def delete_device_attributes(
    request: ApiRequest,
    device_id: FromPath[str],
    scope_name: FromPath[str],
    keys: KeysQuery = None,
    key: KeyQuery = None,
) -> None:
    """Delete attributes of a device: the older address of the same."""
    await _delete(request, _named(Resource.DEVICE.value, device_id, scope_name, named_keys(keys, key)))


async def _save(request: ApiRequest, entity_type: str, entity_id: str, scope_name: str) -> None:
    principal, context = await principal_of(request), context_of(request)
    wanted, data = _named(entity_type, entity_id, scope_name, None), await json_body(request)
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> int:
        return await attribute_access.save(stores, context.keys, principal, actor, wanted, data)

    epoch = await context.storage.write(work)
    _tell(context, wanted, epoch, list(data))


async def _read(request: ApiRequest, wanted: Named) -> list[Attribute]:
    principal, context = await principal_of(request), context_of(request)
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> list[Attribute]:
        return await attribute_access.read(stores, context.keys, principal, actor, wanted)

    run = context.storage.write if wanted.names_claim_key else context.storage.read
    return await run(work)


async def _delete(request: ApiRequest, wanted: Named) -> None:
    principal, context = await principal_of(request), context_of(request)
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> int:
        return await attribute_access.drop(stores, principal, actor, wanted)

    epoch = await context.storage.write(work)
    _tell(context, wanted, epoch, list(wanted.names or ()))


def _named(entity_type: str, entity_id: str, scope_name: str | None, names: list[str] | None) -> Named:
    scopes = tuple(Scope) if scope_name is None else (_scope(scope_name),)
    return Named(*entity(entity_type, entity_id), scopes, None if names is None else frozenset(names))


def _scope(text: str) -> Scope:
    if text in Scope.__members__:
        return Scope[text]
    raise InvalidValue(f"Invalid scope: {text[:64]}. Expected: {', '.join(Scope.__members__)}.", "/scope")


def _tell(context: ApiContext, wanted: Named, epoch: int, names: list[str]) -> None:
    """Tell the device, if it may know these attributes, and whoever watches it; after the commit."""
    scope = wanted.scopes[0]
    if wanted.kind is Resource.DEVICE and scope is Scope.SHARED_SCOPE:
        context.shared_attributes_changed(wanted.id, names)
    context.live.tell(AttributesChanged(wanted.id, epoch, scope, tuple(names)))
