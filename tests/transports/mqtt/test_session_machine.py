"""Two clients of a device come, go, publish and acknowledge as they like: what the server promised holds.

- What was acknowledged is stored, and what was refused is not (behaviour §2.6).
- Answers come in the order of the messages (MQTT 5 §4.6).
- A command comes to a session once without DUP, then with DUP until it is acknowledged (MQTT 5 §4.4).
"""

import asyncio
import shutil
from collections.abc import Coroutine
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from deedbox.core.errors import StorageUnavailable
from deedbox.transports.mqtt.packets import ConnAck, Disconnect, PubAck, Publish, PubRec, PubRel
from deedbox.transports.mqtt.settings import MqttSessionSettings
from tests.storage.sqlite_bench import SQLiteBench, new_database
from tests.transports.mqtt.joined import ATTRIBUTES, COMMANDS, TELEMETRY, Client, JoinedSite, message

T = TypeVar("T")
SETTINGS = MqttSessionSettings(most_inflight=6, most_queued=3, most_per_device=3)
names = st.sampled_from("ab")
#: Messages: QoS, whether it is large, whether it is a value.
KINDS = st.lists(st.tuples(st.sampled_from([1, 2]), st.booleans(), st.booleans()), min_size=1, max_size=4)
Sent = tuple[int, int, int]


class Device:
    """What a device remembers of one client id: its session's side."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.level = 5
        self.client: Client | None = None
        self.last_id = 0
        #: Messages without an answer: (packet id, QoS, number), oldest first.
        self.unanswered: list[Sent] = []
        #: Packet id -> command, of those that came and were not acknowledged.
        self.commands: dict[int, str] = {}
        self.read = 0
        #: Ids sent over the present connection, in order, that were not answered yet.
        self.order: list[int] = []

    @property
    def is_on(self) -> bool:
        """Tell whether there is a connection that was accepted."""
        return self.client is not None and self.client.ended() is None


class Sessions(RuleBasedStateMachine):
    """Plays against a real server over a real database."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(mkdtemp(prefix="deedbox-sessions-"))
        self.devices = {name: Device(name) for name in "ab"}
        self.number = 0
        self.acknowledged: set[int] = set()
        self.refused: set[int] = set()
        self.done_commands: set[str] = set()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Let the loop run until this is done."""
        return self.runner.run(work)

    @initialize()
    def open(self) -> None:
        async def work() -> None:
            self.sqlite = SQLiteBench(new_database(self.folder))
            self.site = JoinedSite(self.sqlite, SETTINGS)
            await self.site.prepare()

        self.run(work())

    @rule(name=names, level=st.sampled_from([4, 5]), is_clean=st.booleans())
    def connect(self, name: str, level: int, is_clean: bool) -> None:
        """Come, perhaps beside an own connection that is still open, and subscribe to commands."""
        self.run(self._connect(self.devices[name], level, is_clean))

    @rule(name=names, is_polite=st.booleans())
    def leave(self, name: str, is_polite: bool) -> None:
        """Go with a good-bye, or just go, whatever is under way."""

        async def work() -> None:
            device = self.devices[name]
            if device.client is not None and device.is_on:
                self._read(device)
                if is_polite:
                    device.client.send(Disconnect())
                else:
                    device.client.connection.lost()

        self.run(work())

    @rule(name=names, kinds=KINDS)
    def publish(self, name: str, kinds: list[tuple[int, bool, bool]]) -> None:
        """Send values, and requests that take another way, at once; wait for nothing."""

        async def work() -> None:
            device = self.devices[name]
            for qos, is_large, is_value in kinds:
                if device.is_on and len(device.unanswered) < SETTINGS.most_inflight:
                    self.number += 1
                    device.last_id += 1
                    self._send(device, (device.last_id, qos, self.number if is_value else 0), is_large)
            await asyncio.sleep(0)

        self.run(work())

    @rule(is_full=st.booleans())
    def fill_disk(self, is_full: bool) -> None:
        """From now on large messages can't be stored; or they can again."""
        self.run(self.site.fill_disk() if is_full else self.site.free_disk())

    @rule(is_one_way=st.booleans())
    def command(self, is_one_way: bool) -> None:
        """Somebody sends the device a command."""

        async def work() -> None:
            self.number += 1
            try:
                command = await self.site.command(f"m{self.number}", one_way=is_one_way)
            except StorageUnavailable:  # shares a transaction with a message that is too large
                return
            if self.site.exchange.waiting(self.site.device.id) < 10:
                self.site.beside(self.site.exchange.call(command, 600_000))
            await asyncio.sleep(0)

        self.run(work())

    @rule(name=names)
    def acknowledge(self, name: str) -> None:
        """Acknowledge the oldest command that came."""

        async def work() -> None:
            device = self.devices[name]
            self._read(device)
            if device.client is not None and device.is_on and device.commands:
                packet_id = next(iter(device.commands))
                self.done_commands.add(device.commands.pop(packet_id))
                device.client.send(PubAck(packet_id))

        self.run(work())

    @rule(rounds=st.integers(1, 10))
    def breathe(self, rounds: int) -> None:
        """Let a little of what is under way happen."""

        async def work() -> None:
            for _ in range(rounds):
                await asyncio.sleep(0)

        self.run(work())

    @rule()
    def settle(self) -> None:
        """Let all that is under way happen, and compare."""
        self.run(self._compare())

    def teardown(self) -> None:
        """Compare at the end, too."""
        if hasattr(self, "site"):
            self.run(self._compare())
            self.run(self.site.close())
            self.run(self.sqlite.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    async def _connect(self, device: Device, level: int, is_clean: bool) -> None:
        keeps: dict[str, Any] = {"session_expiry_s": 600} if level == 5 else {}
        client = self.site.client(level)
        client.send(client.opening(device.name, clean_start=is_clean, **keeps))
        await self.site.settled()
        assert not device.is_on, "taken over"
        self._read(device)  # what the connection before this one heard to its end
        device.client, device.level, device.read, device.order = client, level, 0, []
        answer = client.got[0]
        assert isinstance(answer, ConnAck) and answer.reason == 0
        if not answer.session_present:
            device.commands.clear()
            device.unanswered.clear()
        owed = set(device.commands)
        self._read(device)
        came_again = {it.packet_id for it in client.of(Publish) if it.duplicate}
        assert came_again == owed, "what was not acknowledged comes again, and nothing else"
        for sent in tuple(device.unanswered):
            device.unanswered.remove(sent)
            self._send(device, sent, is_large=False, is_again=True)
        await client.subscribe(COMMANDS)

    def _send(self, device: Device, sent: Sent, is_large: bool, is_again: bool = False) -> None:
        packet_id, qos, number = sent
        values = {"t": "x" * 30_000 if is_large else number}
        plain = message(ATTRIBUTES + "/request/1", b"", qos, packet_id)
        if number:
            plain = message(TELEMETRY, {"ts": number, "values": values}, qos, packet_id)
        device.unanswered.append(sent)
        device.order.append(packet_id)
        assert device.client is not None
        device.client.send(Publish(plain.topic, plain.payload, qos, packet_id, duplicate=is_again))

    def _read(self, device: Device) -> None:
        """Take in what came."""
        if device.client is None:
            return
        while device.read < len(device.client.got):
            packet = device.client.got[device.read]
            device.read += 1
            if isinstance(packet, PubAck | PubRec):
                self._answered(device, packet)
            elif isinstance(packet, Publish):
                self._commanded(device, packet)

    def _answered(self, device: Device, packet: PubAck | PubRec) -> None:
        assert device.order.pop(0) == packet.packet_id, "not in order"
        sent = next(it for it in device.unanswered if it[0] == packet.packet_id)
        assert isinstance(packet, PubRec if sent[1] == 2 else PubAck)
        device.unanswered.remove(sent)
        if sent[2]:
            (self.acknowledged if packet.reason < 0x80 else self.refused).add(sent[2])
        if isinstance(packet, PubRec) and packet.reason < 0x80 and device.client and device.is_on:
            device.client.send(PubRel(packet.packet_id))

    def _commanded(self, device: Device, packet: Publish) -> None:
        method = packet.payload.split(b'"')[3].decode()
        assert method not in self.done_commands, "came again after its acknowledgement"
        if packet.duplicate:
            assert device.commands.get(packet.packet_id) == method
        else:
            assert method not in device.commands.values(), "came twice without DUP"
            assert packet.packet_id not in device.commands
            device.commands[packet.packet_id] = method

    async def _compare(self) -> None:
        await self.site.settled()
        for device in self.devices.values():
            self._read(device)
        await self.site.free_disk()
        await self.sqlite.storage.settle([self.site.device.id])
        stored = {row["ts"] for row in self.sqlite._rows("select ts from time_series")}
        assert self.acknowledged <= stored
        assert not self.refused & stored
        for device in self.devices.values():
            assert not device.is_on or not device.order, "not answered"


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=60)
