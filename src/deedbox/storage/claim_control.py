"""What the tenant sees of claiming, read from windows and deeds."""

from uuid import UUID

from deedbox.core.claim_control import ShownDeed, ShownRefusal, ShownWindow
from deedbox.storage.windows import WindowStore


class ClaimControlStore(WindowStore):
    """The tenant's view of claiming inside a transaction."""

    async def is_blocked(self, device_id: UUID) -> bool:
        """Tell whether claiming of the device is blocked."""
        rows = await self.transaction.rows("is_blocked", device_id=device_id)
        return bool(rows and rows[0][0])

    async def shown_refusal(self, device_id: UUID) -> ShownRefusal | None:
        """Return the last refusal of what the device announced, None when there was none."""
        rows = await self.transaction.structs("shown_refusal", ShownRefusal, device_id=device_id)
        return rows[0] if rows else None

    async def shown_windows(self, device_id: UUID) -> list[ShownWindow]:
        """Return the device's windows, one per kind."""
        return await self.transaction.structs("shown_windows", ShownWindow, device_id=device_id)

    async def shown_deeds(self, device_id: UUID, most: int) -> list[ShownDeed]:
        """Return the device's periods of ownership, newest first."""
        return await self.transaction.structs("shown_deeds", ShownDeed, device_id=device_id, most=most)
