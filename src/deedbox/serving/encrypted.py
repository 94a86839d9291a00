"""TLS for connections whose clients may show certificates, whoever signed them.

TLS proves that a client has the key of the certificate that it shows. Who vouches for that certificate is
decided afterwards, by whoever knows the devices: Python's own TLS can only end the connection of a
certificate that a file of the server does not vouch for.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from OpenSSL import SSL

from deedbox.core.device_certificates import shown_by
from deedbox.serving.listeners import tls_context

Factory = Callable[[], asyncio.Protocol]

_DTLS1_2 = 0xFEFD
#: No old ciphers, nothing without forward secrecy.
CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AESCCM:ECDHE+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1"
_OLDEST = {SSL.TLS_METHOD: SSL.TLS1_2_VERSION, SSL.DTLS_METHOD: _DTLS1_2}
_RELEASE_BUFFERS = 0x10
_NAME = b"deedbox"
_HANDSHAKE_S = 30.0
_RECORD_BYTES, _TOGETHER_BYTES = 16_384, 65_536


def certificate_context(method: int, certificate: Path, key: Path) -> SSL.Context:
    """Return the server's side of TLS or DTLS, which asks clients for certificates; they may have none.

    Raises CannotListen when the files do not fit.
    """
    tls_context(certificate, key)  # says best what is wrong with the files
    context = SSL.Context(method)
    context.set_min_proto_version(_OLDEST[method])
    context.set_cipher_list(CIPHERS)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    # A session that is resumed tells of the first certificate only, not of who signed it.
    context.set_options(SSL.OP_NO_TICKET)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    if method == SSL.DTLS_METHOD:
        context.set_options(SSL.OP_NO_QUERY_MTU)  # cookies are asked for where somebody listens
    context.set_mode(_RELEASE_BUFFERS)  # most connections are idle most of the time
    context.set_session_id(_NAME)
    context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    context.use_certificate_chain_file(str(certificate))
    context.use_privatekey_file(str(key))
    return context


class EncryptedConnection(asyncio.Transport, asyncio.Protocol):
    """One connection: a protocol to the socket, a transport to the protocol that speaks inside of TLS.

    That protocol hears of it after the handshake; `certificates` is an extra info: what the client has shown.
    """

    def __init__(self, context: SSL.Context, factory: Factory) -> None:
        super().__init__()
        self._factory = factory
        self._context = context
        self._tls = SSL.Connection(context, None)
        self._tls.set_accept_state()
        self._protocol: asyncio.Protocol | None = None
        self._transport: asyncio.Transport | None = None
        self._late: asyncio.TimerHandle | None = None
        self._certificates: Sequence[bytes] = ()
        self._is_closing = self._is_paused = False

    # What the socket says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; a client that takes too long for the handshake is let go."""
        self._transport = cast(asyncio.Transport, transport)
        self._late = asyncio.get_running_loop().call_later(_HANDSHAKE_S, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        """Take records."""
        self._tls.bio_write(data)
        self._go_on()

    def eof_received(self) -> None:
        """Hear that the client sends no more: there is no half of a TLS connection."""

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the protocol, if it has heard of the connection at all."""
        self._is_closing = True
        if self._late is not None:
            self._late.cancel()
        if self._protocol is not None:
            self._protocol.connection_lost(error)

    def pause_writing(self) -> None:
        """Pass on that the client reads slowly."""
        if self._protocol is not None:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the client has read."""
        if self._protocol is not None:
            self._protocol.resume_writing()

    def _go_on(self) -> None:
        try:
            if self._protocol is None:
                self._shake_hands()
            while not self._is_paused and not self._is_closing:
                cast(asyncio.Protocol, self._protocol).data_received(self._tls.recv(_RECORD_BYTES))
        except SSL.WantReadError:
            self._flush()
        except SSL.ZeroReturnError:
            self.close()
        except SSL.Error:
            self._flush()  # the alert that says why
            self._is_closing = True
            cast(asyncio.Transport, self._transport).close()

    def _shake_hands(self) -> None:
        self._tls.do_handshake()
        self._flush()
        if self._late is not None:
            self._late.cancel()
            self._late = None
        self._certificates = shown_by(self._tls)
        self._protocol = self._factory()
        self._protocol.connection_made(self)

    def _flush(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        try:
            while True:
                data = self._tls.bio_read(_TOGETHER_BYTES)
                transport.write(data)
                if len(data) < _TOGETHER_BYTES:
                    return
        except SSL.WantReadError:
            return

    # What the protocol above asks.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes."""
        if not self._is_closing and data:
            self._tls.sendall(bytes(data))
            self._flush()

    def can_write_eof(self) -> bool:
        """Tell that TLS is closed both ways at once."""
        return False

    def close(self) -> None:
        """Say good-bye once all is sent."""
        if self._is_closing:
            return
        self._is_closing = True
        with contextlib.suppress(SSL.Error):  # before the handshake there is nothing to end
            self._tls.shutdown()
        self._flush()
        cast(asyncio.Transport, self._transport).close()

    def abort(self) -> None:
        """End the connection now."""
        self._is_closing = True
        cast(asyncio.Transport, self._transport).abort()

    def is_closing(self) -> bool:
        """Tell whether the end was asked for."""
        return self._is_closing

    def pause_reading(self) -> None:
        """Let the client wait."""
        self._is_paused = True
        if not self._is_closing:
            cast(asyncio.Transport, self._transport).pause_reading()

    def resume_reading(self) -> None:
        """Go on, first with what was received already."""
        if self._is_paused:
            self._is_paused = False
            if not self._is_closing:
                cast(asyncio.Transport, self._transport).resume_reading()
                asyncio.get_running_loop().call_soon(self._go_on)

    def is_reading(self) -> bool:
        """Tell whether the client's bytes are taken."""
        return not self._is_paused and not self._is_closing

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait to be sent."""
        return cast(asyncio.Transport, self._transport).get_write_buffer_size()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection to another protocol."""
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol that speaks inside of TLS."""
        return cast(asyncio.Protocol, self._protocol)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the connection."""
        if name == "certificates":
            return self._certificates
        if name == "sslcontext":
            return self._context
        return cast(asyncio.Transport, self._transport).get_extra_info(name, default)


class Encrypting:
    """Puts TLS that takes certificates around the protocols of a listener."""

    def __init__(self, context: SSL.Context) -> None:
        self._context = context

    def around(self, factory: Factory) -> Factory:
        """Return what makes the outer protocol of each new connection."""
        return lambda: EncryptedConnection(self._context, factory)
