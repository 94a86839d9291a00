"""My devices: the list, a device with its live values and its switch, and giving it back."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from deedbox.core import attribute_access, deeds
from deedbox.core.attribute_access import Named
from deedbox.core.attributes import Scope
from deedbox.core.deed_ends import follow_deed_end
from deedbox.core.device_access import check_device
from deedbox.core.errors import NotFound, NotPermitted, StorageUnavailable, TooBusy
from deedbox.core.live import AttributesChanged
from deedbox.core.owned_devices import OwnedDevice
from deedbox.core.permissions import Operation, Principal, Resource, Target, check
from deedbox.core.storage import Stores
from deedbox.web.context import WebRequest, context_of, field, source_address
from deedbox.web.live import SWITCH, Live, look_at
from deedbox.web.pages import go_to, page
from deedbox.web.visitors import OnlyForOwners, SignInNeeded, owner

_PER_PAGE = 50
_DEVICE = "/d/devices/{device_id:uuid}"
#: The last event of a stream: the device is no longer the reader's.
_ENDED = b"event: ended\ndata: {}\n\n"


@get("/d/devices")
async def devices(
    request: WebRequest, after: FromQuery[UUID | None] = None, released: FromQuery[str] = ""
) -> Response[str]:
    """List the devices of the visitor's customer."""
    principal, customer_id = await owner(request)
    check(principal, Operation.READ, Target(Resource.DEVICE, principal.tenant_id, customer_id))
    found = await context_of(request).storage.read(
        lambda stores: stores.owned_devices.owned_devices(customer_id, after, _PER_PAGE + 1)
    )
    shown, rest = found[:_PER_PAGE], found[_PER_PAGE:]
    following = shown[-1].id if rest else None
    values: dict[str, Any] = {"devices": shown, "following": following, "released": released}
    return page(request, "devices.html", principal, **values)


@get(_DEVICE)
async def device(request: WebRequest, device_id: FromPath[UUID], added: FromQuery[str] = "") -> Response[str]:
    """Show a device: when it was last seen, its latest values, its switch if it has one."""
    principal, _ = await owner(request)
    found, live = await _seen(request, device_id)
    return page(request, "device.html", principal, device=found, live=live, added=added)


@get(_DEVICE + "/live")
async def live_device(request: WebRequest, device_id: FromPath[UUID]) -> Live:
    """Answer what the device's page shows, for the script that keeps it current."""
    _, live = await _seen(request, device_id)
    return live


@get(_DEVICE + "/events")
async def stream_device(request: WebRequest, device_id: FromPath[UUID]) -> Stream:
    """Send what the page shows whenever it changes, as server-sent events, until the deed or session ends."""
    principal, _ = await owner(request)
    await _seen(request, device_id)
    with context_of(request).streams.place(principal.user_id):
        pass  # there is a place; the stream takes it when it begins
    return Stream(
        _events(request, principal, device_id),
        media_type="text/event-stream",
        # Proxies that collect answers before they pass them on leave this one alone.
        headers={"X-Accel-Buffering": "no"},
    )


@post(_DEVICE + "/switch", status_code=303)
async def switch(request: WebRequest, device_id: FromPath[UUID]) -> Response[Any]:
    """Ask the device to switch on or off, by the shared attribute `on`; it hears at once if it listens."""
    principal, _ = await owner(request)
    context, is_on = context_of(request), await field(request, "on") == "true"
    actor, wanted = (
        principal.actor(source_address(request)),
        Named(Resource.DEVICE, device_id, (Scope.SHARED_SCOPE,)),
    )
    epoch = await context.storage.write(
        lambda stores: attribute_access.save(stores, context.keys, principal, actor, wanted, {SWITCH: is_on})
    )
    context.attribute_changes.tell(device_id, [SWITCH])
    context.live.tell(AttributesChanged(device_id, epoch, Scope.SHARED_SCOPE, (SWITCH,)))
    return go_to(f"/d/devices/{device_id}")


@get(_DEVICE + "/release")
async def release_page(request: WebRequest, device_id: FromPath[UUID]) -> Response[str]:
    """Say what a release means, and ask."""
    principal, _ = await owner(request)
    found = await _owned(request, principal, device_id)
    return page(request, "release.html", principal, device=found)


@post(_DEVICE + "/release", status_code=303)
async def release(request: WebRequest, device_id: FromPath[UUID]) -> Response[Any]:
    """Give the device back."""
    principal, customer_id = await owner(request)
    context = context_of(request)
    await _owned(request, principal, device_id)
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> bool:
        state = (await stores.claims.lock_devices([device_id])).get(device_id)
        if state and state.device.customer_id == customer_id:
            await check_device(stores.claims, principal, Operation.RECLAIM, state.device)
        return await deeds.reclaim(stores.claims, state, actor, context.policy, context.keys)

    await context.storage.write(work)
    await follow_deed_end(
        device_id, context.storage, context.exchange, context.attribute_changes, context.live
    )
    return go_to("/d/devices?released=1")


async def _events(request: WebRequest, principal: Principal, device_id: UUID) -> AsyncIterator[bytes]:
    """Ask anew at each turn who it is and whose the device is: nothing is shown on an older answer."""
    streams = context_of(request).streams
    with contextlib.suppress(SignInNeeded, TooBusy, StorageUnavailable), streams.place(principal.user_id):
        async with contextlib.aclosing(streams.turns(device_id)) as turns:
            async for _ in turns:
                event = await _event(request, device_id)
                yield event
                if event == _ENDED:
                    return


async def _event(request: WebRequest, device_id: UUID) -> bytes:
    try:
        _, live = await _seen(request, device_id)
    except (NotFound, NotPermitted, OnlyForOwners):
        return _ENDED
    return b"data: " + msgspec.json.encode(live) + b"\n\n"


async def _seen(request: WebRequest, device_id: UUID) -> tuple[OwnedDevice, Live]:
    principal, customer_id = await owner(request)
    await context_of(request).storage.settle([device_id])
    return await context_of(request).storage.read(
        lambda stores: look_at(stores, principal, customer_id, device_id)
    )


async def _owned(request: WebRequest, principal: Principal, device_id: UUID) -> OwnedDevice:
    customer_id = principal.customer_id
    if customer_id is None:
        raise NotFound
    found = await context_of(request).storage.look(
        lambda stores: stores.owned_devices.owned_device(customer_id, device_id)
    )
    if found is None:
        raise NotFound
    return found
