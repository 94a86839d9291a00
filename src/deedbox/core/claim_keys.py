"""Claim keys that the tenant sets: the SERVER_SCOPE attribute `claimingData` (behaviour §3).

It is written like an attribute but never stored as one: it is a window, as a digest to compare with and a
ciphertext for those who may read the key again. No refusal here repeats what was sent: it may be the secret.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

import msgspec

from deedbox.core.attributes import CLAIMING_DATA
from deedbox.core.errors import InvalidValue
from deedbox.core.keys import NONCE_BYTES, KeyRing
from deedbox.core.ownership import WindowKind
from deedbox.core.windows import NewWindow, WindowStore, check_secret_key

_SECRET, _EXPIRY = "secretKey", "expirationTime"
_EXAMPLE = '{"claimingData": {"secretKey": "...", "expirationTime": 1767225600000}}'
#: March 1973 in milliseconds; what is smaller was meant as seconds.
_EARLIEST_EXPIRY = 10**11
_LATEST_EXPIRY = 2**63 - 1
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,32}")


class ClaimKey(msgspec.Struct, frozen=True):
    """A key to be set: the text that opens the window, until when (epoch ms), the value as it was sent."""

    secret_key: str
    expires_at: int
    value: str | dict[str, Any]

    def __repr__(self) -> str:
        return f"ClaimKey(expires_at={self.expires_at})"


class StoredKey(msgspec.Struct, frozen=True):
    """A key as it is stored: no ciphertext where the tenant chose to forget it after export."""

    ciphertext: bytes | None
    expires_at: int
    opened_at: int


class ClaimKeyStore(WindowStore, Protocol):
    """What setting and reading keys needs, inside one transaction."""

    def random_bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""
        ...

    async def now_ms(self) -> int:
        """Return the moment of the transaction, in epoch milliseconds."""
        ...

    async def stored_key(self, device_id: UUID, kind: WindowKind) -> StoredKey | None:
        """Return the device's key of that kind, None when it has none."""
        ...


def claim_key(raw: object) -> ClaimKey:
    """Return the key that a value of `claimingData` means: a JSON object, or a string that holds one.

    Raises InvalidValue, naming the field.
    """
    fields = _object(raw)
    if set(fields) - {_SECRET, _EXPIRY}:
        raise _wrong(f"claimingData takes {_SECRET} and {_EXPIRY} and nothing else, as {_EXAMPLE}.")
    secret_key = _secret_key(fields.get(_SECRET))
    return ClaimKey(secret_key, _expiry(fields.get(_EXPIRY)), raw if isinstance(raw, str) else fields)


def refuse_flat_form(names: Mapping[str, object]) -> None:
    """Raise InvalidValue when the two fields were sent as two attributes, a mistake that many make."""
    if _SECRET in names and _EXPIRY in names:
        raise _wrong(
            f"{_SECRET} and {_EXPIRY} as two attributes open no claim window. "
            f"Send them together as one attribute: {_EXAMPLE}.",
            None,
        )


async def set_keys(store: ClaimKeyStore, keys: KeyRing, wanted: Mapping[UUID, ClaimKey]) -> None:
    """Open a window on each device with its key, in place of the one that the tenant set before.

    Works whatever the owner, `claimingAllowed` and `allowClaimingByDefault` are; a key that has expired is
    kept and opens nothing. Devices that are gone are left out.
    """
    now_ms = await store.now_ms()
    windows = [_window(store, keys, device_id, key, now_ms) for device_id, key in sorted(wanted.items())]
    await store.open_windows(windows)


async def drop_keys(store: ClaimKeyStore, device_ids: Sequence[UUID]) -> None:
    """Withdraw the keys that the tenant set on these devices; the windows never open again."""
    for device_id in device_ids:
        await store.drop_window(device_id, WindowKind.SET_BY_TENANT)


async def stored_key(store: ClaimKeyStore, device_id: UUID) -> StoredKey | None:
    """Return the key that the tenant set, still encrypted; None when there is none."""
    return await store.stored_key(device_id, WindowKind.SET_BY_TENANT)


def revealed(key: StoredKey, keys: KeyRing, device_id: UUID) -> str | dict[str, Any]:
    """Return the value as it was written, for those who may read it; hidden where it was forgotten.

    Raises ValueError when the key file does not open it.
    """
    if key.ciphertext is None:
        return hidden(key)
    value: str | dict[str, Any] = msgspec.json.decode(keys.decrypt(key.ciphertext, device_id.bytes))
    return value


def renewed(ciphertext: bytes, keys: KeyRing, device_id: UUID, nonce: bytes) -> tuple[bytes, bytes]:
    """Return digest and ciphertext of the same key under the newest key generation.

    Raises ValueError when the key file does not open it.
    """
    text = keys.decrypt(ciphertext, device_id.bytes)
    secret_key = claim_key(msgspec.json.decode(text)).secret_key
    return keys.digest(device_id, secret_key), keys.encrypt(text, device_id.bytes, nonce)


def hidden(key: StoredKey) -> dict[str, Any]:
    """Return what shows that there is a key, without it. Written back by mistake, this value is refused."""
    return {"hidden": True, _EXPIRY: key.expires_at}


def _window(store: ClaimKeyStore, keys: KeyRing, device_id: UUID, key: ClaimKey, now_ms: int) -> NewWindow:
    text = msgspec.json.encode(key.value).decode()
    return NewWindow(
        device_id=device_id,
        kind=WindowKind.SET_BY_TENANT,
        digest=keys.digest(device_id, key.secret_key),
        expires_at=key.expires_at,
        opened_at=now_ms,
        ciphertext=keys.encrypt(text, device_id.bytes, store.random_bytes(NONCE_BYTES)),
    )


def _object(raw: object) -> dict[str, Any]:
    if isinstance(raw, str):
        try:
            raw = msgspec.json.decode(raw)
        except msgspec.DecodeError:
            raw = None
    if not isinstance(raw, dict):
        raise _wrong(f"claimingData must be a JSON object, or a string that holds one, as {_EXAMPLE}.")
    return raw


def _secret_key(raw: object) -> str:
    """Return the key's text; numbers and booleans become text on both sides of a claim."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, str | int | float):
        return check_secret_key(str(raw))
    if raw is None:
        return ""
    raise _wrong(f"claimingData.{_SECRET} must be a string.", _SECRET)


def _expiry(raw: object) -> int:
    if raw is None:
        raise _wrong(f"claimingData.{_EXPIRY} is missing: when the key expires, in ms since 1970.", _EXPIRY)
    number = _whole_number(raw)
    if number is None or number > _LATEST_EXPIRY:
        raise _wrong(
            f"claimingData.{_EXPIRY} must be a moment in milliseconds since 1970, as 1767225600000.", _EXPIRY
        )
    if number < _EARLIEST_EXPIRY:
        raise _wrong(
            f"claimingData.{_EXPIRY} lies before 1974. Were seconds meant? Milliseconds are expected.",
            _EXPIRY,
        )
    return number


def _whole_number(raw: object) -> int | None:
    if isinstance(raw, str):
        return int(raw) if _WHOLE_NUMBER.fullmatch(raw.strip()) else None
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return int(raw)


def _wrong(message: str, field: str | None = "") -> InvalidValue:
    pointer = None if field is None else f"/{CLAIMING_DATA}/{field}".rstrip("/")
    return InvalidValue(message, pointer)
