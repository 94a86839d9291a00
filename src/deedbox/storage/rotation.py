"""Finds rows that an older key generation protects: the first byte of digest and ciphertext is its number."""

from collections.abc import Sequence
from uuid import UUID

from deedbox.core.ownership import WindowKind
from deedbox.core.rotation import Renewed
from deedbox.storage.credentials import CredentialsStore


class RotationStore(CredentialsStore):
    """Rows to be renewed, inside a transaction."""

    async def devices_with_old_credentials(self, newest: int, after: UUID, limit: int) -> Sequence[UUID]:
        """Return devices behind `after` whose credentials an older generation protects."""
        rows = await self.transaction.rows(
            "devices_with_old_credentials", newest=bytes([newest]), after=after, most=limit
        )
        return [UUID(bytes=row[0]) for row in rows]

    async def old_claim_keys(
        self, kind: WindowKind, newest: int, after: UUID, limit: int
    ) -> Sequence[tuple[UUID, bytes]]:
        """Return (device, ciphertext) behind `after` for keys of a kind that an older generation protects."""
        return await self._old("old_claim_keys", newest, after, limit, kind=int(kind))

    async def replace_claim_keys(self, kind: WindowKind, renewed: Sequence[Renewed]) -> None:
        """Store digest and ciphertext in the place of the older ones."""
        await self._replace("replace_claim_key", renewed, kind=int(kind))

    async def old_activations(self, newest: int, after: UUID, limit: int) -> Sequence[tuple[UUID, bytes]]:
        """Return (user, ciphertext) behind `after` for invitations that an older generation protects."""
        return await self._old("old_activations", newest, after, limit)

    async def replace_activations(self, renewed: Sequence[Renewed]) -> None:
        """Store digest and ciphertext in the place of the older ones."""
        await self._replace("replace_activation", renewed)

    async def old_provision_settings(
        self, newest: int, after: UUID, limit: int
    ) -> Sequence[tuple[UUID, bytes]]:
        """Return (profile, ciphertext) behind `after` for settings that an older generation protects."""
        return await self._old("old_provision_settings", newest, after, limit)

    async def replace_provision_settings(self, renewed: Sequence[Renewed]) -> None:
        """Store digest and ciphertext in the place of the older ones."""
        await self._replace("replace_provision_settings", renewed)

    async def count_old(self, newest: int) -> int:
        """Count all that there is to renew."""
        (row,) = await self.transaction.rows("count_old", newest=bytes([newest]))
        return int(row[0])

    async def generations_in_use(self) -> Sequence[int]:
        """Return the generations that anything stored still needs."""
        rows = await self.transaction.rows("generations_in_use", now_ms=self.transaction.now_ms)
        return sorted(bytes(row[0])[0] for row in rows)

    async def _old(
        self, statement: str, newest: int, after: UUID, limit: int, **more: int
    ) -> list[tuple[UUID, bytes]]:
        rows = await self.transaction.rows(statement, newest=bytes([newest]), after=after, most=limit, **more)
        return [(UUID(bytes=owner_id), bytes(ciphertext)) for owner_id, ciphertext in rows]

    async def _replace(self, statement: str, renewed: Sequence[Renewed], **more: int) -> None:
        for it in renewed:
            await self.transaction.run(
                statement, owner_id=it.owner_id, digest=it.digest, ciphertext=it.ciphertext, **more
            )
