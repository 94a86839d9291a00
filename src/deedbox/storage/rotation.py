"""Finds rows that an older key generation protects: the first byte of digest and ciphertext is its number."""

from collections.abc import Sequence
from uuid import UUID

from deedbox.core.rotation import RenewedKey
from deedbox.storage.credentials import CredentialsStore


class RotationStore(CredentialsStore):
    """Rows to be renewed, inside a transaction."""

    async def devices_with_old_credentials(self, newest: int, after: UUID, limit: int) -> Sequence[UUID]:
        """Return devices behind `after` whose credentials an older generation protects."""
        rows = await self.transaction.rows(
            "devices_with_old_credentials", newest=bytes([newest]), after=after, most=limit
        )
        return [UUID(bytes=row[0]) for row in rows]

    async def old_claim_keys(self, newest: int, after: UUID, limit: int) -> Sequence[tuple[UUID, bytes]]:
        """Return (device, ciphertext) behind `after` for keys that an older generation protects."""
        rows = await self.transaction.rows("old_claim_keys", newest=bytes([newest]), after=after, most=limit)
        return [(UUID(bytes=device_id), bytes(ciphertext)) for device_id, ciphertext in rows]

    async def replace_claim_keys(self, renewed: Sequence[RenewedKey]) -> None:
        """Store digest and ciphertext in the place of the older ones."""
        for it in renewed:
            await self.transaction.run(
                "replace_claim_key", device_id=it.device_id, digest=it.digest, ciphertext=it.ciphertext
            )

    async def count_old(self, newest: int) -> int:
        """Count all that there is to renew."""
        (row,) = await self.transaction.rows("count_old", newest=bytes([newest]))
        return int(row[0])

    async def generations_in_use(self) -> Sequence[int]:
        """Return the generations that anything stored still needs."""
        return sorted(bytes(row[0])[0] for row in await self.transaction.rows("generations_in_use"))
