"""Two ends joined in memory: a client that speaks our codec, and a connection of the real server.

Nothing listens and nobody sleeps: `settled` waits for what is under way, and time passes when a test says so.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec

from deedbox.core.device_limits import DeviceLimits
from deedbox.core.errors import StorageUnavailable
from deedbox.storage.stores import Stores
from deedbox.transports.login_guesses import LoginGuesses
from deedbox.transports.mqtt import encoding
from deedbox.transports.mqtt.connection import Connection
from deedbox.transports.mqtt.context import MqttContext
from deedbox.transports.mqtt.decoding import Decoder
from deedbox.transports.mqtt.packets import (
    ConnAck,
    Connect,
    Disconnect,
    Packet,
    PubAck,
    Publish,
    Subscribe,
    Subscription,
)
from deedbox.transports.mqtt.properties import EMPTY, Properties
from deedbox.transports.mqtt.server import MqttServer
from deedbox.transports.mqtt.settings import MqttSessionSettings
from deedbox.transports.settings import JournalSettings
from tests.storage.sqlite_bench import SQLiteBench
from tests.transports.device_site import PATIENCE_MS, TOKEN, DeviceSite

T = TypeVar("T")
P = TypeVar("P", bound=Packet)
ME = "v1/devices/me/"
TELEMETRY, ATTRIBUTES, CLAIM = ME + "telemetry", ME + "attributes", ME + "claim"
COMMANDS, ANSWERS, RESPONSES = ME + "rpc/request/+", ME + "rpc/response/+", ME + "attributes/response/+"
#: Tasks of the server that never end by themselves.
_RESIDENT = {
    "TelemetryIngest._run",
    "JournalMover._run",
    "ActivityNotes._write_soon",
    "MqttServer._watch",
    "MqttServer._recheck_all",
}
#: Nothing is moved in the background: tests say when.
_JOURNAL = JournalSettings(delay_ms=600_000)


class Client:
    """A device's end. A `Link` for the server: what it writes is decoded and kept in `got`."""

    def __init__(self, site: "JoinedSite", level: int) -> None:
        self.site = site
        self.level = level
        self.got: list[Packet] = []
        self.got_bytes = b""
        self.is_closed = False
        self._is_paused = False
        self._is_lost = False
        self._decoder = Decoder(2**28, level)
        self._unread: deque[bytes] = deque()
        self.connection = Connection(self, site.server, site.settings.largest_packet_bytes)
        self.is_let_in = site.server.connected(self.connection)

    def source_address(self) -> str:
        """Return where this client comes from."""
        return "192.0.2.1"

    def certificates(self) -> tuple[bytes, ...]:
        """Return no certificate: nothing is encrypted here."""
        return ()

    def write(self, data: bytes) -> None:
        """Take what the server sends."""
        assert not self.is_closed, "written to a closed connection"
        self.site.passed += 1
        if self._is_lost:
            return
        self.got_bytes += data
        self.got += self._decoder.feed(data)
        assert self._decoder.failure is None, self._decoder.failure

    def close(self) -> None:
        """Hear that the server has closed."""
        assert not self.is_closed, "closed twice"
        self.is_closed = True

    def pause_reading(self) -> None:
        """Keep what is sent from now on, as a network does."""
        self._is_paused = True

    def resume_reading(self) -> None:
        """Deliver what was kept."""
        assert not self.is_closed, "resumed after the end"
        self._is_paused = False
        asyncio.get_running_loop().call_soon(self._deliver)

    def paused(self) -> bool:
        """Tell whether the server reads no more at the moment."""
        return self._is_paused

    def send_bytes(self, data: bytes) -> None:
        """Send bytes in one piece."""
        self._unread.append(data)
        self._deliver()

    def send(self, *packets: Packet) -> None:
        """Send packets in one piece."""
        self.send_bytes(b"".join(encoding.encode(it, self.level) for it in packets))

    async def ask(self, *packets: Packet) -> list[Packet]:
        """Send packets in one piece and return what came by the time all was done."""
        before = len(self.got)
        self.send(*packets)
        await self.site.settled()
        return self.got[before:]

    async def publish(
        self, topic: str, payload: Any = b"", qos: int = 1, packet_id: int = 1, **properties: Any
    ) -> list[Packet]:
        """Send a message, anything but bytes as JSON; return what came."""
        return await self.ask(message(topic, payload, qos, packet_id, **properties))

    async def connect(self, client_id: str = "c", **fields: Any) -> ConnAck:
        """Send CONNECT with the device's token and return the answer."""
        answer = await self.ask(self.opening(client_id, **fields))
        assert answer and isinstance(answer[0], ConnAck), answer
        return answer[0]

    def opening(self, client_id: str = "c", *, username: str | None = TOKEN, **fields: Any) -> Connect:
        """Return a CONNECT; fields that it does not have are properties of MQTT 5."""
        own = {name: fields.pop(name) for name in tuple(fields) if name in Connect.__struct_fields__}
        properties = Properties(**fields) if fields else EMPTY
        return Connect(self.level, client_id=client_id, username=username, properties=properties, **own)

    async def subscribe(self, *filters: str, qos: int = 1) -> list[Packet]:
        """Subscribe and return what came."""
        return await self.ask(Subscribe(9, [Subscription(it, qos) for it in filters]))

    async def hang_up(self) -> None:
        """Lose the connection."""
        self._is_lost = True
        self.connection.lost()
        await self.site.settled()

    def of(self, kind: type[P]) -> list[P]:
        """Return what came of one kind."""
        return [it for it in self.got if isinstance(it, kind)]

    @property
    def told(self) -> list[tuple[str, Any]]:
        """Topics and decoded payloads of messages that came."""
        return [(it.topic, msgspec.json.decode(it.payload)) for it in self.of(Publish)]

    @property
    def acknowledged(self) -> list[int]:
        """Ids in PUBACKs without a failure, in order."""
        return [it.packet_id for it in self.of(PubAck) if it.reason < 0x80]

    def ended(self) -> int | None:
        """The reason in DISCONNECT; -1 when it was closed without one, None when it is open."""
        reasons = [it.reason for it in self.of(Disconnect)]
        return (reasons[0] if reasons else -1) if self.is_closed else None

    def _deliver(self) -> None:
        while self._unread and not self._is_paused and not self.is_closed:
            self.site.passed += 1
            self.connection.receive(self._unread.popleft(), self.site.sqlite.now_ms)


class JoinedSite(DeviceSite):
    """A real server whose clients are joined to it in memory."""

    def __init__(
        self,
        sqlite: SQLiteBench,
        settings: MqttSessionSettings,
        limits: DeviceLimits | None = None,
        journal: JournalSettings = _JOURNAL,
    ) -> None:
        super().__init__(sqlite, journal)
        self.settings = settings
        self.rate_limits = self.limits_of_all(limits or DeviceLimits())
        self.login_guesses = LoginGuesses()
        #: How often something went either way.
        self.passed = 0
        #: What was refused, and the reason.
        self.refusals: list[tuple[str, int]] = []
        self._own: set[asyncio.Task[Any]] = set()
        self.server = MqttServer(self.context())

    def context(self) -> MqttContext:
        """Return what a server is handed."""
        return MqttContext(
            storage=self.sqlite.storage,
            keys=self.scene.keys,
            messages=self.messages,
            gateways=self.gateways,
            ingest=self.ingest,
            exchange=self.exchange,
            attribute_changes=self.changes,
            live=self.live,
            activity=self.activity,
            rate_limits=self.rate_limits,
            manners=self.manners,
            provisioning=self.provisioning,
            settings=self.settings,
            clock_ms=lambda: self.sqlite.now_ms,
            note_refusal=lambda what, reason: self.refusals.append((what, reason)),
            login_guesses=self.login_guesses,
        )

    def rewire(self) -> None:
        """Go on with settings that were changed, as after a restart."""
        self.wire()
        self.server = MqttServer(self.context())

    def client(self, level: int = 5) -> Client:
        """Return a new connection on which nothing was sent."""
        return Client(self, level)

    async def connected(self, level: int = 5, client_id: str = "c", **fields: Any) -> Client:
        """Return a connection that was accepted."""
        client = self.client(level)
        answer = await client.connect(client_id, **fields)
        assert answer.reason == 0, answer
        return client

    async def pass_ms(self, duration_ms: int) -> None:
        """Let time pass, and do what it brings about."""
        self.sqlite.now_ms += duration_ms
        await self.server.tick(self.sqlite.now_ms)
        await self.settled()

    def beside(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Run something that `settled` does not wait for."""
        task = asyncio.get_running_loop().create_task(work)
        self._own.add(task)
        return task

    async def settled(self) -> None:
        """Wait until nothing is under way: by what is, never by time."""
        quiet, seen = 0, -1
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while quiet < 3:
                for _ in range(5):
                    await asyncio.sleep(0)
                with contextlib.suppress(StorageUnavailable):
                    await self.sqlite.storage.write(_nothing)  # what was written before it is stored now
                under_way = self._under_way()
                if under_way:
                    await asyncio.wait(under_way)
                is_quiet = not under_way and not self.ingest.batch.size and seen == self.passed
                quiet, seen = quiet + 1 if is_quiet else 0, self.passed

    async def close(self) -> None:
        """End everything, as a server that stops does."""
        for task in self._own:
            task.cancel()
        await self.server.close()
        await self.ingest.close()
        await self.activity.close()

    async def fill_disk(self) -> None:
        """Leave no room for anything large."""
        await self._set_most_pages(1)  # what is there already stays

    async def free_disk(self) -> None:
        """Make room again."""
        await self._set_most_pages(1 << 30)

    async def _set_most_pages(self, count: int) -> None:
        done = []

        async def work(_: Stores) -> None:
            self.sqlite.storage._writer.execute(f"pragma max_page_count = {count}")
            done.append(True)

        while not done:
            with contextlib.suppress(StorageUnavailable):  # by whoever shares the transaction
                await self.sqlite.storage.write(work)

    def _under_way(self) -> set["asyncio.Task[Any]"]:
        done = {asyncio.current_task(), *self._own}
        return {it for it in asyncio.all_tasks() - done if _name(it) not in _RESIDENT}


def message(topic: str, payload: Any = b"", qos: int = 1, packet_id: int = 1, **properties: Any) -> Publish:
    """Return a message; anything but bytes becomes JSON."""
    body = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    told = Properties(**properties) if properties else EMPTY
    return Publish(topic, body, qos, packet_id if qos else 0, properties=told)


def _name(task: "asyncio.Task[Any]") -> str:
    return getattr(task.get_coro(), "__qualname__", "")


async def _nothing(_: Stores) -> None:
    pass
