"""The two keys of a device's label: one in its QR code, one that people can type (behaviour §3.5, §3.6).

Both open a window each until they expire; a claim with one burns both. They are kept as digests to compare
with and as ciphertexts, so that the tenant can print the label again.
"""

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

import msgspec

from deedbox.core.claim_keys import ClaimKeyStore
from deedbox.core.keys import NONCE_BYTES, KeyRing
from deedbox.core.labels import new_qr_key, new_short_code, normalised_short_code
from deedbox.core.ownership import ClaimPolicy, WindowKind
from deedbox.core.records import Actor, RecordStore, Subject, audit_entry
from deedbox.core.windows import NewWindow, WindowStore

_DAY_MS = 86_400_000
_ENTROPY_BYTES = 17


class LabelKeys(msgspec.Struct, frozen=True):
    """The keys of one label, the short code as `XXX-XXX-XXX`; `expires_at` in epoch milliseconds."""

    qr_key: str
    short_code: str
    expires_at: int

    def __repr__(self) -> str:
        return f"LabelKeys(expires_at={self.expires_at})"  # never the keys


class LabelStore(WindowStore, RecordStore, Protocol):
    """What making labels needs, inside one transaction."""

    def random_bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""
        ...

    async def now_ms(self) -> int:
        """Return the moment of the transaction, in epoch milliseconds."""
        ...


async def make(
    store: LabelStore, keys: KeyRing, policy: ClaimPolicy, actor: Actor, devices: Sequence[Subject], why: str
) -> None:
    """Give each device a new label in place of the one that it had; `why` is for the audit log."""
    now_ms = await store.now_ms()
    expires_at = now_ms + policy.label_key_days * _DAY_MS
    windows = [
        _window(store, keys, it.entity_id, kind, now_ms, expires_at)
        for it in devices
        if it.entity_id is not None
        for kind in (WindowKind.LABEL_QR_KEY, WindowKind.LABEL_SHORT_CODE)
    ]
    await store.open_windows(windows)
    await record(store, actor, devices, "CREDENTIALS_UPDATED", {"reason": why})


async def read(store: ClaimKeyStore, keys: KeyRing, device_id: UUID) -> LabelKeys | None:
    """Return the keys of the device's label, None when it has none, or none that could claim any more."""
    qr_key = await store.stored_key(device_id, WindowKind.LABEL_QR_KEY)
    code = await store.stored_key(device_id, WindowKind.LABEL_SHORT_CODE)
    if qr_key is None or code is None or qr_key.ciphertext is None or code.ciphertext is None:
        return None
    try:
        bound_to = device_id.bytes
        texts = keys.decrypt(qr_key.ciphertext, bound_to), keys.decrypt(code.ciphertext, bound_to)
    except ValueError:
        return None  # its generation was removed from the key file: no digest would be found either
    return LabelKeys(*texts, qr_key.expires_at)


async def record(
    store: LabelStore, actor: Actor, devices: Sequence[Subject], action: str, more: dict[str, Any]
) -> None:
    """Add an audit entry about each device's label, without its keys."""
    now_ms = await store.now_ms()
    entries = [
        audit_entry(
            store, actor, it, action, now_ms=now_ms,
            data={"entityId": it.entity_id, "credentials": "label"} | more,
        )
        for it in devices
    ]  # fmt: skip
    await store.add_audit_entries(entries)


def renewed_qr_key(ciphertext: bytes, keys: KeyRing, device_id: UUID, nonce: bytes) -> tuple[bytes, bytes]:
    """Return digest and ciphertext of the same key under the newest generation. Raises ValueError."""
    return _sealed(WindowKind.LABEL_QR_KEY, keys.decrypt(ciphertext, device_id.bytes), keys, device_id, nonce)


def renewed_short_code(
    ciphertext: bytes, keys: KeyRing, device_id: UUID, nonce: bytes
) -> tuple[bytes, bytes]:
    """Return digest and ciphertext of the same code under the newest generation. Raises ValueError."""
    text = keys.decrypt(ciphertext, device_id.bytes)
    return _sealed(WindowKind.LABEL_SHORT_CODE, text, keys, device_id, nonce)


def _window(  # what a window is made of
    store: LabelStore, keys: KeyRing, device_id: UUID, kind: WindowKind, now_ms: int, expires_at: int
) -> NewWindow:
    new_key = new_qr_key if kind is WindowKind.LABEL_QR_KEY else new_short_code
    text = new_key(store.random_bytes(_ENTROPY_BYTES))
    digest, ciphertext = _sealed(kind, text, keys, device_id, store.random_bytes(NONCE_BYTES))
    return NewWindow(device_id, kind, digest, expires_at, now_ms, ciphertext)


def _sealed(kind: WindowKind, text: str, keys: KeyRing, device_id: UUID, nonce: bytes) -> tuple[bytes, bytes]:
    # A code is compared as its nine symbols: people type it in many ways.
    compared = normalised_short_code(text) if kind is WindowKind.LABEL_SHORT_CODE else text
    return keys.digest(device_id, compared or text), keys.encrypt(text, device_id.bytes, nonce)
