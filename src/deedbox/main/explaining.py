"""`deedbox access explain`: looks into the database, a server may run on it."""

import asyncio

from deedbox.config.declared import Settings
from deedbox.core.access.explaining import Explanation, explain
from deedbox.core.emails import canonical
from deedbox.core.entities import EntityKind, Reference
from deedbox.core.permissions import Operation
from deedbox.core.storage import Stores
from deedbox.main.failures import CannotStart, understandable
from deedbox.storage.opening import open_storage


def explain_access(settings: Settings, email: str, operation: str, device_name: str) -> Explanation:
    """Return whether a user may do an operation to a device of its tenant, and why. Raises CannotStart."""
    if operation not in set(Operation):
        raise CannotStart(f"There is no operation {operation!r}. Expected: {', '.join(Operation)}.")

    async def work(stores: Stores) -> Explanation:
        account = await stores.users.find_account(canonical(email))
        if account is None:
            raise CannotStart(f"There is no user with the address {email}.")
        user = account.user
        ids = await stores.devices.device_ids_named(user.tenant_id, [device_name])
        if device_name not in ids:
            raise CannotStart(f"The user's tenant has no device named {device_name!r}.")
        device = Reference(EntityKind.DEVICE, ids[device_name])
        found = await stores.entities.entities(user.tenant_id, [device])
        return await explain(stores.access, user, Operation(operation), found[device].target)

    async def run() -> Explanation:
        storage = await open_storage(settings.database_url)
        try:
            return await storage.read(work)
        finally:
            await storage.close()

    with understandable():
        return asyncio.run(run())
