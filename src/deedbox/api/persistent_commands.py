"""Stored commands: what became of them. They are made at the addresses of all commands (`rpc.py`)."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.paging import page_of
from deedbox.api.shapes.entities import Page
from deedbox.api.shapes.persistent_commands import PersistentCommandShape, persistent_command_shape
from deedbox.core import command_access
from deedbox.core.paging import Listing, PageRequest, PageSlice
from deedbox.core.persistent_commands import PersistentCommand, status_of
from deedbox.core.storage import Stores

TAGS = ["Commands"]


@get("/api/rpc/persistent/{rpc_id:str}", tags=TAGS, summary="Read a persistent command")
async def get_command(request: ApiRequest, rpc_id: FromPath[UUID]) -> PersistentCommandShape:
    """Return a stored command with its state and the device's reply. 404 for one of a former owner."""
    principal = await principal_of(request)

    async def work(stores: Stores) -> PersistentCommand:
        return await command_access.read(stores.persistent_commands, principal, rpc_id)

    return persistent_command_shape(await context_of(request).storage.look(work))


@delete("/api/rpc/persistent/{rpc_id:str}", status_code=200, tags=TAGS, summary="Delete a persistent command")
async def delete_command(request: ApiRequest, rpc_id: FromPath[UUID]) -> None:
    """Delete a stored command. What is on its way to the device is not called back."""
    principal = await principal_of(request)
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> UUID:
        return await command_access.delete(stores.persistent_commands, principal, actor, rpc_id)

    context = context_of(request)
    context.exchange.wake(await context.storage.write(work))


@get("/api/rpc/persistent/device/{device_id:str}", tags=TAGS, summary="List persistent commands")
async def list_commands(
    request: ApiRequest,
    device_id: FromPath[UUID],
    wanted: NamedDependency[PageRequest],
    rpc_status: Annotated[
        str | None, QueryParameter(name="rpcStatus", description="Only those in this state; none: all.")
    ] = None,
) -> Page[PersistentCommandShape]:
    """Return a page of a device's stored commands, the newest first unless `sortOrder` is ASC."""
    principal, status = await principal_of(request), status_of(rpc_status)
    if "sortOrder" not in request.query_params:
        wanted = msgspec.structs.replace(wanted, descending=True)

    async def work(stores: Stores, asked: PageSlice) -> Listing[PersistentCommand]:
        store = stores.persistent_commands
        return await command_access.list_of_device(store, principal, device_id, status, asked)

    return await page_of(request, principal, wanted, work, persistent_command_shape)
