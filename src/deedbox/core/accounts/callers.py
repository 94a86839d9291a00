"""Who calls, before it is known who it is: a source address, a program's name, a token that it was given."""

from uuid import UUID

import msgspec

from deedbox.core.ids import NULL_ID
from deedbox.core.keys import KeyRing
from deedbox.core.source_networks import network_of

_DEVICE = b"device"
_NONCE_BYTES = 16
_LONGEST_TOKEN = 100
_LONGEST_CLIENT = 200


class Caller(msgspec.Struct, frozen=True):
    """Where a request comes from. `client` is what the program calls itself, `device` its device token."""

    address: str
    client: str = ""
    device: str = ""

    @property
    def network(self) -> str:
        """The IPv4 address or IPv6 /64 that it comes from."""
        return network_of(self.address)

    @property
    def shown_client(self) -> str:
        """The program's name, of bounded length and without what a line can't hold."""
        return "".join(it for it in self.client if it.isprintable())[:_LONGEST_CLIENT]


def new_device_token(keys: KeyRing, user_id: UUID, nonce: bytes) -> str:
    """Return what a browser shows later to be known as one that this user has signed in with.

    `nonce` is 16 random bytes. The token lets nobody in; it only counts its wrong passwords apart.
    """
    return nonce.hex() + keys.lookup_digests(_DEVICE, f"{user_id}:{nonce.hex()}")[0].hex()


def device_nonce(keys: KeyRing, user_id: UUID | None, token: str) -> bytes | None:
    """Return the nonce of a device token that is this user's, None for any other; nobody's costs the same."""
    try:
        data = bytes.fromhex(token[:_LONGEST_TOKEN])
    except ValueError:
        return None
    nonce, digest = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
    return nonce if digest in keys.lookup_digests(_DEVICE, f"{user_id or NULL_ID}:{nonce.hex()}") else None
