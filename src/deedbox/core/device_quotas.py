"""How many devices a tenant may have: decided in the transaction that makes one, so that it holds exactly."""

from uuid import UUID

from deedbox.core.devices import DeviceStore
from deedbox.core.errors import LimitReached

#: Room for any number.
ANY = 2**62


async def room_for_devices(store: DeviceStore, tenant_id: UUID) -> int:
    """Return how many devices more the tenant may have. Needs a transaction that nobody writes beside."""
    most = (await store.device_quota(tenant_id)).devices
    return max(0, most - await store.device_total(tenant_id)) if most else ANY


async def check_room(store: DeviceStore, tenant_id: UUID) -> None:
    """Return when the tenant may have one device more. Raises LimitReached."""
    if not await room_for_devices(store, tenant_id):
        raise no_room()


def no_room() -> LimitReached:
    """Return the refusal of one device more than a tenant may have."""
    return LimitReached("Devices limit reached: this tenant may have no more. Delete some, or ask for more.")
