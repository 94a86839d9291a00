"""Devices: make, change, read and delete them, one at a time."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, QueryParameter

from deedbox.api.access.entering import INTO, enter
from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.shapes.credentials import DeviceWithCredentialsShape, credentials_draft
from deedbox.api.shapes.devices import (
    DeviceInfoShape,
    DeviceSaveShape,
    DeviceShape,
    device_draft,
    device_info_shape,
    device_shape,
    referred_id,
)
from deedbox.core import deeds, device_changes
from deedbox.core.credential_kinds import CredentialsDraft
from deedbox.core.device_access import check_device, locked, not_found
from deedbox.core.device_changes import DeviceMaking
from deedbox.core.device_names import Uniquify
from deedbox.core.devices import Device, DeviceInfo
from deedbox.core.errors import NotFound
from deedbox.core.permissions import Operation, Principal, Resource, Target, check, check_somewhere, refuse
from deedbox.core.storage import Stores

TAGS = ["Devices"]
_NEW = Example(summary="A new device", value={"name": "Thermostat 1", "type": "thermostat"})
_LABEL = Example(
    summary="Another label",
    value={"id": {"entityType": "DEVICE", "id": "01890a5d-ac96-774b-bcce-b302099a8057"}, "label": "Kitchen"},
)

_WITH_TOKEN = Example(
    summary="A device with a token of your own",
    value={
        "device": {"name": "Thermostat 2", "type": "thermostat"},
        "credentials": {"credentialsType": "ACCESS_TOKEN", "credentialsId": "Aq7sMwG2uXc9LzR4kTbE"},
    },
)


def uniquify_parameters(
    name_conflict_policy: Annotated[
        Literal["FAIL", "UNIQUIFY"], QueryParameter(name="nameConflictPolicy")
    ] = "FAIL",
    uniquify_separator: Annotated[str, QueryParameter(name="uniquifySeparator")] = "_",
    uniquify_strategy: Annotated[
        Literal["RANDOM", "INCREMENTAL"], QueryParameter(name="uniquifyStrategy")
    ] = "RANDOM",
) -> Uniquify | None:
    """Return what to do about a name that is taken: the dependency `uniquify`."""
    return Uniquify(uniquify_separator, uniquify_strategy) if name_conflict_policy == "UNIQUIFY" else None


_UNIQUIFY = {"uniquify": Provide(uniquify_parameters, sync_to_thread=False)}


@post(
    "/api/device",
    status_code=200,
    tags=TAGS,
    summary="Make or change a device",
    dependencies={**INTO, **_UNIQUIFY},
)
async def save_device(
    request: ApiRequest,
    data: Annotated[DeviceSaveShape, Body(examples=[_NEW, _LABEL])],
    into: NamedDependency[list[UUID]],
    uniquify: NamedDependency[Uniquify | None],
    access_token: Annotated[str | None, QueryParameter(name="accessToken")] = None,
) -> DeviceShape:
    """Make a device (no `id`) or change the one that `id` names; fields that are absent stay as they are.

    `accessToken` is for a new device, which gets a random one without, and so is `entityGroupId`. An owner
    may change `label` only.
    With `version` the change is refused (409) when somebody else changed the device since it was read.
    """
    credentials = CredentialsDraft(credentials_id=access_token) if access_token else None
    principal = await principal_of(request)
    _check_save(principal, data)

    async def work(stores: Stores) -> Device:
        parts, device_id = making(request, principal, stores), referred_id(data.id)
        if device_id is None:
            device = await _create(stores, parts, data, credentials, uniquify)
            await enter(stores, principal, parts.actor, device.id, into)
            return device
        state = await locked(stores.claims, principal, Operation.WRITE_LABEL, device_id)
        return await device_changes.change(parts, principal, state, device_draft(data), uniquify)

    return device_shape(await context_of(request).storage.write(work))


@post(
    "/api/device-with-credentials",
    status_code=200,
    tags=TAGS,
    summary="Make a device with credentials",
    dependencies=INTO,
)
async def save_device_with_credentials(
    request: ApiRequest,
    data: Annotated[DeviceWithCredentialsShape, Body(examples=[_WITH_TOKEN])],
    into: NamedDependency[list[UUID]],
) -> DeviceShape:
    """Make or change a device and set its credentials, both or neither."""
    principal = await principal_of(request)
    _check_save(principal, data.device)
    draft, version = credentials_draft(data.credentials), data.credentials.version

    async def work(stores: Stores) -> Device:
        parts, device_id = making(request, principal, stores), referred_id(data.device.id)
        if device_id is None:
            device = await _create(stores, parts, data.device, draft)
            await enter(stores, principal, parts.actor, device.id, into)
            return device
        state = await locked(stores.claims, principal, Operation.WRITE_CREDENTIALS, device_id)
        device = await device_changes.change(parts, principal, state, device_draft(data.device))
        await device_changes.replace_credentials(parts, state, draft, version)
        return device

    return device_shape(await context_of(request).storage.write(work))


@get("/api/device/{device_id:str}", tags=TAGS, summary="Read a device")
async def get_device(request: ApiRequest, device_id: FromPath[UUID]) -> DeviceShape:
    """Return a device of your tenant, or for customers one that they own."""
    return device_shape(await read_device(request, await principal_of(request), device_id))


@get("/api/device/info/{device_id:str}", tags=TAGS, summary="Read a device with its owner's title")
async def get_device_info(request: ApiRequest, device_id: FromPath[UUID]) -> DeviceInfoShape:
    """Return a device with its owner's title, its profile's name and whether it was active lately."""
    return device_info_shape(await read_device(request, await principal_of(request), device_id))


@get("/api/tenant/device", tags=TAGS, summary="Read a device by its name")
async def get_tenant_device(
    request: ApiRequest, device_name: Annotated[str, QueryParameter(name="deviceName")]
) -> DeviceShape:
    """Return the device with exactly this name. For tenant administrators."""
    return device_shape(await named_device(request, await principal_of(request), device_name))


@delete("/api/device/{device_id:str}", status_code=200, tags=TAGS, summary="Delete a device")
async def delete_device(request: ApiRequest, device_id: FromPath[UUID]) -> None:
    """Delete a device with all that it said; whoever owns it loses it, and its ownership history stays."""
    principal = await principal_of(request)

    async def work(stores: Stores) -> None:
        state = await locked(stores.claims, principal, Operation.DELETE, device_id)
        await device_changes.delete(making(request, principal, stores), stores.claims, state)

    await context_of(request).storage.write(work)
    await context_of(request).deed_closed(device_id)


async def read_device(request: ApiRequest, principal: Principal, device_id: UUID) -> DeviceInfo:
    """Return a device that the principal may read. Raises NotFound, NotPermitted."""
    check_somewhere(principal, Operation.READ, Resource.DEVICE)

    async def work(stores: Stores) -> DeviceInfo:
        found = await stores.devices.device(principal.tenant_id, device_id)
        if found is None:
            raise not_found(device_id)
        await check_device(stores.devices, principal, Operation.READ, found)
        return found

    return await context_of(request).storage.look(work)


async def named_device(request: ApiRequest, principal: Principal, name: str) -> DeviceInfo:
    """Return the tenant's device of that name, for people of the tenant. Raises NotFound, NotPermitted."""
    if principal.customer_id is not None:
        refuse(Operation.READ, Resource.DEVICE)
    check_somewhere(principal, Operation.READ, Resource.DEVICE)

    async def work(stores: Stores) -> DeviceInfo:
        ids = await stores.devices.device_ids_named(principal.tenant_id, [name])
        found = await stores.devices.devices(principal.tenant_id, ids.values())
        if not found:
            raise NotFound
        await check_device(stores.devices, principal, Operation.READ, found[0])
        return found[0]

    return await context_of(request).storage.look(work)


def making(request: ApiRequest, principal: Principal, stores: Stores) -> DeviceMaking:
    """Return what making and changing devices needs."""
    actor = principal.actor(source_address(request))
    return DeviceMaking(stores.devices, stores.device_profiles, context_of(request).keys, actor)


async def _create(
    stores: Stores,
    parts: DeviceMaking,
    data: DeviceSaveShape,
    credentials: CredentialsDraft | None,
    uniquify: Uniquify | None = None,
) -> Device:
    device = await device_changes.create(parts, device_draft(data), credentials, uniquify)
    customer_id = referred_id(data.customer_id) or parts.actor.customer_id
    if customer_id is None:
        return device
    return await deeds.assign(stores.claims, device.id, customer_id, parts.actor, parts.keys)


def _check_save(principal: Principal, data: DeviceSaveShape) -> None:
    # A device never changes its tenant: for anybody else's it does not exist.
    if referred_id(data.tenant_id) not in (None, principal.tenant_id):
        raise NotFound
    if referred_id(data.id) is not None:
        check_somewhere(principal, Operation.WRITE_LABEL, Resource.DEVICE)
        return
    customer_id = referred_id(data.customer_id) or principal.customer_id
    check(principal, Operation.CREATE, Target(Resource.DEVICE, principal.tenant_id, customer_id))
    if customer_id != principal.customer_id:
        assigning = Target(Resource.DEVICE, principal.tenant_id, customer_id)
        check(principal, Operation.ASSIGN_TO_CUSTOMER, assigning)
