"""What the protocol needs of whoever carries datagrams: a way back to the peer, and who it has proved to be.

conversation = endpoint.open(peer)      # for each new peer: an address, or a DTLS association
conversation.receive(datagram)          # for each datagram, decrypted
conversation.close()                    # when the peer is forgotten, or its association ends
"""

from typing import Protocol

from deedbox.core.credentials import Login


class Peer(Protocol):
    """The other end of a conversation: one address and port, or one DTLS association."""

    @property
    def source_address(self) -> str:
        """Where the peer comes from, without its port; empty when that is not known."""
        ...

    @property
    def login(self) -> Login | None:
        """The device that the peer has proved to be by a certificate; None where requests name a token."""
        ...

    @property
    def is_proven(self) -> bool:
        """Whether the peer is known to receive what is sent to its address, as after a DTLS handshake."""
        ...

    def send(self, datagram: bytes) -> None:
        """Send a datagram; it may be lost."""
        ...
