"""CoAP over DTLS: whose session it is, how it ends, what strangers can't do. pyOpenSSL is the client."""

import random
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL

from deedbox.core.credential_kinds import CredentialsDraft, CredentialsKind
from deedbox.core.credentials import change_credentials
from deedbox.serving.encrypted import certificate_context
from deedbox.storage.stores import Stores
from deedbox.transports.certificates import CertificateLogins
from deedbox.transports.coap.codes import Code
from deedbox.transports.coap.dtls import DtlsEncryption, DtlsSocket
from deedbox.transports.coap.dtls_records import Cookies
from deedbox.transports.coap.messages import Message
from deedbox.transports.coap.settings import DtlsSettings
from deedbox.transports.login_guesses import LoginGuesses
from deedbox.transports.settings import DeviceLoginSettings
from tests.certificates import Authority, MadeCertificate, make_certificate
from tests.transports.coap.coap_site import CoapSite
from tests.transports.coap.dtls_client import HOST, DtlsClient
from tests.transports.device_site import TOKEN

HOUR_MS = 3_600_000
#: Small, so that tests reach them.
SETTINGS = DtlsSettings(most_sessions=4, sessions_per_address=3, most_handshakes=2, idle_s=600)


class DtlsSite:
    """A site behind a socket that speaks DTLS, and certificates for it."""

    def __init__(self, site: CoapSite, folder: Path, settings: DtlsSettings) -> None:
        self.site = site
        site.sqlite.now_ms = int(time.time() * 1000)  # certificates are valid now
        self.server = make_certificate(folder / "server")
        self.factory = Authority(folder / "factory")
        bound = socket.socket(type=socket.SOCK_DGRAM)
        bound.bind((HOST, 0))
        self.port = bound.getsockname()[1]
        context = certificate_context(SSL.DTLS_METHOD, self.server.certificate, self.server.key)
        Cookies(lambda: site.sqlite.now_ms).attach(context)
        logins = CertificateLogins(site.sqlite.storage, site.scene.keys, site.provisioning, site.live, None)
        guesses = LoginGuesses(DeviceLoginSettings(attempts_per_address=2))
        self.socket = DtlsSocket(bound, site.endpoint, DtlsEncryption(context, logins, settings, guesses))
        self._clients: list[DtlsClient] = []
        self._requests = site.peer()

    def new_client(self, own: MadeCertificate | None = None) -> DtlsClient:
        """A client that has sent nothing yet."""
        client = DtlsClient(self.port, self.server, own)
        self._clients.append(client)
        return client

    async def client(self, own: MadeCertificate | None = None) -> DtlsClient:
        """A client that has shaken hands."""
        return await self.new_client(own).shake_hands()

    async def give(self, certificate: MadeCertificate) -> None:
        """Make a certificate the device's credentials."""
        pem = certificate.certificate.read_text()
        draft = CredentialsDraft(CredentialsKind.X509_CERTIFICATE, None, pem)
        device_id = self.site.device.id

        async def work(stores: Stores) -> None:
            await change_credentials(stores.credentials, self.site.scene.keys, device_id, draft, None)

        await self.site.sqlite.storage.write(work)
        self.site.live.tell_credentials(device_id)

    def request(self, path: str, payload: bytes = b'{"t":1}') -> Message:
        """A request to a path below `/api/v1`."""
        return self._requests.request(Code.POST, f"/api/v1/{path}", payload)

    def close(self) -> None:
        """End everything."""
        for it in self._clients:
            it.close()
        self.socket.stop_reading()
        self.socket.close()


@pytest.fixture
async def new_dtls(site: CoapSite, tmp_path: Path) -> AsyncIterator[Callable[..., DtlsSite]]:
    """Make a DTLS site."""
    async with AsyncExitStack() as stack:

        def make(settings: DtlsSettings = SETTINGS) -> DtlsSite:
            made = DtlsSite(site, tmp_path, settings)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
async def dtls(new_dtls: Callable[..., DtlsSite]) -> DtlsSite:
    return new_dtls()


async def test_a_device_with_its_certificate(dtls: DtlsSite) -> None:
    """Thingsboard §2.4: the certificate stands for the token."""
    own = dtls.factory.device("lamp")
    await dtls.give(own)
    client = await dtls.client(own)
    answer = await client.ask(dtls.request("telemetry", b'{"t":1}'))
    assert answer.code == Code.CREATED
    assert await dtls.site.latest() == {"t": 1}


async def test_tokens_work_with_and_without_a_certificate(dtls: DtlsSite) -> None:
    for own in (None, dtls.factory.device("nobody")):
        client = await dtls.client(own)
        assert (await client.ask(dtls.request(f"{TOKEN}/telemetry"))).code == Code.CREATED
        assert (await client.ask(dtls.request("telemetry"))).code == Code.UNAUTHORIZED


async def test_another_certificate_ends_the_session_of_the_old_one(dtls: DtlsSite) -> None:
    """Behaviour §5.5."""
    own, other = dtls.factory.device("lamp"), dtls.factory.device("lamp", 0.5)
    await dtls.give(own)
    client = await dtls.client(own)
    assert (await client.ask(dtls.request("telemetry"))).code == Code.CREATED
    await dtls.give(other)
    assert await client.is_told_good_bye()
    again = await dtls.client(own)
    assert (await again.ask(dtls.request("telemetry"))).code == Code.UNAUTHORIZED
    assert dtls.socket.peers == 1


async def test_a_device_that_restarts_shakes_hands_anew_from_the_same_address(dtls: DtlsSite) -> None:
    """RFC 6347 §4.2.8."""
    client = await dtls.client()
    assert (await client.ask(dtls.request(f"{TOKEN}/telemetry"))).code == Code.CREATED
    for _ in range(2):
        client.begin()
        await client.shake_hands()
        assert (await client.ask(dtls.request(f"{TOKEN}/telemetry"))).code == Code.CREATED
    assert dtls.socket.peers == 1


async def test_a_stranger_costs_nothing_and_gets_less_than_it_sends(dtls: DtlsSite) -> None:
    """A flood of hellos from addresses that are not the sender's."""
    for _ in range(20):
        client = dtls.new_client()
        for _ in range(5):
            client.begin()
            with pytest.raises(SSL.WantReadError):
                client.tls.do_handshake()
            client.send(client.flight())
            await client.datagram()
        assert client.received_bytes < client.sent_bytes
    assert dtls.socket.peers == 0


async def test_cookies_are_for_one_address_and_some_time(dtls: DtlsSite) -> None:
    client, thief = dtls.new_client(), dtls.new_client()
    hellos = []
    for _ in range(2):
        with pytest.raises(SSL.WantReadError):
            client.tls.do_handshake()
        hellos.append(client.flight())
        if len(hellos) == 1:
            client.send(hellos[0])
            client.tls.bio_write(await client.datagram())
    thief.send(hellos[1])
    asked_again = await thief.datagram()
    dtls.site.sqlite.now_ms += HOUR_MS
    client.send(hellos[1])
    assert len(await client.datagram()) == len(asked_again) < len(hellos[0])
    assert dtls.socket.peers == 0


async def test_what_is_lost_is_sent_again(dtls: DtlsSite) -> None:
    """The server's flight, when its time has come."""
    client = dtls.new_client()
    for _ in range(2):
        with pytest.raises(SSL.WantReadError):
            client.tls.do_handshake()
        client.send(client.flight())
        came = await client.datagram()
        if dtls.socket.handshakes == 0:
            client.tls.bio_write(came)
    assert dtls.socket.handshakes == 1
    session = next(iter(dtls.socket._places.handshakes.values()))
    assert 0 < (session._tls.DTLSv1_get_timeout() or 0) <= 1
    dtls.site.sqlite.now_ms += HOUR_MS
    dtls.socket.tick(dtls.site.sqlite.now_ms)
    assert dtls.socket.peers == 0  # too late for it by now


async def test_places_are_few(dtls: DtlsSite) -> None:
    clients = [await dtls.client() for _ in range(3)]
    assert (await clients[0].ask(dtls.request(f"{TOKEN}/telemetry"))).code == Code.CREATED
    await dtls.client()
    assert dtls.socket.peers == SETTINGS.sessions_per_address
    assert await clients[1].is_told_good_bye()  # the one that was silent for longest
    assert (await clients[0].ask(dtls.request(f"{TOKEN}/telemetry"))).code == Code.CREATED


async def test_idle_sessions_end(dtls: DtlsSite) -> None:
    quiet, busy = await dtls.client(), await dtls.client()
    for client in (quiet, busy):
        assert (await client.ask(dtls.request(f"{TOKEN}/telemetry"))).code == Code.CREATED
    for _ in range(3):
        dtls.site.sqlite.now_ms += SETTINGS.idle_s * 1000 // 2 - 1
        dtls.socket.forget_silent(dtls.site.sqlite.now_ms)
        assert (await busy.ask(dtls.request(f"{TOKEN}/telemetry"))).code == Code.CREATED
    assert await quiet.is_told_good_bye()
    assert dtls.socket.peers == 1


async def test_garbage_ends_nothing(dtls: DtlsSite) -> None:
    """Records that are cut, changed, made up, of other epochs and sessions, in the middle of a session."""
    client, other = await dtls.client(), await dtls.client()
    dice = random.Random(7)
    for _ in range(300):
        client.tls.send(b"\x40\x02" + dice.randbytes(20))
        genuine = client.flight()
        bad = bytearray(genuine)
        bad[dice.randrange(len(bad))] ^= 1 << dice.randrange(8)
        made_up = bytes([dice.choice([20, 21, 22, 23, 24])]) + genuine[1:3] + dice.randbytes(40)
        client.send_empty()
        alert = b"\x15\xfe\xfd" + bytes(8) + b"\0\2\2\x28"
        for it in (bytes(bad), genuine[: dice.randrange(len(genuine))], made_up, alert, dice.randbytes(60)):
            other.send(it)
            if it != bytes(bad):
                client.send(it)
    for each in (client, other):
        assert (await each.ask(dtls.request(f"{TOKEN}/telemetry"))).code == Code.CREATED


async def test_hellos_that_are_cut_or_changed(dtls: DtlsSite) -> None:
    """Fuzzing before the handshake: nothing is kept, and a real client gets in afterwards."""
    dice, client = random.Random(7), dtls.new_client()
    with pytest.raises(SSL.WantReadError):
        client.tls.do_handshake()
    hello = client.flight()
    for _ in range(500):
        bad = bytearray(hello + dice.randbytes(dice.choice([0, 0, 3_000])))
        for _ in range(dice.randrange(4)):
            bad[dice.randrange(len(hello))] = dice.randrange(256)
        dtls.socket.take(
            bytes(bad[: dice.randrange(1, len(bad) + 1)]), ("192.0.2.9", 9), dtls.site.sqlite.now_ms
        )
    assert dtls.socket.peers == 0
    assert (await (await dtls.client()).ask(dtls.request(f"{TOKEN}/telemetry"))).code == Code.CREATED


async def test_who_guesses_has_to_wait(dtls: DtlsSite) -> None:
    """Different certificates that are nobody's, from one address."""
    ends: list[Any] = []
    for number in range(3):
        client = await dtls.client(dtls.factory.device(f"guess-{number}"))
        request = dtls.request("telemetry")
        try:
            ends.append((await client.ask(request)).code)
        except SSL.ZeroReturnError:
            ends.append(None)
    assert ends == [Code.UNAUTHORIZED, Code.UNAUTHORIZED, None]
