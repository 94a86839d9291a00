"""Rotation of keys: what an older generation of the key ring protects is protected anew by the newest one.

Only what is kept encrypted can be renewed. Digests of keys that devices announced stay as they are until
their windows are gone, and the generation that made them stays in the ring as long. Burnt digests on deeds
do not keep a generation: once it is pruned, a burnt key counts as a wrong one.
"""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core import claim_keys, credentials
from deedbox.core.credentials import CredentialsStore
from deedbox.core.keys import NONCE_BYTES, KeyRing


class RenewedKey(msgspec.Struct, frozen=True):
    """The key of a window that the tenant set, under the newest generation."""

    device_id: UUID
    digest: bytes
    ciphertext: bytes


class RotationStore(CredentialsStore, Protocol):
    """What rotation reads and replaces, inside one transaction. Devices come in the order of their ids."""

    async def devices_with_old_credentials(self, newest: int, after: UUID, limit: int) -> Sequence[UUID]:
        """Return devices behind `after` whose credentials an older generation protects."""
        ...

    async def old_claim_keys(self, newest: int, after: UUID, limit: int) -> Sequence[tuple[UUID, bytes]]:
        """Return (device, ciphertext) behind `after` for keys that an older generation protects."""
        ...

    async def replace_claim_keys(self, renewed: Sequence[RenewedKey]) -> None:
        """Store digest and ciphertext in the place of the older ones."""
        ...

    async def count_old(self, newest: int) -> int:
        """Count all that there is to renew."""
        ...

    async def generations_in_use(self) -> Sequence[int]:
        """Return the generations that anything stored still needs."""
        ...


async def renew_credentials(store: RotationStore, keys: KeyRing, after: UUID, limit: int) -> list[UUID]:
    """Renew the credentials of at most `limit` devices behind `after`; return which, empty at the end.

    Raises ValueError when the key file lacks a generation.
    """
    devices = list(await store.devices_with_old_credentials(keys.newest, after, limit))
    old = await store.credentials_of(devices)
    await store.put_credentials(
        [credentials.renewed(it, keys, store.random_bytes(NONCE_BYTES)) for it in old.values()]
    )
    return devices


async def renew_claim_keys(store: RotationStore, keys: KeyRing, after: UUID, limit: int) -> list[UUID]:
    """Renew the keys that tenants set on at most `limit` devices behind `after`; return which.

    Raises ValueError when the key file lacks a generation.
    """
    old = await store.old_claim_keys(keys.newest, after, limit)
    renewed = [
        RenewedKey(
            device_id, *claim_keys.renewed(ciphertext, keys, device_id, store.random_bytes(NONCE_BYTES))
        )
        for device_id, ciphertext in old
    ]
    await store.replace_claim_keys(renewed)
    return [device_id for device_id, _ in old]
