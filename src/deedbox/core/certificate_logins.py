"""Devices that prove themselves by certificates: found by the very one, or let in by who signed it."""

from collections.abc import Mapping, Sequence

import msgspec

from deedbox.core.credential_kinds import CredentialsKind, certificate_identifier
from deedbox.core.credentials import CredentialsStore, Login, lookup_digests
from deedbox.core.device_certificates import MOST_CERTIFICATES, Chain, is_current, is_vouched_for, read_pem
from deedbox.core.keys import KeyRing
from deedbox.core.provision_settings import (
    ProvisionSettingsStore,
    StoredProvisioning,
    Strategy,
    opened,
    signer_digests,
)
from deedbox.core.provisioning import FoundProfile


class Known(msgspec.Struct, frozen=True):
    """What the database knows of a chain: whose certificate its first is, and who of the others signs."""

    login: Login | None = None
    signers: Mapping[bytes, FoundProfile] = msgspec.field(default_factory=dict[bytes, FoundProfile])


class Shown(msgspec.Struct, frozen=True):
    """Whom a chain proves its bearer to be, and in whose profile it may provision itself."""

    login: Login | None = None
    profile: FoundProfile | None = None


async def find_by_certificate(store: CredentialsStore, keys: KeyRing, certificate: bytes) -> Login | None:
    """Return the login of the device whose credentials are this certificate (DER), None for nobody's."""
    digests = lookup_digests(keys, certificate_identifier(certificate))
    found = await store.devices_by_credentials(digests, CredentialsKind.X509_CERTIFICATE)
    stored = await store.credentials_of(list(found.values()))
    logins = (Login(it, digest, stored[it].version) for digest, it in found.items() if it in stored)
    return next(logins, None)


async def look_up(
    credentials: CredentialsStore, settings: ProvisionSettingsStore, keys: KeyRing, chain: Chain
) -> Known:
    """Return what is known of a chain; nothing of it has been verified yet."""
    if not 0 < len(chain) <= MOST_CERTIFICATES:
        return Known()
    login = await find_by_certificate(credentials, keys, chain[0])
    asked = {digest: it for it in chain[1:] for digest in signer_digests(keys, it)}
    stored = await settings.settings_by_key(list(asked)) if asked else []
    return Known(login, {asked[it.digest]: _found(it, keys) for it in stored})


def verified(known: Known, chain: Chain, trusted: Sequence[bytes] | None, now_ms: int) -> Shown:
    """Return what a chain proves at that moment, in epoch milliseconds.

    It has to be valid, and signed by one of `trusted` (DER) or by the signer of a profile; with None, that it
    is a device's credentials is enough.
    """
    if not chain or not is_current(chain[0], now_ms):
        return Shown()
    profile = _vouching(known, chain, now_ms)
    if known.login is None:
        return Shown(profile=profile)
    is_trusted = trusted is None or profile is not None or is_vouched_for(chain, trusted, now_ms)
    return Shown(known.login if is_trusted else None)


def _vouching(known: Known, chain: Chain, now_ms: int) -> FoundProfile | None:
    """Return the profile of the signer that comes first in the chain and has really signed."""
    for it in chain[1:]:
        profile = known.signers.get(it)
        if profile is not None and is_vouched_for(chain, _signers(profile), now_ms):
            return profile
    return None


def _signers(profile: FoundProfile) -> list[bytes]:
    if profile.settings.strategy is not Strategy.X509_CERTIFICATE_CHAIN:
        return []
    return read_pem(profile.settings.device_secret or "")[:1]


def _found(stored: StoredProvisioning, keys: KeyRing) -> FoundProfile:
    return FoundProfile(stored.profile_id, stored.tenant_id, opened(stored, keys))
