"""Rotation of keys: what an older generation of the key ring protects is protected anew by the newest one.

Only what is kept encrypted can be renewed. Digests of keys that devices announced stay as they are until
their windows are gone, and the generation that made them stays in the ring as long. Burnt digests on deeds
do not keep a generation: once it is pruned, a burnt key counts as a wrong one.
"""

from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core import claim_keys, credentials, invitations, label_keys, provision_settings
from deedbox.core.credentials import CredentialsStore
from deedbox.core.keys import NONCE_BYTES, KeyRing
from deedbox.core.ownership import WindowKind

_Renew = Callable[[bytes, KeyRing, UUID, bytes], tuple[bytes, bytes]]


class Renewed(msgspec.Struct, frozen=True):
    """A secret of a device, a user or a profile under the newest generation."""

    owner_id: UUID
    digest: bytes
    ciphertext: bytes


class RotationStore(CredentialsStore, Protocol):
    """What rotation reads and replaces, inside one transaction. Devices come in the order of their ids."""

    async def devices_with_old_credentials(self, newest: int, after: UUID, limit: int) -> Sequence[UUID]:
        """Return devices behind `after` whose credentials an older generation protects."""
        ...

    async def old_claim_keys(
        self, kind: WindowKind, newest: int, after: UUID, limit: int
    ) -> Sequence[tuple[UUID, bytes]]:
        """Return (device, ciphertext) behind `after` for keys of a kind that an older generation protects."""
        ...

    async def replace_claim_keys(self, kind: WindowKind, renewed: Sequence[Renewed]) -> None:
        """Store digest and ciphertext in the place of the older ones."""
        ...

    async def old_activations(self, newest: int, after: UUID, limit: int) -> Sequence[tuple[UUID, bytes]]:
        """Return (user, ciphertext) behind `after` for invitations that an older generation protects."""
        ...

    async def replace_activations(self, renewed: Sequence[Renewed]) -> None:
        """Store digest and ciphertext in the place of the older ones."""
        ...

    async def old_provision_settings(
        self, newest: int, after: UUID, limit: int
    ) -> Sequence[tuple[UUID, bytes]]:
        """Return (profile, ciphertext) behind `after` for settings that an older generation protects."""
        ...

    async def replace_provision_settings(self, renewed: Sequence[Renewed]) -> None:
        """Store digest and ciphertext in the place of the older ones."""
        ...

    async def count_old(self, newest: int) -> int:
        """Count all that there is to renew."""
        ...

    async def generations_in_use(self) -> Sequence[int]:
        """Return the generations that anything stored still needs."""
        ...


async def renew_credentials(store: RotationStore, keys: KeyRing, after: UUID, limit: int) -> list[UUID]:
    """Renew the credentials of at most `limit` devices behind `after`; return which; none: all done.

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
    return await _renew_windows(WindowKind.SET_BY_TENANT, claim_keys.renewed, store, keys, after, limit)


async def renew_label_qr_keys(store: RotationStore, keys: KeyRing, after: UUID, limit: int) -> list[UUID]:
    """Renew the QR keys of at most `limit` labels behind `after`; return which. Raises ValueError."""
    renew = label_keys.renewed_qr_key
    return await _renew_windows(WindowKind.LABEL_QR_KEY, renew, store, keys, after, limit)


async def renew_label_short_codes(store: RotationStore, keys: KeyRing, after: UUID, limit: int) -> list[UUID]:
    """Renew the short codes of at most `limit` labels behind `after`; return which. Raises ValueError."""
    renew = label_keys.renewed_short_code
    return await _renew_windows(WindowKind.LABEL_SHORT_CODE, renew, store, keys, after, limit)


async def renew_activations(store: RotationStore, keys: KeyRing, after: UUID, limit: int) -> list[UUID]:
    """Renew the invitations of at most `limit` users behind `after`; return which.

    Raises ValueError when the key file lacks a generation.
    """
    old = await store.old_activations(keys.newest, after, limit)
    await store.replace_activations(_renewed(invitations.renewed, store, keys, old))
    return [user_id for user_id, _ in old]


async def renew_provision_settings(
    store: RotationStore, keys: KeyRing, after: UUID, limit: int
) -> list[UUID]:
    """Renew what at most `limit` profiles behind `after` keep about provisioning; return which.

    Raises ValueError when the key file lacks a generation.
    """
    old = await store.old_provision_settings(keys.newest, after, limit)
    await store.replace_provision_settings(_renewed(provision_settings.renewed, store, keys, old))
    return [profile_id for profile_id, _ in old]


async def _renew_windows(
    kind: WindowKind, renew: _Renew, store: RotationStore, keys: KeyRing, after: UUID, limit: int
) -> list[UUID]:
    old = await store.old_claim_keys(kind, keys.newest, after, limit)
    await store.replace_claim_keys(kind, _renewed(renew, store, keys, old))
    return [device_id for device_id, _ in old]


def _renewed(
    renew: _Renew,
    store: RotationStore,
    keys: KeyRing,
    old: Sequence[tuple[UUID, bytes]],
) -> list[Renewed]:
    return [
        Renewed(owner_id, *renew(ciphertext, keys, owner_id, store.random_bytes(NONCE_BYTES)))
        for owner_id, ciphertext in old
    ]
