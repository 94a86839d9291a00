"""Device credentials: how a device proves who it is. Tokens are found by keyed digests and kept encrypted.

Each device has one set of credentials; no two devices of the deployment share an identifier.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.credential_kinds import CredentialsDraft, CredentialsKind, checked
from deedbox.core.errors import InvalidValue, VersionConflict
from deedbox.core.ids import IdSource
from deedbox.core.keys import KeyRing

TOKEN_LENGTH = 20
_SYMBOLS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PURPOSE = b"credentials"
_NONCE_BYTES = 12


class Credentials(msgspec.Struct, frozen=True):
    """Credentials in the clear. `credentials_id` is the token, or what the kind is found by."""

    id: UUID
    device_id: UUID
    kind: CredentialsKind
    credentials_id: str
    value: str | None
    created_at: int
    version: int


class StoredCredentials(msgspec.Struct, frozen=True):
    """Credentials as they lie in the database: a digest to find them by, and a ciphertext."""

    device_id: UUID
    id: UUID
    kind: CredentialsKind
    lookup_digest: bytes
    ciphertext: bytes
    created_at: int
    version: int


class CredentialsStore(IdSource, Protocol):
    """Rows of credentials, inside one transaction."""

    async def now_ms(self) -> int:
        """Return the moment of the transaction, in epoch milliseconds."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""
        ...

    async def devices_by_credentials(
        self, digests: Sequence[bytes], kind: CredentialsKind | None = None
    ) -> Mapping[bytes, UUID]:
        """Return the devices whose credentials have these look-up digests (of that kind, where given)."""
        ...

    async def credentials_of(self, device_ids: Sequence[UUID]) -> Mapping[UUID, StoredCredentials]:
        """Return these devices' credentials."""
        ...

    async def put_credentials(self, credentials: Sequence[StoredCredentials]) -> None:
        """Store credentials in the place of those that the devices had.

        Raises InvalidValue, which does not repeat it, for an identifier that another device has.
        """
        ...


async def find_by_token(store: CredentialsStore, keys: KeyRing, token: str) -> UUID | None:
    """Return the device whose access token this is, None when there is none; every key generation counts."""
    login = await find_login(store, keys, token)
    return login.device_id if login else None


class Login(msgspec.Struct, frozen=True, gc=False):
    """Who has proved to be a device, and by which credentials: to ask later whether they still hold.

    `version` is that of credentials which hold more than what they are found by, such as a password; else 0.
    """

    device_id: UUID
    digest: bytes
    version: int = 0


async def find_login(store: CredentialsStore, keys: KeyRing, token: str) -> Login | None:
    """Return the login of the device whose access token this is, None when there is none."""
    return (await find_logins(store, keys, [token]))[0]


async def find_logins(store: CredentialsStore, keys: KeyRing, tokens: Sequence[str]) -> list[Login | None]:
    """Return in order the logins of the devices whose access tokens these are, looked up together."""
    digests = [lookup_digests(keys, it) for it in tokens]
    asked = [digest for its_digests in digests for digest in its_digests]
    found = await store.devices_by_credentials(asked, CredentialsKind.ACCESS_TOKEN)
    return [
        next((Login(found[it], it) for it in its_digests if it in found), None) for its_digests in digests
    ]


async def ended_logins(store: CredentialsStore, logins: Collection[Login]) -> list[Login]:
    """Return those whose credentials are others by now, or whose device is gone."""
    tokens = [it for it in logins if not it.version]
    others = [it for it in logins if it.version]
    found = await store.devices_by_credentials([it.digest for it in tokens], CredentialsKind.ACCESS_TOKEN)
    stored = await store.credentials_of([it.device_id for it in others])
    ended = [it for it in tokens if found.get(it.digest) != it.device_id]
    return ended + [
        it for it in others if it.device_id not in stored or stored[it.device_id].version != it.version
    ]


async def credentials_of(store: CredentialsStore, keys: KeyRing, device_id: UUID) -> Credentials | None:
    """Return a device's credentials in the clear, for who may READ_CREDENTIALS."""
    stored = (await store.credentials_of([device_id])).get(device_id)
    return None if stored is None else opened(stored, keys)


def new_credentials(
    store: CredentialsStore, keys: KeyRing, device_id: UUID, draft: CredentialsDraft, now_ms: int
) -> StoredCredentials:
    """Return credentials for a new device, with a fresh token where the draft names none."""
    return _sealed(store, keys, device_id, draft, created_at=now_ms)


async def check_free(store: CredentialsStore, keys: KeyRing, drafts: Mapping[UUID, CredentialsDraft]) -> None:
    """Check that nobody else has what the devices are to get. Raises InvalidValue; never repeats a token.

    The unique index compares digests of one key generation only: older ones are looked up here.
    """
    wanted = {
        digest: device_id
        for device_id, draft in drafts.items()
        if draft.credentials_id is not None
        for digest in lookup_digests(keys, draft.credentials_id)
    }
    taken = await store.devices_by_credentials(list(wanted))
    if any(device_id != wanted[digest] for digest, device_id in taken.items()):
        raise taken_elsewhere()


async def change_credentials(
    store: CredentialsStore, keys: KeyRing, device_id: UUID, draft: CredentialsDraft, version: int | None
) -> Credentials:
    """Replace a device's credentials; the old ones stop working. `version`: the one the caller has seen.

    Raises InvalidValue, VersionConflict.
    """
    wanted = checked(draft)
    before = (await store.credentials_of([device_id])).get(device_id)
    if before and version is not None and version != before.version:
        raise VersionConflict
    await check_free(store, keys, {device_id: wanted})
    now_ms = await store.now_ms()
    after = _sealed(store, keys, device_id, wanted, created_at=now_ms)
    if before:
        after = msgspec.structs.replace(
            after, id=before.id, created_at=before.created_at, version=before.version + 1
        )
    await store.put_credentials([after])
    return opened(after, keys)


async def rotate_tokens(store: CredentialsStore, keys: KeyRing, device_ids: Sequence[UUID]) -> None:
    """Give each of these devices a new access token; what it had before stops working at once."""
    before = await store.credentials_of(device_ids)
    fresh = [
        msgspec.structs.replace(
            _sealed(store, keys, device_id, CredentialsDraft(), created_at=old.created_at),
            id=old.id,
            version=old.version + 1,
        )
        for device_id, old in before.items()
    ]
    await store.put_credentials(fresh)


def new_token(store: CredentialsStore) -> str:
    """Return an access token of 20 letters and digits, each equally likely (119 bits)."""
    symbols: list[str] = []
    while len(symbols) < TOKEN_LENGTH:
        # Four times the alphabet is the largest multiple in a byte; the rest would favour some letters.
        limit = len(_SYMBOLS) * 4
        symbols += [_SYMBOLS[byte // 4] for byte in store.random_bytes(TOKEN_LENGTH) if byte < limit]
    return "".join(symbols[:TOKEN_LENGTH])


def opened(stored: StoredCredentials, keys: KeyRing) -> Credentials:
    """Return stored credentials in the clear. Raises ValueError when the key file lacks their generation."""
    text = keys.decrypt(stored.ciphertext, stored.device_id.bytes)
    credentials_id, value = msgspec.json.decode(text, type=tuple[str, str | None])
    return Credentials(
        stored.id, stored.device_id, stored.kind, credentials_id, value, stored.created_at, stored.version
    )


def renewed(stored: StoredCredentials, keys: KeyRing, nonce: bytes) -> StoredCredentials:
    """Return the same credentials under the newest key generation. Raises ValueError as `opened` does."""
    text = keys.decrypt(stored.ciphertext, stored.device_id.bytes)
    credentials_id = opened(stored, keys).credentials_id
    return msgspec.structs.replace(
        stored,
        lookup_digest=lookup_digests(keys, credentials_id)[0],
        ciphertext=keys.encrypt(text, stored.device_id.bytes, nonce),
    )


def lookup_digests(keys: KeyRing, credentials_id: str) -> tuple[bytes, ...]:
    """Return what the look-up digest of this identifier may be: one per key generation, newest first."""
    return keys.lookup_digests(_PURPOSE, credentials_id)


def taken_elsewhere() -> InvalidValue:
    """Return the refusal of an identifier that another device has; it does not say which one."""
    return InvalidValue(
        "Device credentials are already assigned to another device! Choose another token.", "/credentialsId"
    )


def _sealed(
    store: CredentialsStore, keys: KeyRing, device_id: UUID, draft: CredentialsDraft, *, created_at: int
) -> StoredCredentials:
    credentials_id = new_token(store) if draft.credentials_id is None else draft.credentials_id
    text = msgspec.json.encode((credentials_id, draft.value)).decode()
    return StoredCredentials(
        device_id=device_id,
        id=store.new_id(),
        kind=draft.kind,
        lookup_digest=lookup_digests(keys, credentials_id)[0],
        ciphertext=keys.encrypt(text, device_id.bytes, store.random_bytes(_NONCE_BYTES)),
        created_at=created_at,
        version=1,
    )
