"""Provisioning settings of device profiles as rows, and the mark of devices that were provisioned."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import msgspec

from deedbox.core.provision_settings import StoredProvisioning, key_taken
from deedbox.storage.attempts import AttemptStore
from deedbox.storage.records import RecordStore
from deedbox.storage.statements import Row, UniqueViolation


class ProvisioningStore(AttemptStore, RecordStore):
    """Provisioning inside a transaction."""

    async def settings_of(self, profile_ids: Collection[UUID]) -> Mapping[UUID, StoredProvisioning]:
        """Return the settings of these profiles; those that are disabled have none."""
        rows = await self.transaction.batch("provision_settings_of", [(it,) for it in sorted(profile_ids)])
        return {it.profile_id: it for it in map(_settings, rows)}

    async def settings_by_key(self, digests: Sequence[bytes]) -> list[StoredProvisioning]:
        """Return the settings whose key has one of these digests."""
        rows = await self.transaction.batch("provision_settings_by_key", [(it,) for it in digests])
        return [_settings(it) for it in rows]

    async def put_settings(self, settings: StoredProvisioning) -> None:
        """Store a profile's settings in the place of those it had. Raises InvalidValue for a taken key."""
        try:
            await self.transaction.run("put_provision_settings", **msgspec.structs.asdict(settings))
        except UniqueViolation:
            raise key_taken() from None

    async def drop_settings(self, profile_id: UUID) -> None:
        """Delete a profile's settings."""
        await self.transaction.run("drop_provision_settings", profile_id=profile_id)

    async def mark_provisioned(self, device_id: UUID) -> bool:
        """Set the device's `provisionState` to `provisioned`; False when it is that already."""
        asked = [(device_id, self.transaction.now_ms)]
        return bool(await self.transaction.batch("mark_provisioned", asked))


def _settings(row: Row) -> StoredProvisioning:
    profile_id, tenant_id, digest, ciphertext = row
    return StoredProvisioning(UUID(bytes=profile_id), UUID(bytes=tenant_id), bytes(digest), bytes(ciphertext))
