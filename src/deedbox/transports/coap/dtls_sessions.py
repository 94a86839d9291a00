"""One DTLS session: datagrams in and out, the handshake, whose it is; no sockets, no clock."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from OpenSSL import SSL

from deedbox.core.credentials import Login
from deedbox.core.device_certificates import shown_by
from deedbox.transports.coap.conversation import Conversation
from deedbox.transports.coap.dtls_records import MOST_DATAGRAM_BYTES, in_datagrams

_RECORD_BYTES, _FLIGHT_BYTES = 16_384, 65_536
#: What a device may send while it is looked up who it is.
_MOST_EARLY = 16


class DtlsSession:
    """A peer that has proved its address by a cookie. A `Peer` of conversations once hands are shaken."""

    __slots__ = (
        "_early",
        "_send",
        "_tls",
        "began_at",
        "certificates",
        "conversation",
        "heard_at",
        "hello",
        "is_identified",
        "is_open",
        "is_over",
        "login",
        "source_address",
    )

    is_proven = True

    def __init__(
        self,
        tls: SSL.Connection,
        hello: bytes,
        source_address: str,
        send: Callable[[bytes], None],
        now_ms: int,
    ) -> None:
        self._tls = tls
        self._send = send
        self._early: list[bytes] = []
        #: The random number of the hello that it began with.
        self.hello = hello
        self.source_address = source_address
        self.began_at = self.heard_at = now_ms
        self.login: Login | None = None
        #: What the client has shown, in DER form.
        self.certificates: Sequence[bytes] = ()
        self.conversation: Conversation | None = None
        self.is_open = self.is_identified = self.is_over = False

    def take(self, datagram: bytes) -> list[bytes]:
        """Take a datagram; return the messages that were in it. What is not genuine is ignored."""
        self._tls.bio_write(datagram)
        return self.go_on()

    def go_on(self) -> list[bytes]:
        """Do what can be done with what has come."""
        messages: list[bytes] = []
        try:
            if not self.is_open:
                self._tls.do_handshake()
                self.is_open = True
                self.certificates = shown_by(self._tls)
            while True:
                messages.append(self._tls.recv(_RECORD_BYTES))
        except SSL.WantReadError:
            pass
        except SSL.Error:  # the good-bye of the client, or a handshake that can't succeed
            self.is_over = True
        self._flush()
        return messages

    def put_off(self, messages: Sequence[bytes]) -> None:
        """Keep messages until it is known whose they are."""
        self._early += messages[: _MOST_EARLY - len(self._early)]

    def early(self) -> list[bytes]:
        """Return what was put off, once."""
        early, self._early = self._early, []
        return early

    def send(self, datagram: bytes) -> None:
        """Send a message, encrypted; it may be lost."""
        if not self.is_over:
            with suppress(SSL.Error):
                self._tls.send(datagram)
            self._flush()

    def repeat(self) -> None:
        """Send the last flight of the handshake again if its time has come."""
        try:
            self._tls.DTLSv1_handle_timeout()
        except SSL.Error:
            self.is_over = True
        self._flush()

    def end(self) -> None:
        """Say good-bye."""
        if not self.is_over:
            self.is_over = True
            with suppress(SSL.Error):
                self._tls.shutdown()
            self._flush()
        if self.conversation is not None:
            self.conversation.close()
            self.conversation = None

    def _flush(self) -> None:
        for datagram in in_datagrams(written(self._tls)):
            self._send(datagram)


def new_connection(context: SSL.Context) -> SSL.Connection:
    """Return the server's side of a session that waits for a hello."""
    tls = SSL.Connection(context, None)
    tls.set_accept_state()
    tls.set_ciphertext_mtu(MOST_DATAGRAM_BYTES)
    return tls


def written(tls: SSL.Connection) -> bytes:
    """Return the records that are to be sent."""
    with suppress(SSL.WantReadError):
        return tls.bio_read(_FLIGHT_BYTES)
    return b""
