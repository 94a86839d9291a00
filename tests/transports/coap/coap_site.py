"""A device and the real endpoint, joined in memory: what the endpoint sends is decoded and kept.

Nothing listens and nobody sleeps: `settled` waits for what is under way, time passes when a test says so.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from deedbox.core.credentials import Login
from deedbox.core.device_limits import DeviceLimits
from deedbox.transports.coap.codes import Code, MessageType
from deedbox.transports.coap.context import CoapContext
from deedbox.transports.coap.endpoint import CoapEndpoint
from deedbox.transports.coap.messages import Message, Number, Option, decode, encode, unsigned
from deedbox.transports.coap.settings import CoapPeerSettings
from deedbox.transports.mqtt.settings import MqttSessionSettings
from tests.storage.sqlite_bench import SQLiteBench
from tests.transports.device_site import TOKEN
from tests.transports.mqtt.joined import JoinedSite

CON, NON, ACK, RST = MessageType
OBSERVE, FORGET = 0, 1


class Device:
    """A device's end, at an address of its own. A `Peer` for the endpoint."""

    is_proven = False

    def __init__(self, site: "CoapSite", address: str, login: Login | None) -> None:
        self.site = site
        self.source_address = address
        self.login = login
        self.sent: list[bytes] = []
        self._next_id = 0
        self.conversation = site.endpoint.open(self)

    def send(self, datagram: bytes) -> None:
        """Take what the endpoint sends."""
        self.site.passed += 1
        self.sent.append(datagram)

    @property
    def got(self) -> list[Message]:
        """All messages that came."""
        return [decode(it) for it in self.sent]

    def datagram(self, datagram: bytes) -> None:
        """Send a datagram."""
        self.site.passed += 1
        self.conversation.receive(datagram, self.site.sqlite.now_ms)

    def request(
        self,
        code: Code,
        path: str,
        payload: Any = b"",
        options: Sequence[tuple[int, int | bytes]] = (),
        kind: int = CON,
        token: bytes = b"\x01",
    ) -> Message:
        """Return a request to `/api/v1/TOKEN/path?query`; a path from the root on begins with a slash."""
        body = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
        self._next_id += 1
        more = [(it, value if isinstance(value, bytes) else unsigned(value)) for it, value in options]
        return Message(kind, code, self._next_id, token, sorted(_placed(path) + more, key=_number), body)

    async def ask(self, code: Code, path: str, payload: Any = b"", *more: Any, **fields: Any) -> Message:
        """Send a request; return the one message that came by the time all was done."""
        [answer] = await self.all_of(self.request(code, path, payload, *more, **fields))
        return answer

    async def all_of(self, *messages: Message) -> list[Message]:
        """Send messages; return what came by the time all was done."""
        before = len(self.sent)
        for it in messages:
            self.datagram(encode(it))
        await self.site.settled()
        return self.got[before:]

    async def post(self, path: str, payload: Any = b"", **fields: Any) -> Message:
        """Post something."""
        return await self.ask(Code.POST, path, payload, **fields)

    async def get(self, path: str, **fields: Any) -> Message:
        """Get something."""
        return await self.ask(Code.GET, path, **fields)

    async def observe(self, path: str, token: bytes = b"\x07", *, wish: int = OBSERVE) -> Message:
        """Begin to observe something, or end it."""
        return await self.get(path, options=[(Number.OBSERVE, wish)], token=token)

    async def take(self, notification: Message) -> None:
        """Acknowledge a notification."""
        self.datagram(encode(Message(ACK, Code.EMPTY, notification.message_id)))
        await self.site.settled()


class CoapSite(JoinedSite):
    """A real endpoint whose peers are joined to it in memory; beside it, devices over MQTT."""

    def __init__(
        self,
        sqlite: SQLiteBench,
        coap: CoapPeerSettings,
        limits: DeviceLimits | None = None,
    ) -> None:
        super().__init__(sqlite, MqttSessionSettings(), limits)
        self.coap = coap
        self.answered: list[int] = []
        self.open_endpoint()

    def open_endpoint(self) -> None:
        """Open the endpoint, as a start does, with the settings of the moment."""
        self.endpoint = CoapEndpoint(
            CoapContext(
                storage=self.sqlite.storage,
                keys=self.scene.keys,
                messages=self.messages,
                ingest=self.ingest,
                exchange=self.exchange,
                attribute_changes=self.changes,
                live=self.live,
                activity=self.activity,
                rate_limits=self.rate_limits,
                manners=self.manners,
                provisioning=self.provisioning,
                clock_ms=lambda: self.sqlite.now_ms,
                settings=self.coap,
                login_guesses=self.login_guesses,
                note_refusal=self.answered.append,
            )
        )

    def peer(self, address: str = "192.0.2.1", login: Login | None = None) -> Device:
        """Return a peer that has sent nothing yet."""
        return Device(self, address, login)

    async def pass_ms(self, duration_ms: int) -> None:
        """Let time pass, and do what it brings about."""
        self.sqlite.now_ms += duration_ms
        self.endpoint.tick(self.sqlite.now_ms)
        await self.settled()

    async def close(self) -> None:
        """End everything, as a server that stops does."""
        await self.endpoint.close()
        await super().close()


def option(message: Message, number: int) -> int | None:
    """Return an option's value as a number, None where there is no such option."""
    found = [value for it, value in message.options if it == number]
    return int.from_bytes(found[0], "big") if found else None


def told(message: Message) -> Any:
    """Return a payload as a value."""
    return msgspec.json.decode(message.payload)


def _placed(path: str) -> list[Option]:
    path, _, query = path.partition("?")
    names = path[1:] if path.startswith("/") else f"api/v1/{TOKEN}/{path}"
    placed: list[Option] = [(int(Number.URI_PATH), it.encode()) for it in names.split("/")]
    return placed + [(int(Number.URI_QUERY), it.encode()) for it in query.split("&") if it]


def _number(option: tuple[int, bytes]) -> int:
    return option[0]
