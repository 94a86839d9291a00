"""The tenant's hand on claiming: see a device's windows and owners, block claiming and allow it again."""

from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

from litestar import delete, get, post
from litestar.params import FromPath

from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.shapes.device_claiming import DeviceClaimingShape, device_claiming_shape
from deedbox.core import claim_control
from deedbox.core.claim_control import ClaimControlStore, ClaimingView
from deedbox.core.device_access import check_device, locked, not_found
from deedbox.core.ownership import DeviceState
from deedbox.core.permissions import Operation
from deedbox.core.records import Actor
from deedbox.core.storage import Stores

_TAGS = ["Claiming"]
_BLOCK = "/api/device/{device_id:str}/claiming/block"


@get("/api/device/{device_id:str}/claiming", tags=_TAGS, summary="See what could claim a device")
async def get_device_claiming(request: ApiRequest, device_id: FromPath[UUID]) -> DeviceClaimingShape:
    """Return the device's claim windows (never their keys), its owners, and its own offer's last refusal.

    Not in the reference server. For tenant administrators.
    """
    principal = await principal_of(request)

    async def work(stores: Stores) -> ClaimingView:
        device = await stores.devices.device(principal.tenant_id, device_id)
        if device is None:
            raise not_found(device_id)
        await check_device(stores.devices, principal, Operation.READ_CLAIM_KEY, device)
        return await claim_control.view(stores.claim_control, device_id)

    return device_claiming_shape(await context_of(request).storage.read(work))


@post(_BLOCK, status_code=200, tags=_TAGS, summary="Block claiming of a device")
async def block_claiming(request: ApiRequest, device_id: FromPath[UUID]) -> None:
    """Let no key claim the device, for one that was recalled or stolen. Its owner keeps it.

    Not in the reference server. For tenant administrators.
    """
    await _set(request, device_id, claim_control.block)


@delete(_BLOCK, status_code=200, tags=_TAGS, summary="Allow claiming of a device again")
async def unblock_claiming(request: ApiRequest, device_id: FromPath[UUID]) -> None:
    """Let keys claim the device again, those from before the block too. For tenant administrators."""
    await _set(request, device_id, claim_control.unblock)


async def _set(
    request: ApiRequest,
    device_id: UUID,
    change: Callable[[ClaimControlStore, Actor, DeviceState], Coroutine[Any, Any, None]],
) -> None:
    principal = await principal_of(request)

    async def work(stores: Stores) -> None:
        state = await locked(stores.claims, principal, Operation.WRITE_CLAIM_KEY, device_id)
        await change(stores.claim_control, principal.actor(source_address(request)), state)

    await context_of(request).storage.write(work)
