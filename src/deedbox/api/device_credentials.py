"""Device credentials: read and replace them. For tenant administrators; owners never see them."""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath

from deedbox.api.context import ApiRequest, context_of, principal_of
from deedbox.api.devices import TAGS, making
from deedbox.api.shapes.credentials import (
    CredentialsSaveShape,
    CredentialsShape,
    credentials_draft,
    credentials_shape,
)
from deedbox.api.shapes.devices import referred_id
from deedbox.core import device_changes
from deedbox.core.credentials import Credentials
from deedbox.core.device_access import locked
from deedbox.core.errors import InvalidValue
from deedbox.core.permissions import Operation
from deedbox.core.storage import Stores

_TOKEN = Example(
    summary="Another access token",
    value={
        "deviceId": {"entityType": "DEVICE", "id": "01890a5d-ac96-774b-bcce-b302099a8057"},
        "credentialsType": "ACCESS_TOKEN",
        "credentialsId": "Aq7sMwG2uXc9LzR4kTbE",
    },
)


@get("/api/device/{device_id:str}/credentials", tags=TAGS, summary="Read a device's credentials")
async def get_credentials(request: ApiRequest, device_id: FromPath[UUID]) -> CredentialsShape:
    """Return what the device proves itself with; `credentialsId` is its access token. It is audited."""
    principal = await principal_of(request)

    async def work(stores: Stores) -> Credentials:
        state = await locked(stores.claims, principal, Operation.READ_CREDENTIALS, device_id)
        return await device_changes.read_credentials(making(request, principal, stores), state)

    return credentials_shape(await context_of(request).storage.write(work))


@post("/api/device/credentials", status_code=200, tags=TAGS, summary="Replace a device's credentials")
async def save_credentials(
    request: ApiRequest, data: Annotated[CredentialsSaveShape, Body(examples=[_TOKEN])]
) -> CredentialsShape:
    """Replace the credentials of the device that `deviceId` names; the old ones stop working at once.

    Without `credentialsId` an access token is made up. With `version` the change is refused (409) when
    somebody else replaced them since they were read.
    """
    principal, device_id = await principal_of(request), referred_id(data.device_id)
    if device_id is None:
        raise InvalidValue("Device credentials should be assigned to device!", "/deviceId")

    async def work(stores: Stores) -> Credentials:
        state = await locked(stores.claims, principal, Operation.WRITE_CREDENTIALS, device_id)
        parts = making(request, principal, stores)
        return await device_changes.replace_credentials(parts, state, credentials_draft(data), data.version)

    context = context_of(request)
    saved = await context.storage.write(work)
    context.live.tell_credentials(device_id)
    return credentials_shape(saved)
