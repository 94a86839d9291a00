"""Device credentials as rows: found by a digest in microseconds, never readable without the key file."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from deedbox.core.credential_kinds import CredentialsKind
from deedbox.core.credentials import StoredCredentials, taken_elsewhere
from deedbox.core.ids import identifier
from deedbox.storage.records import RecordStore
from deedbox.storage.statements import UniqueViolation


class CredentialsStore(RecordStore):
    """Credentials inside a transaction."""

    async def devices_by_credentials(
        self, digests: Sequence[bytes], kind: CredentialsKind | None = None
    ) -> Mapping[bytes, UUID]:
        """Return the devices whose credentials have these look-up digests (of that kind, where given)."""
        asked = [(digest,) for digest in digests]
        rows = await self.transaction.batch("devices_by_credentials", asked)
        return {
            bytes(digest): identifier(device_id) for digest, device_id, is_a in rows if kind in (None, is_a)
        }

    async def credentials_of(self, device_ids: Sequence[UUID]) -> Mapping[UUID, StoredCredentials]:
        """Return these devices' credentials."""
        rows = await self.transaction.batch("credentials_of_devices", [(it,) for it in device_ids])
        found = [
            StoredCredentials(
                UUID(bytes=row[0]), UUID(bytes=row[1]), CredentialsKind(row[2]),
                bytes(row[3]), bytes(row[4]), row[5], row[6],
            )
            for row in rows
        ]  # fmt: skip
        return {it.device_id: it for it in found}

    async def put_credentials(self, credentials: Sequence[StoredCredentials]) -> None:
        """Store credentials in the place of those that the devices had."""
        rows = [msgspec.structs.astuple(it) for it in credentials]
        try:
            await self.transaction.batch("put_credentials", rows)
        except UniqueViolation as error:
            raise taken_elsewhere() from error
