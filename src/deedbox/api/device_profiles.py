"""Device profiles, for administrators of their tenant; everybody there reads what lists show of them."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, post
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath

from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.shapes.device_profiles import (
    DeviceProfileInfoShape,
    DeviceProfileSaveShape,
    DeviceProfileShape,
    changed_profile_id,
    device_profile_draft,
    device_profile_info_shape,
    device_profile_shape,
    provision_wish,
)
from deedbox.core import device_profiles, provision_settings
from deedbox.core.device_profiles import DeviceProfile
from deedbox.core.permissions import Operation, Principal, Resource, Target, check
from deedbox.core.provision_settings import ProvisionSettings
from deedbox.core.storage import Stores

TAGS = ["Device profiles"]
_NEW = Example(
    summary="A profile whose devices need a key",
    value={"name": "thermostat", "forbidsEmptyKeys": True, "rotateCredentialsOnReclaim": True},
)


@post("/api/deviceProfile", status_code=200, tags=TAGS, summary="Make or change a device profile")
async def save_profile(
    request: ApiRequest, data: Annotated[DeviceProfileSaveShape, Body(examples=[_NEW])]
) -> DeviceProfileShape:
    """Make a profile, or change the one that `id` names; its devices' `type` follows its name.

    Our own settings (`allowClaimingByDefault`, `forbidsEmptyKeys`, `rotateCredentialsOnReclaim`,
    `newSecretOnReclaim`) stay as they are when they are absent. `newSecretOnReclaim` is kept for labels.
    `provisionType` other than DISABLED needs `provisionDeviceKey`, and `provisionDeviceSecret` in
    `profileData.provisionConfiguration`; a change that leaves them out keeps them.
    With `version` the change is refused (409) when somebody else changed the profile since.
    """
    profile_id = changed_profile_id(data)
    principal = await _allowed(request, Operation.CREATE if profile_id is None else Operation.WRITE)
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> DeviceProfileShape:
        store = stores.device_profiles
        if profile_id is None:
            saved = await device_profiles.create(store, actor, device_profile_draft(data, None))
        else:
            stored = await device_profiles.profile_of(store, principal.tenant_id, profile_id)
            wanted = device_profile_draft(data, stored)
            saved = await device_profiles.change(store, actor, wanted, data.version)
        keys, wish = context_of(request).keys, provision_wish(data)
        kept = await provision_settings.save(stores.provisioning, keys, saved.tenant_id, saved.id, wish)
        return device_profile_shape(saved, kept)

    saved_profile = await context_of(request).storage.write(work)
    await context_of(request).reload_manners()
    return saved_profile


@get("/api/deviceProfile/{profile_id:str}", tags=TAGS, summary="Read a device profile")
async def get_profile(request: ApiRequest, profile_id: FromPath[UUID]) -> DeviceProfileShape:
    """Return a profile of your tenant, with its secrets of provisioning: then it is audited.

    For tenant administrators.
    """
    principal = await _allowed(request, Operation.READ_CREDENTIALS)
    actor, context = principal.actor(source_address(request)), context_of(request)
    profile = await _read(request, principal, profile_id)

    async def work(stores: Stores) -> ProvisionSettings:
        return await device_profiles.read_secrets(
            stores.device_profiles, stores.provisioning, context.keys, actor, profile
        )

    return device_profile_shape(profile, await context.storage.write_beside(work))


@get("/api/deviceProfileInfo/default", tags=TAGS, summary="Read what lists show of the default profile")
async def get_default_info(request: ApiRequest) -> DeviceProfileInfoShape:
    """Return the profile that devices get when they are made without a type."""
    principal = await _allowed(request, Operation.READ)

    async def work(stores: Stores) -> DeviceProfile:
        return await device_profiles.default_profile(stores.device_profiles, principal.tenant_id)

    return device_profile_info_shape(await context_of(request).storage.look(work))


@get("/api/deviceProfileInfo/{profile_id:str}", tags=TAGS, summary="Read what lists show of a profile")
async def get_info(request: ApiRequest, profile_id: FromPath[UUID]) -> DeviceProfileInfoShape:
    """Return name, image and kind of a profile of your tenant."""
    principal = await _allowed(request, Operation.READ)
    return device_profile_info_shape(await _read(request, principal, profile_id))


@post(
    "/api/deviceProfile/{profile_id:str}/default",
    status_code=200,
    tags=TAGS,
    summary="Make a profile the default one",
)
async def make_default(request: ApiRequest, profile_id: FromPath[UUID]) -> DeviceProfileShape:
    """Make a profile the one that devices get when they are made without a type."""
    principal = await _allowed(request, Operation.WRITE)
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> DeviceProfile:
        await device_profiles.make_default(stores.device_profiles, actor, profile_id)
        return await device_profiles.profile_of(stores.device_profiles, actor.tenant_id, profile_id)

    return device_profile_shape(await context_of(request).storage.write(work))


@delete("/api/deviceProfile/{profile_id:str}", status_code=200, tags=TAGS, summary="Delete a profile")
async def delete_profile(request: ApiRequest, profile_id: FromPath[UUID]) -> None:
    """Delete a profile; neither the default one nor one that devices have can be deleted (400)."""
    principal = await _allowed(request, Operation.DELETE)
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> None:
        await device_profiles.delete(stores.device_profiles, actor, profile_id)

    await context_of(request).storage.write(work)


async def _allowed(request: ApiRequest, operation: Operation) -> Principal:
    principal = await principal_of(request)
    check(principal, operation, Target(Resource.DEVICE_PROFILE, principal.tenant_id))
    return principal


async def _read(request: ApiRequest, principal: Principal, profile_id: UUID) -> DeviceProfile:
    async def work(stores: Stores) -> DeviceProfile:
        return await device_profiles.profile_of(stores.device_profiles, principal.tenant_id, profile_id)

    return await context_of(request).storage.look(work)
