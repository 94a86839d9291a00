"""A DTLS client by pyOpenSSL over a real UDP socket; it does little by itself, so tests see all."""

import asyncio
import socket
from contextlib import suppress

from OpenSSL import SSL

from deedbox.transports.coap.messages import Message, decode, encode
from tests.certificates import MadeCertificate

_PATIENCE_S = 10
_LARGEST_BYTES = 65_536
_MTU_BYTES = 1_200
HOST = "127.0.0.1"


class DtlsClient:
    """One client."""

    def __init__(self, port: int, server: MadeCertificate, own: MadeCertificate | None = None) -> None:
        context = SSL.Context(SSL.DTLS_METHOD)
        context.load_verify_locations(str(server.certificate))
        context.set_verify(SSL.VERIFY_PEER, lambda *found: bool(found[-1]))
        context.set_options(SSL.OP_NO_QUERY_MTU)
        if own is not None:
            context.use_certificate_chain_file(str(own.certificate))
            context.use_privatekey_file(str(own.key))
        self._context = context
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect((HOST, port))
        self.received_bytes = self.sent_bytes = 0
        self.begin()

    def begin(self) -> None:
        """Forget everything, as after a restart, but for the socket."""
        self.tls = SSL.Connection(self._context, None)
        self.tls.set_connect_state()
        self.tls.set_ciphertext_mtu(_MTU_BYTES)

    def flight(self) -> bytes:
        """What the client wants to send."""
        with suppress(SSL.WantReadError):
            return self.tls.bio_read(_LARGEST_BYTES)
        return b""

    def send(self, datagram: bytes) -> None:
        """Send a datagram as it is."""
        if datagram:
            self.sent_bytes += len(datagram)
            self.socket.send(datagram)

    def send_empty(self) -> None:
        """Send a datagram with nothing in it."""
        self.socket.send(b"")

    async def datagram(self) -> bytes:
        """The next datagram that comes."""
        async with asyncio.timeout(_PATIENCE_S):
            found = await asyncio.get_running_loop().sock_recv(self.socket, _LARGEST_BYTES)
        self.received_bytes += len(found)
        return found

    async def shake_hands(self) -> "DtlsClient":
        """Do the handshake."""
        while True:
            try:
                self.tls.do_handshake()
            except SSL.WantReadError:
                self.send(self.flight())
                self.tls.bio_write(await self.datagram())
            else:
                self.send(self.flight())
                return self

    def put(self, message: bytes) -> None:
        """Send something, encrypted."""
        self.tls.send(message)
        self.send(self.flight())

    async def take(self) -> bytes:
        """What comes next, decrypted. Raises SSL.ZeroReturnError when the server has said good-bye."""
        while True:
            try:
                return self.tls.recv(_LARGEST_BYTES)
            except SSL.WantReadError:
                self.tls.bio_write(await self.datagram())

    async def ask(self, message: Message) -> Message:
        """Send a request; return what comes back."""
        self.put(encode(message))
        return decode(await self.take())

    async def is_told_good_bye(self) -> bool:
        """Tell whether the server ends the session."""
        try:
            await self.take()
        except SSL.ZeroReturnError:
            return True
        return False

    def close(self) -> None:
        """Vanish."""
        self.socket.close()
