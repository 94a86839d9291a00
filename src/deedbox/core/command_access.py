"""Stored commands as people see them: whoever may send commands to a device sees those of its own time."""

from typing import Protocol
from uuid import UUID

from deedbox.core.errors import NotFound
from deedbox.core.holders import HolderStore, extent, permitted, record
from deedbox.core.paging import Listing, PageSlice
from deedbox.core.permissions import Operation, Principal, Resource
from deedbox.core.persistent_commands import PersistentCommand, PersistentCommandStore, Status
from deedbox.core.records import Actor


class CommandStore(PersistentCommandStore, HolderStore, Protocol):
    """Stored commands and their devices, inside one transaction."""

    async def command(self, command_id: UUID) -> PersistentCommand | None:
        """Return the command, None when there is none."""
        ...

    async def list_commands(
        self, device_id: UUID, from_epoch: int, status: Status | None, asked: PageSlice
    ) -> Listing[PersistentCommand]:
        """Return a page of a device's commands of that epoch and later ones; a search looks at methods."""
        ...

    async def delete_command(self, command_id: UUID) -> None:
        """Delete the command; what is on its way to the device is not called back."""
        ...


async def read(store: CommandStore, principal: Principal, command_id: UUID) -> PersistentCommand:
    """Return a command. Raises NotFound, also for one of another owner's time, and NotPermitted."""
    found = await store.command(command_id)
    if found is None:
        raise _not_found(command_id)
    try:
        holder = await permitted(store, principal, Operation.RPC_CALL, Resource.DEVICE, found.device_id)
    except NotFound:
        raise _not_found(command_id) from None
    if found.epoch < extent(holder, principal).from_epoch:
        raise _not_found(command_id)
    return found


async def list_of_device(
    store: CommandStore,
    principal: Principal,
    device_id: UUID,
    status: Status | None,
    asked: PageSlice,
) -> Listing[PersistentCommand]:
    """Return a page of a device's commands. Raises NotFound, NotPermitted."""
    holder = await permitted(store, principal, Operation.RPC_CALL, Resource.DEVICE, device_id)
    return await store.list_commands(device_id, extent(holder, principal).from_epoch, status, asked)


async def delete(store: CommandStore, principal: Principal, actor: Actor, command_id: UUID) -> UUID:
    """Delete a command, record who did, and return its device. Raises NotFound, NotPermitted."""
    found = await read(store, principal, command_id)
    await store.delete_command(command_id)
    holder = await permitted(store, principal, Operation.RPC_CALL, Resource.DEVICE, found.device_id)
    data = {"rpcId": str(command_id), "method": found.method, "deleted": True}
    await record(store, actor, holder, "RPC_CALL", data)
    return holder.id


def _not_found(command_id: UUID) -> NotFound:
    return NotFound(f"Rpc with id [{command_id}] is not found")
