"""Claim intents: the label that somebody scanned, kept while they sign in (behaviour §6.7).

An intent compares nothing: it knows neither whether the device exists nor whether the key is right, so nobody
can try keys out with it, and unknown and wrong labels are answered alike. The claim decides, after sign-in.
"""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from deedbox.core import attempts
from deedbox.core.errors import InvalidValue, TooManyAttempts
from deedbox.core.ids import IdSource
from deedbox.core.keys import KeyRing
from deedbox.core.labels import read_fragment
from deedbox.core.source_networks import network_of
from deedbox.core.texts import LONGEST_NAME
from deedbox.core.windows import check_secret_key

LONGEST_LABEL = 1024
_PURPOSE = b"claim-intent"
_TOKEN_BYTES = 32
_NONCE_BYTES = 12


class ClaimPagePolicy(msgspec.Struct, frozen=True):
    """The deployment's settings for the claim page; units are in the names."""

    intent_minutes: Annotated[
        int,
        msgspec.Meta(ge=1, le=30, description="How long a scanned label is kept while somebody signs in."),
    ] = 30
    most_intents: Annotated[
        int,
        msgspec.Meta(
            ge=1, le=100_000, description="Scanned labels that are kept at a time; the oldest give way."
        ),
    ] = 10_000
    intents_per_address: Annotated[
        int,
        msgspec.Meta(ge=1, description="Labels that one IPv4 address or IPv6 /64 may scan in a window."),
    ] = 60
    intents_window_s: Annotated[
        int, msgspec.Meta(ge=1, le=86_400, description="Length of the sliding window for scanned labels.")
    ] = 300


class Label(msgspec.Struct, frozen=True):
    """What a label says."""

    device_name: str
    secret_key: str

    @property
    def ending(self) -> str:
        """The end of the name: enough to compare with the label in one's hand."""
        return self.device_name[-4:]

    def __repr__(self) -> str:
        return f"Label(device_name={self.device_name!r})"  # never the key: representations end in logs


class ClaimIntent(msgspec.Struct, frozen=True):
    """A label that somebody wants to claim with, read on the page of that tenant."""

    tenant_id: UUID
    label: Label


class StoredIntent(msgspec.Struct, frozen=True):
    """An intent as it lies in the database: found by a digest, its label encrypted."""

    digest: bytes
    tenant_id: UUID
    ciphertext: bytes
    expires_at: int


class ClaimIntentStore(attempts.AttemptStore, IdSource, Protocol):
    """Rows of intents, inside one transaction."""

    async def now_ms(self) -> int:
        """Return the transaction's moment in epoch milliseconds."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""
        ...

    async def add_intent(self, intent: StoredIntent, most: int) -> None:
        """Store an intent; beyond `most` of them those that expire first are deleted."""
        ...

    async def intent_by(self, digests: Sequence[bytes]) -> StoredIntent | None:
        """Return the intent with one of these digests, expired or not."""
        ...

    async def drop_intents(self, digests: Sequence[bytes]) -> None:
        """Delete the intents with these digests."""
        ...


def label_of(fragment: str) -> Label:
    """Return what a link's fragment says. Raises InvalidValue for text that is no Deedbox label."""
    read = read_fragment(fragment) if len(fragment) <= LONGEST_LABEL else None
    if read is None:
        raise InvalidValue("This is not a complete label link. Scan the label again, or type what it says.")
    return checked_label(*read)


def checked_label(device_name: str, secret_key: str) -> Label:
    """Return a label. Raises InvalidValue, naming the field, for a missing name and for too long texts."""
    if not device_name.strip():
        raise InvalidValue("Type the device name as it is on the label.", "/name")
    if len(device_name) > LONGEST_NAME:
        raise InvalidValue(f"A device name has at most {LONGEST_NAME} characters.", "/name")
    try:
        device_name.encode()
        secret_key.encode()
    except UnicodeEncodeError:
        raise InvalidValue("The label holds characters that can't be read. Scan it again.", "/name") from None
    return Label(device_name, check_secret_key(secret_key))


async def keep(
    store: ClaimIntentStore, keys: KeyRing, policy: ClaimPagePolicy, intent: ClaimIntent, address: str
) -> str:
    """Store the intent and return the token that finds it again; spends an attempt of the source address.

    Raises TooManyAttempts.
    """
    now_ms = await store.now_ms()
    await _spend(store, policy, address, now_ms)
    token = urlsafe_b64encode(store.random_bytes(_TOKEN_BYTES)).rstrip(b"=").decode()
    digest = keys.lookup_digests(_PURPOSE, token)[0]
    text = msgspec.json.encode(intent.label).decode()
    ciphertext = keys.encrypt(text, digest, store.random_bytes(_NONCE_BYTES))
    expires_at = now_ms + policy.intent_minutes * 60_000
    await store.add_intent(
        StoredIntent(digest, intent.tenant_id, ciphertext, expires_at), policy.most_intents
    )
    return token


async def find(store: ClaimIntentStore, keys: KeyRing, token: str) -> ClaimIntent | None:
    """Return the intent of a token, None when it is unknown, expired or can't be decrypted any more."""
    stored = await store.intent_by(keys.lookup_digests(_PURPOSE, token))
    if stored is None or stored.expires_at < await store.now_ms():
        return None
    try:
        text = keys.decrypt(stored.ciphertext, stored.digest)
    except ValueError:
        return None
    return ClaimIntent(stored.tenant_id, msgspec.json.decode(text, type=Label))


async def drop(store: ClaimIntentStore, keys: KeyRing, token: str) -> None:
    """Delete the intent of a token."""
    await store.drop_intents(keys.lookup_digests(_PURPOSE, token))


async def _spend(store: ClaimIntentStore, policy: ClaimPagePolicy, address: str, now_ms: int) -> None:
    scope = attempts.address_scope(_PURPOSE, network_of(address))
    budget = attempts.Budget(scope, policy.intents_per_address, policy.intents_window_s * 1000)
    ledger = await attempts.hold(store, [budget], now_ms)
    wait_ms = ledger.wait_ms([budget])
    if wait_ms:
        raise TooManyAttempts(wait_ms)
    ledger.spend([budget])
    await store.spend_attempts(ledger.newly_spent)
