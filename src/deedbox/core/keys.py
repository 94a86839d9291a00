"""Keys of devices and labels: kept as keyed digests, or encrypted where the tenant may print them again.

All keys that protect stored data come from one ring (behaviour §7, `secrets.key_file`); the ring is not
in the database.
"""

import hashlib
import hmac
from collections.abc import Mapping
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

#: How many unpredictable bytes `KeyRing.encrypt` needs with each text.
NONCE_BYTES = 12
_DIGEST_BYTES = 32


class RingKey(msgspec.Struct, frozen=True):
    """One generation of keys; each field holds 32 random bytes of its own."""

    digest: bytes
    encryption: bytes
    signing: bytes

    def __repr__(self) -> str:
        return "RingKey(...)"  # whoever prints it shall not print the keys


class KeyRing:
    """Makes digests and ciphertexts with the newest generation and reads those of every generation.

    A digest is the generation's number (one byte) and 32 bytes of keyed BLAKE2b; a ciphertext the number,
    a nonce and AES-256-GCM's output. The number lets `secrets rotate` find what is still old.
    """

    def __init__(self, generations: Mapping[int, RingKey]) -> None:
        if not generations:
            raise ValueError("a key ring needs at least one generation")
        self._generations = dict(generations)
        self.newest = max(generations)
        # Made once: with its key schedule it takes longer than what it encrypts.
        self._cipher = AESGCM(generations[self.newest].encryption)
        self._newest_first = sorted(generations, reverse=True)

    @property
    def generations(self) -> list[int]:
        """Numbers of the generations in the ring, oldest first."""
        return sorted(self._generations)

    def signing_key(self, generation: int) -> bytes | None:
        """Return the key for sign-in tokens of that generation, None when it was removed."""
        key = self._generations.get(generation)
        return key.signing if key else None

    def digest(self, owner: UUID, secret: str) -> bytes:
        """Return the newest generation's digest of `secret`, bound to the row that `owner` names."""
        return self._digest(self.newest, owner, secret)

    def digests(self, owner: UUID, secret: str) -> tuple[bytes, ...]:
        """Return the digest under every generation: what a stored digest of this secret may look like."""
        return tuple(self._digest(number, owner, secret) for number in self._generations)

    def lookup_digests(self, purpose: bytes, secret: str) -> tuple[bytes, ...]:
        """Return 17-byte digests, newest generation first, to find a row by a secret (a token, a link)."""
        return tuple(self._lookup(number, purpose, secret) for number in self._newest_first)

    def encrypt(self, text: str, bound_to: bytes, nonce: bytes) -> bytes:
        """Encrypt `text`; the ciphertext opens only together with `bound_to` (the row's id)."""
        sealed = self._cipher.encrypt(nonce, _text_bytes(text), bound_to)
        return bytes([self.newest]) + nonce + sealed

    def decrypt(self, ciphertext: bytes, bound_to: bytes) -> str:
        """Return the text again. Raises ValueError when the key is gone or the row was tampered with."""
        generation = int.from_bytes(ciphertext[:1], "big")
        key = self._generations.get(generation)
        if key is None:
            raise ValueError(f"key generation {generation} is not in the key file")
        nonce, sealed = ciphertext[1 : 1 + NONCE_BYTES], ciphertext[1 + NONCE_BYTES :]
        try:
            return AESGCM(key.encryption).decrypt(nonce, sealed, bound_to).decode("utf-8", "surrogatepass")
        except InvalidTag as error:
            raise ValueError("a stored secret does not decrypt with the key file") from error

    def _digest(self, number: int, owner: UUID, secret: str) -> bytes:
        key = self._generations[number].digest
        keyed = hashlib.blake2b(owner.bytes + _text_bytes(secret), key=key, digest_size=_DIGEST_BYTES)
        return bytes([number]) + keyed.digest()

    def _lookup(self, number: int, purpose: bytes, secret: str) -> bytes:
        key = self._generations[number].digest
        keyed = hashlib.blake2b(_text_bytes(secret), key=key, digest_size=16, person=purpose)
        return bytes([number]) + keyed.digest()


def _text_bytes(text: str) -> bytes:
    # JSON may carry lone surrogates ("\ud800"); they are compared as they came, never an error.
    return text.encode("utf-8", "surrogatepass")


def same(candidates: tuple[bytes, ...], stored: bytes) -> bool:
    """Tell in constant time whether `stored` is one of the candidates (attacks A05)."""
    found = False
    for candidate in candidates:
        found |= hmac.compare_digest(candidate, stored)
    return found
