"""Claim keys as rows: windows whose key the tenant may read again."""

from uuid import UUID

from deedbox.core.claim_keys import StoredKey
from deedbox.core.ownership import WindowKind
from deedbox.storage.deeds import ClaimStore


class ClaimKeyStore(ClaimStore):
    """Keys of windows inside a transaction."""

    async def stored_key(self, device_id: UUID, kind: WindowKind) -> StoredKey | None:
        """Return the device's key of that kind, None when it has none."""
        rows = await self.transaction.rows("window_of_device", device_id=device_id, kind=int(kind))
        if not rows:
            return None
        _, _, ciphertext, expires_at, opened_at = rows[0]
        return StoredKey(None if ciphertext is None else bytes(ciphertext), expires_at, opened_at)
