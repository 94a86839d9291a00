"""CoAP over DTLS: sessions with many peers behind one socket.

Before a client has proved by a cookie that it receives what is sent to its address, nothing of it is kept,
and it gets less than it sends. A session belongs to an address: a client with another one shakes hands anew.
"""

import asyncio
import logging
import socket
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from OpenSSL import SSL

from deedbox.core.credentials import Login, ended_logins
from deedbox.core.errors import StorageUnavailable
from deedbox.core.storage import Stores
from deedbox.transports.certificates import CertificateLogins
from deedbox.transports.coap.conversation import EXCHANGE_LIFETIME_MS
from deedbox.transports.coap.dtls_places import Places
from deedbox.transports.coap.dtls_records import hello_random
from deedbox.transports.coap.dtls_sessions import DtlsSession, new_connection, written
from deedbox.transports.coap.endpoint import CoapEndpoint
from deedbox.transports.coap.settings import DtlsSettings
from deedbox.transports.coap.sockets import LARGEST_DATAGRAM_BYTES, Address
from deedbox.transports.login_guesses import LoginGuesses

_READ_AT_ONCE = 64
_BUFFER_BYTES = 1 << 22
_LARGEST_HELLO_BYTES = 2_048
_RECORD_OVERHEAD_BYTES = 256

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DtlsEncryption:
    """What DTLS needs beside what CoAP does. The context's cookies are asked for by then."""

    context: SSL.Context
    certificates: CertificateLogins
    settings: DtlsSettings = field(default_factory=DtlsSettings)
    #: Addresses are proved, so they are counted together with those of connections.
    guesses: LoginGuesses = field(default_factory=LoginGuesses)


class DtlsSocket:
    """A bound socket that is read, and the sessions with peers behind it."""

    def __init__(self, bound: socket.socket, endpoint: CoapEndpoint, encryption: DtlsEncryption) -> None:
        self._socket = bound
        self._endpoint = endpoint
        self._context = endpoint.context
        self._tls = encryption.context
        self._certificates = encryption.certificates
        self._guesses = encryption.guesses
        self._idle_ms = encryption.settings.idle_s * 1000
        self._places = Places(encryption.settings)
        self._listening = new_connection(self._tls)
        bound.setblocking(False)
        with suppress(OSError):  # the system may allow less
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._stop_watching = self._context.live.watch_credentials(self._recheck_device)
        asyncio.get_running_loop().add_reader(bound.fileno(), self.read)

    @property
    def peers(self) -> int:
        """How many sessions there are."""
        return len(self._places)

    @property
    def handshakes(self) -> int:
        """How many of them still shake hands."""
        return len(self._places.handshakes)

    def read(self) -> None:
        """Take what has come."""
        now_ms, receive = self._context.clock_ms(), self._socket.recvfrom
        for _ in range(_READ_AT_ONCE):
            try:
                datagram, address = receive(LARGEST_DATAGRAM_BYTES + _RECORD_OVERHEAD_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # about a datagram of ours that could not be delivered
            self.take(datagram, address, now_ms)

    def take(self, datagram: bytes, address: Address, now_ms: int) -> None:
        """Take a datagram; one of nobody who has a session or says hello is ignored."""
        session, hello = self._places.at(address), hello_random(datagram)
        if not datagram:
            return
        if hello and (session is None or session.hello != hello):
            self._greet(datagram, address, hello, now_ms)
        elif session is not None:
            self._deal(session, address, session.take(datagram), now_ms)

    def tick(self, now_ms: int) -> None:
        """Send again what may have been lost of handshakes; end those that take too long."""
        for address, session in tuple(self._places.handshakes.items()):
            session.repeat()
            if session.is_over:
                self._end(address)
        for address in self._places.late(now_ms):
            self._end(address)

    def forget_silent(self, now_ms: int) -> None:
        """End sessions that were idle for too long; forget what others have said long ago."""
        for address, session in self._places.silent(now_ms - EXCHANGE_LIFETIME_MS):
            conversation = session.conversation
            if session.heard_at < now_ms - self._idle_ms:
                self._end(address)
            elif conversation and not conversation.is_observing and not conversation.under_way:
                conversation.close()
                session.conversation = None

    def stop_reading(self) -> None:
        """Take nothing more."""
        asyncio.get_running_loop().remove_reader(self._socket.fileno())

    def close(self) -> None:
        """Say good-bye to all and close the socket."""
        self._stop_watching()
        for address in self._places.all():
            self._end(address)
        self._socket.close()

    def _greet(self, datagram: bytes, address: Address, hello: bytes, now_ms: int) -> None:
        """Answer a hello: with a cookie, or with a handshake if it brings one."""
        if len(datagram) > _LARGEST_HELLO_BYTES:
            return
        tls = self._listening
        tls.set_app_data(address)
        tls.bio_write(datagram)
        try:
            tls.DTLSv1_listen()
        except SSL.WantReadError:
            if cookie := written(tls):
                self._send(address, cookie)
            return
        except SSL.Error:
            self._listening = new_connection(self._tls)
            return
        self._listening = new_connection(self._tls)
        session = DtlsSession(tls, hello, address[0], partial(self._send, address), now_ms)
        for it in self._places.add(address, session):
            it.end()
        self._deal(session, address, session.go_on(), now_ms)

    def _deal(self, session: DtlsSession, address: Address, messages: list[bytes], now_ms: int) -> None:
        if session.is_open and address in self._places.handshakes:
            self._places.shaken(address)
            if session.certificates:
                self._endpoint.run(self._identify(session, address))
            else:
                session.is_identified = True
        if messages:
            session.heard_at = now_ms
            self._places.heard(address)
            self._hand_on(session, messages, now_ms)
        if session.is_over and self._places.at(address) is session:
            self._end(address)

    def _hand_on(self, session: DtlsSession, messages: list[bytes], now_ms: int) -> None:
        if not session.is_identified:
            session.put_off(messages)
            return
        for message in messages:
            if session.conversation is None:
                session.conversation = self._endpoint.open(session)
            if len(message) > LARGEST_DATAGRAM_BYTES:
                session.conversation.too_large(message, now_ms)
            else:
                session.conversation.receive(message, now_ms)

    async def _identify(self, session: DtlsSession, address: Address) -> None:
        """Find out whose certificate it is; whoever can't be looked up, or guesses, has to come again."""
        try:
            session.login = await self._login(session)
        except StorageUnavailable:
            self._end_if(address, session)
            return
        except Exception:
            _log.exception("a device could not be authenticated")
            self._end_if(address, session)
            return
        now_ms = self._context.clock_ms()
        presented, is_right = session.certificates[0], session.login is not None
        if self._guesses.judge(session.source_address, presented, is_right, now_ms):
            self._end_if(address, session)
            return
        session.is_identified = True
        self._places.belongs(address, session)
        if self._places.at(address) is session:
            self._hand_on(session, session.early(), now_ms)

    async def _login(self, session: DtlsSession) -> Login | None:
        shown = await self._certificates.find(session.certificates)
        if shown.login is None and shown.profile is not None:
            return await self._certificates.provision(session.certificates, session.source_address)
        return shown.login

    def _recheck_device(self, device_id: UUID) -> None:
        """Hear that the device's credentials may be others."""
        there = self._places.of_device(device_id)
        if there:
            self._endpoint.run(self._recheck({it.login for it in there.values() if it.login}))

    async def _recheck(self, logins: Collection[Login]) -> None:
        async def work(stores: Stores) -> list[Login]:
            return await ended_logins(stores.credentials, logins)

        with suppress(StorageUnavailable):  # each request asks again
            for login in await self._context.storage.read(work):
                for address, session in self._places.of_device(login.device_id).items():
                    if session.login == login:
                        self._end(address)

    def _end_if(self, address: Address, session: DtlsSession) -> None:
        if self._places.at(address) is session:
            self._end(address)

    def _end(self, address: Address) -> None:
        self._places.remove(address).end()

    def _send(self, address: Address, datagram: bytes) -> None:
        with suppress(OSError):  # lost, as in any network
            self._socket.sendto(datagram, address)
