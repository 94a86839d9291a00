"""The bus over NATS when NATS fails: nobody waits, nothing raises, all is counted, and it heals by itself."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from nats.aio.client import Client

from deedbox.cluster.bus import LARGEST_MESSAGE_BYTES
from deedbox.cluster.nats import NatsBus
from deedbox.cluster.nats_addresses import nats_addresses
from deedbox.cluster.nats_link import NatsLink
from deedbox.testing.bus_suite import settled, subject_of, until
from tests.cluster.nats_server import NatsServer, Node, opened_nodes
from tests.ports import free_port

SUBJECT = "deedbox.exam.plain"
UUID_1 = UUID(int=1)
MANY_IDS = [uuid4() for _ in range(10_000)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server of the test's own, that may be killed."""
    server = NatsServer(tmp_path / "nats.log")
    server.start()
    yield server
    server.thaw()
    server.kill()


@pytest.fixture
async def nodes(server: NatsServer) -> AsyncIterator[Sequence[Node]]:
    async with opened_nodes(server.url) as nodes:
        yield nodes


async def away(nodes: Sequence[Node]) -> None:
    await until(lambda: not any(it.bus.is_whole for it in nodes))


async def back(nodes: Sequence[Node]) -> None:
    await until(lambda: all(it.bus.is_whole for it in nodes))


async def test_after_a_restart_all_is_heard_again(server: NatsServer, nodes: Sequence[Node]) -> None:
    here, there = (it.bus for it in nodes)
    heard: list[bytes] = []
    there.subscribe(SUBJECT, heard.append)
    server.kill()
    await away(nodes)
    # What begins and ends meanwhile counts, too.
    there.subscribe(subject_of(UUID_1), heard.append)
    there.subscribe("deedbox.exam.left", heard.append)()
    server.start()
    await back(nodes)
    await settled(here, there)
    for subject in (SUBJECT, subject_of(UUID_1), "deedbox.exam.left"):
        here.publish(subject, subject.encode())
    await until(lambda: len(heard) >= 2)
    await settled(here, there)
    assert heard == [SUBJECT.encode(), subject_of(UUID_1).encode()]


async def test_while_nats_is_away_one_node_goes_on_alone(server: NatsServer, nodes: Sequence[Node]) -> None:
    here, there = (it.bus for it in nodes)
    heard: list[bytes] = []
    missed: list[bytes] = []
    here.subscribe(SUBJECT, heard.append)
    there.subscribe(SUBJECT, missed.append)
    here.respond("deedbox.exam.ask", lambda it: it)
    server.kill()
    await away(nodes)
    here.publish(SUBJECT, b"1")
    assert heard == [b"1"]
    assert await here.request("deedbox.exam.ask", b"2") == b"2"
    assert await there.request("deedbox.exam.ask", b"2") is None
    assert nodes[0].observed.dropped == ["away"]
    server.start()
    await back(nodes)
    await settled(here, there)
    assert missed == [], "what is old is not sent late"


async def test_whoever_wants_to_hears_that_nats_is_back(server: NatsServer, nodes: Sequence[Node]) -> None:
    node = nodes[0]
    acts: list[str] = []
    node.bus.when_back(lambda: acts.append("stays"))
    stop = node.bus.when_back(lambda: acts.append("leaves"))
    server.kill()
    await away(nodes)
    stop()
    assert acts == []
    server.start()
    await back(nodes)
    await until(lambda: bool(acts))
    assert acts == ["stays"]
    assert node.observed.connected == [False, True, False, True]


async def test_a_server_that_hangs_is_noticed_and_left(server: NatsServer, nodes: Sequence[Node]) -> None:
    """A partition: the connection is open, nothing is refused, nothing comes."""
    here, there = (it.bus for it in nodes)
    heard: list[bytes] = []
    there.subscribe(SUBJECT, heard.append)
    await settled(here, there)
    server.freeze()
    for _ in range(200):
        here.publish(SUBJECT, bytes(LARGEST_MESSAGE_BYTES))
    assert "full" in nodes[0].observed.dropped
    await away(nodes)
    server.thaw()
    await back(nodes)
    await settled(here, there)
    heard.clear()
    here.publish(SUBJECT, b"healed")
    await until(lambda: bool(heard))
    assert heard == [b"healed"]


async def test_a_message_that_is_too_large_stays_on_its_node(nodes: Sequence[Node]) -> None:
    here, there = (it.bus for it in nodes)
    near: list[int] = []
    far: list[int] = []
    here.subscribe(SUBJECT, lambda it: near.append(len(it)))
    there.subscribe(SUBJECT, lambda it: far.append(len(it)))
    await settled(here, there)
    here.publish(SUBJECT, bytes(LARGEST_MESSAGE_BYTES + 1))
    here.publish(SUBJECT, bytes(LARGEST_MESSAGE_BYTES))
    await until(lambda: bool(far))
    assert (len(near), far) == (2, [LARGEST_MESSAGE_BYTES])
    assert nodes[0].observed.dropped == ["too_large"]


async def test_nats_may_come_later_than_the_node(
    server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.kill()
    async with opened_nodes(server.url, connected=False) as (here, there):
        heard: list[bytes] = []
        there.bus.subscribe(SUBJECT, heard.append)
        here.bus.publish(SUBJECT, b"early")
        await until(lambda: caplog.text.count("NATS is out of reach") == 2)
        server.start()
        await back([here, there])
        await settled(here.bus, there.bus)
        here.bus.publish(SUBJECT, b"late")
        await until(lambda: bool(heard))
        assert heard == [b"late"]
    assert caplog.text.count("NATS is out of reach") == 2, "once per node, however often it tries"
    assert caplog.text.count("connected to NATS") == 2


async def test_what_cannot_be_understood_is_logged_and_harms_nothing(
    nodes: Sequence[Node], caplog: pytest.LogCaptureFixture
) -> None:
    here, there = (it.bus for it in nodes)
    heard: list[bytes] = []

    def receive(message: bytes) -> None:
        heard.append(message)
        if message == b"bad":
            raise ValueError("not a message of ours")

    there.subscribe(SUBJECT, receive)
    await settled(here, there)
    here.publish(SUBJECT, b"bad")
    here.publish(SUBJECT, b"good")
    await until(lambda: len(heard) == 2)
    assert "does it run the same release" in caplog.text


async def test_few_subscriptions_serve_many_devices(nodes: Sequence[Node]) -> None:
    bus = nodes[0].bus
    stops = [bus.subscribe(subject_of(it), lambda _: None) for it in MANY_IDS]
    assert isinstance(bus, NatsBus)
    assert len(bus._wanted) == 256
    for stop in stops:
        stop()
    assert not bus._wanted


@pytest.mark.parametrize("credentials", ["anna:wrong", "anna"])
async def test_a_wrong_password_is_told_and_tried_again_and_never_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, credentials: str
) -> None:
    """Attacks: secrets never in logs."""
    caplog.set_level(logging.DEBUG)
    server = NatsServer(tmp_path / "nats.log", "--user", "anna", "--pass", "right word%")
    server.start()
    try:
        async with opened_nodes(f"nats://{credentials}@127.0.0.1:{server.port}", 1, connected=False):
            await until(lambda: "Authorization Violation" in caplog.text)
        async with opened_nodes(f"nats://anna:right%20word%25@127.0.0.1:{server.port}", 1) as nodes:
            assert nodes[0].bus.is_whole
    finally:
        server.kill()
    assert "anna" not in caplog.text
    assert "right" not in caplog.text


async def test_of_several_servers_one_suffices(server: NatsServer) -> None:
    url = f"nats://127.0.0.1:{free_port()},{server.url}"
    async with opened_nodes(url, 1) as nodes:
        assert nodes[0].bus.is_whole


async def test_a_password_is_not_sent_to_a_server_without_tls(
    server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened_nodes(f"tls://anna:secret@127.0.0.1:{server.port}", 1, connected=False) as nodes:
        await until(lambda: "the server offers no TLS" in caplog.text)
        assert not nodes[0].bus.is_whole


async def test_a_cancellation_that_is_swallowed_on_the_way_is_heeded(server: NatsServer) -> None:
    used = asyncio.Event()

    async def use(_: Client) -> None:
        used.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)

    task = asyncio.create_task(NatsLink(nats_addresses(server.url), "node").keep(use))
    await used.wait()
    task.cancel()
    await until(task.done)
    assert task.cancelled()


def test_addresses_are_read_and_mistakes_do_not_show_them() -> None:
    read = nats_addresses("tls://anna:a%40b@one.example:4222, tls://two.example")
    assert read.servers == ["tls://one.example:4222", "tls://two.example"]
    assert (read.only_tls, read.user, read.password) == (True, "anna", "a@b")
    for wrong in ("http://anna:secret@x", "nats://", "anna:secret@x:1", "nats://x:70000", "nats://x/path"):
        with pytest.raises(ValueError, match="expected nats://HOST:PORT") as raised:
            nats_addresses(wrong)
        assert "secret" not in str(raised.value)
    with pytest.raises(ValueError, match="mixed"):
        nats_addresses("tls://one,nats://two")
