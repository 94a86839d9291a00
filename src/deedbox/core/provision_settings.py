"""How devices of a profile may provision themselves: a strategy with a key and a secret, kept encrypted.

A profile is found by the digest of its key. No two profiles of the deployment have the same key: whoever
provisions names no tenant.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.credential_kinds import certificate_identifier
from deedbox.core.device_certificates import may_sign, read_pem
from deedbox.core.errors import InvalidValue
from deedbox.core.keys import NONCE_BYTES, KeyRing
from deedbox.core.name_patterns import checked_pattern
from deedbox.core.records import RecordStore
from deedbox.core.texts import checked_text

LONGEST_SECRET = 255
LONGEST_CERTIFICATES = 65_536
#: The key of a certificate is known to everybody, so it is none that a device may name.
_PURPOSE, _CERTIFICATE_PURPOSE = b"provision", b"provision-cert"
_KEY, _SECRET = "/provisionDeviceKey", "/profileData/provisionConfiguration/provisionDeviceSecret"


class Strategy(StrEnum):
    """Which devices may provision themselves; the names are on the wire."""

    DISABLED = "DISABLED"
    ALLOW_CREATE_NEW_DEVICES = "ALLOW_CREATE_NEW_DEVICES"
    CHECK_PRE_PROVISIONED_DEVICES = "CHECK_PRE_PROVISIONED_DEVICES"
    X509_CERTIFICATE_CHAIN = "X509_CERTIFICATE_CHAIN"


class ProvisionSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """A profile's settings in the clear.

    With X509_CERTIFICATE_CHAIN the secret is none: the certificates, as PEM, of whoever signs devices', the
    first one counts; `name_pattern` finds a device's name in its own, and `makes_devices` lets new ones in.
    """

    strategy: Strategy = Strategy.DISABLED
    device_key: str | None = None
    device_secret: str | None = None
    name_pattern: str | None = None
    makes_devices: bool | None = None

    def __repr__(self) -> str:
        return f"ProvisionSettings({self.strategy})"  # never the secrets: representations end in logs


class StoredProvisioning(msgspec.Struct, frozen=True):
    """Settings as they lie in the database: found by a digest of the key, all else encrypted."""

    profile_id: UUID
    tenant_id: UUID
    digest: bytes
    ciphertext: bytes


class ProvisionSettingsStore(RecordStore, Protocol):
    """Rows of provisioning settings, inside one transaction."""

    async def now_ms(self) -> int:
        """Return the moment of the transaction, in epoch milliseconds."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""
        ...

    async def settings_of(self, profile_ids: Collection[UUID]) -> Mapping[UUID, StoredProvisioning]:
        """Return the settings of these profiles; those that are disabled have none."""
        ...

    async def settings_by_key(self, digests: Sequence[bytes]) -> list[StoredProvisioning]:
        """Return the settings whose key has one of these digests."""
        ...

    async def put_settings(self, settings: StoredProvisioning) -> None:
        """Store a profile's settings in the place of those it had. Raises InvalidValue for a taken key."""
        ...

    async def drop_settings(self, profile_id: UUID) -> None:
        """Delete a profile's settings."""
        ...


async def read(store: ProvisionSettingsStore, keys: KeyRing, profile_id: UUID) -> ProvisionSettings:
    """Return a profile's settings in the clear, for who may READ_CREDENTIALS."""
    stored = (await store.settings_of([profile_id])).get(profile_id)
    return ProvisionSettings() if stored is None else opened(stored, keys)


async def save(
    store: ProvisionSettingsStore, keys: KeyRing, tenant_id: UUID, profile_id: UUID, wanted: ProvisionSettings
) -> ProvisionSettings:
    """Store a profile's settings; a key or secret that is not named stays. Raises InvalidValue."""
    if wanted.strategy is Strategy.DISABLED:
        await store.drop_settings(profile_id)
        return ProvisionSettings()
    settings = checked(wanted, await read(store, keys, profile_id))
    digests = _digests(keys, settings)
    if any(it.profile_id != profile_id for it in await store.settings_by_key(digests)):
        raise key_taken(settings.strategy)
    text = msgspec.json.encode(settings).decode()
    ciphertext = keys.encrypt(text, profile_id.bytes, store.random_bytes(NONCE_BYTES))
    await store.put_settings(StoredProvisioning(profile_id, tenant_id, digests[0], ciphertext))
    return settings


def checked(wanted: ProvisionSettings, before: ProvisionSettings) -> ProvisionSettings:
    """Return complete settings; what is not named stays as it was `before`. Raises InvalidValue."""
    is_chain = wanted.strategy is Strategy.X509_CERTIFICATE_CHAIN
    if is_chain is not (before.strategy is Strategy.X509_CERTIFICATE_CHAIN):
        before = ProvisionSettings()  # a certificate is no secret, and a secret no certificate
    if is_chain:
        return _checked_chain(wanted, before)
    device_key = wanted.device_key or before.device_key
    device_secret = wanted.device_secret or before.device_secret
    if not device_key:
        raise InvalidValue(f"The strategy {wanted.strategy} needs a provisionDeviceKey.", _KEY)
    if not device_secret:
        raise InvalidValue(
            f"The strategy {wanted.strategy} needs a provisionDeviceSecret, in "
            "profileData.provisionConfiguration.",
            _SECRET,
        )
    checked_text(device_key, "provisionDeviceKey", LONGEST_SECRET)
    checked_text(device_secret, "provisionDeviceSecret", LONGEST_SECRET)
    return ProvisionSettings(wanted.strategy, device_key, device_secret)


def _checked_chain(wanted: ProvisionSettings, before: ProvisionSettings) -> ProvisionSettings:
    text = wanted.device_secret or before.device_secret or ""
    if len(text) > LONGEST_CERTIFICATES:
        raise InvalidValue(
            f"provisionDeviceSecret has {len(text)} characters; at most {LONGEST_CERTIFICATES} are accepted.",
            _SECRET,
        )
    try:
        signer = read_pem(text)[0]
    except ValueError:
        raise InvalidValue(
            "The strategy X509_CERTIFICATE_CHAIN needs as provisionDeviceSecret, in "
            "profileData.provisionConfiguration, the certificate of whoever signs those of devices, in PEM "
            "form (-----BEGIN CERTIFICATE-----).",
            _SECRET,
        ) from None
    if not may_sign(signer):
        raise InvalidValue(
            "The first certificate in provisionDeviceSecret may not sign others (CA:FALSE). Expected: that "
            "of whoever signs the certificates of devices.",
            _SECRET,
        )
    return ProvisionSettings(
        strategy=wanted.strategy,
        device_key=certificate_identifier(signer),
        device_secret=text,
        name_pattern=checked_pattern(wanted.name_pattern or before.name_pattern),
        makes_devices=before.makes_devices if wanted.makes_devices is None else wanted.makes_devices,
    )


def opened(stored: StoredProvisioning, keys: KeyRing) -> ProvisionSettings:
    """Return stored settings in the clear. Raises ValueError when the key file lacks their generation."""
    text = keys.decrypt(stored.ciphertext, stored.profile_id.bytes)
    return msgspec.json.decode(text, type=ProvisionSettings)


def renewed(ciphertext: bytes, keys: KeyRing, profile_id: UUID, nonce: bytes) -> tuple[bytes, bytes]:
    """Return digest and ciphertext under the newest key generation. Raises ValueError as `opened` does."""
    text = keys.decrypt(ciphertext, profile_id.bytes)
    settings = msgspec.json.decode(text, type=ProvisionSettings)
    digest = _digests(keys, settings)[0]
    return digest, keys.encrypt(text, profile_id.bytes, nonce)


def key_digests(keys: KeyRing, device_key: str) -> tuple[bytes, ...]:
    """Return what the digest of this key may be: one per key generation, newest first."""
    return keys.lookup_digests(_PURPOSE, device_key)


def signer_digests(keys: KeyRing, certificate: bytes) -> tuple[bytes, ...]:
    """Return what the digest of a profile that this certificate (DER) vouches for may be."""
    return keys.lookup_digests(_CERTIFICATE_PURPOSE, certificate_identifier(certificate))


def _digests(keys: KeyRing, settings: ProvisionSettings) -> tuple[bytes, ...]:
    is_chain = settings.strategy is Strategy.X509_CERTIFICATE_CHAIN
    return keys.lookup_digests(_CERTIFICATE_PURPOSE if is_chain else _PURPOSE, settings.device_key or "")


def key_taken(strategy: Strategy | None = None) -> InvalidValue:
    """Return the refusal of a key or certificate that another profile has; it does not say which one."""
    if strategy is Strategy.X509_CERTIFICATE_CHAIN:
        return InvalidValue("Device profile with such certificate already exists!", _SECRET)
    return InvalidValue("Device profile with such provision device key already exists!", _KEY)
