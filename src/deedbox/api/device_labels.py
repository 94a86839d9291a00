"""A device's label: the two keys that the tenant prints on it, made here and read again."""

from uuid import UUID

from litestar import get, post
from litestar.params import FromPath

from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.shapes.device_labels import LabelShape, label_shape
from deedbox.core import label_keys
from deedbox.core.device_access import locked
from deedbox.core.errors import NotFound
from deedbox.core.ownership import DeviceState
from deedbox.core.permissions import Operation
from deedbox.core.records import Subject
from deedbox.core.storage import Stores
from deedbox.core.tenants import tenant_of

_TAGS = ["Claiming"]
_PATH = "/api/device/{device_id:str}/label"


@post(_PATH, status_code=200, tags=_TAGS, summary="Make a device's label")
async def make_label(request: ApiRequest, device_id: FromPath[UUID]) -> LabelShape:
    """Give the device a new QR key and a new short code; those that it had work no more. It is audited.

    Whoever has either can claim the device while it has no owner, until `expiresAt`; a claim burns both.
    Not in the reference server. For tenant administrators.
    """
    principal, context = await principal_of(request), context_of(request)
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> LabelShape:
        state = await locked(stores.claims, principal, Operation.WRITE_CLAIM_KEY, device_id)
        devices = [_subject(state)]
        await label_keys.make(stores.claims, context.keys, context.policy, actor, devices, "asked for")
        return await _shape(request, stores, state)

    return await context.storage.write(work)


@get(_PATH, tags=_TAGS, summary="Read a device's label")
async def get_label(request: ApiRequest, device_id: FromPath[UUID]) -> LabelShape:
    """Return the keys of the device's label and the link of its QR code; 404 when it has none. It is audited.

    Not in the reference server. For tenant administrators.
    """
    principal = await principal_of(request)
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> LabelShape:
        state = await locked(stores.claims, principal, Operation.READ_CLAIM_KEY, device_id)
        shape = await _shape(request, stores, state)
        await label_keys.record(stores.claims, actor, [_subject(state)], "CREDENTIALS_READ", {})
        return shape

    return await context_of(request).storage.write(work)


async def _shape(request: ApiRequest, stores: Stores, state: DeviceState) -> LabelShape:
    device = state.device
    found = await label_keys.read(stores.claim_keys, context_of(request).keys, device.id)
    if found is None:
        raise NotFound("This device has no label. POST to the same address to make one.")
    tenant = await tenant_of(stores.tenants, device.tenant_id)
    own_host = f"https://{tenant.claim_host}/d" if tenant.claim_host else None
    return label_shape(device.name, found, own_host or f"{request.base_url}t/{tenant.slug}/d")


def _subject(state: DeviceState) -> Subject:
    return Subject("DEVICE", state.device.id, state.device.name, state.epoch)
