"""What follows the end of a deed outside of the database, once it is committed (behaviour §5.1, §5.3)."""

from uuid import UUID

from deedbox.core.attribute_changes import AttributeChanges
from deedbox.core.live import LiveChanges, OwnershipChanged
from deedbox.core.rpc import Exchange
from deedbox.core.storage import Storage, Stores


async def follow_deed_end(
    device_id: UUID, storage: Storage, exchange: Exchange, changes: AttributeChanges, live: LiveChanges
) -> None:
    """Drop the last owner's commands, ask again who may watch and whether the device still is
    who it was, tell it which attributes ended.

    To be called after the commit of whatever closed a deed or deleted a device.
    """
    exchange.cancel_device(device_id)
    live.tell(OwnershipChanged(device_id))
    live.tell_credentials(device_id)

    async def work(stores: Stores) -> list[str]:
        return await stores.attribute_changes.names_of_past_owners(device_id)

    changes.tell(device_id, await storage.look(work))
