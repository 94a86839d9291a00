"""Commands between nodes over a real NATS that goes and comes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from deedbox.cluster.rpc import CommandExchange
from deedbox.core.rpc import Command, Delivery, End, Outcome
from deedbox.testing.bus_suite import settled, until
from tests.cluster.nats_server import NatsServer, Node, opened_nodes
from tests.storage.command_site import DEVICE, CommandSite
from tests.storage.sqlite_bench import SQLiteBench, new_database

PATIENCE_MS = 20_000
OFTEN_S = 0.05


def command(method: str = "m", one_way: bool = False) -> Command:
    return Command(DEVICE, 1, method, {"a": [1, None]}, one_way)


class Nodes(CommandSite):
    """Somebody calls here, the device is connected there and keeps what it is sent."""

    def __init__(self, sqlite: SQLiteBench, server: NatsServer, nodes: Sequence[Node]) -> None:
        super().__init__(sqlite)
        self.server = server
        self.buses = [it.bus for it in nodes]
        self.here, self.there = (
            CommandExchange(it.bus, name, sqlite.storage)
            for it, name in zip(nodes, ("here", "there"), strict=True)
        )
        self.heard: list[Delivery] = []

    async def attached(self) -> None:
        """Connect the device."""
        self.there.attach(DEVICE, self.heard.append)
        await settled(*self.buses)

    async def call(self, it: Command, timeout_ms: int = PATIENCE_MS) -> "asyncio.Task[Outcome]":
        task = asyncio.create_task(self.here.call(it, timeout_ms))
        await asyncio.sleep(0)
        return task

    async def sent(self, count: int = 1) -> Delivery:
        """Return what the device was sent last, when it was sent so much."""
        await until(lambda: len(self.heard) == count)
        return self.heard[-1]

    async def away(self) -> None:
        """End NATS, and wait until all have noticed."""
        self.server.kill()
        await until(lambda: not any(it.is_whole for it in self.buses))

    async def back(self) -> None:
        """Start NATS, and wait until all are connected."""
        self.server.start()
        await until(lambda: all(it.is_whole for it in self.buses))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path / "nats.log")
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def nodes(tmp_path: Path, server: NatsServer) -> AsyncIterator[Nodes]:
    sqlite = SQLiteBench(new_database(tmp_path))
    async with opened_nodes(server.url) as buses, kept(Nodes(sqlite, server, buses)) as nodes:
        await nodes.prepare()
        yield nodes
    await sqlite.close()


@contextlib.asynccontextmanager
async def kept(nodes: Nodes) -> AsyncIterator[Nodes]:
    tasks = [asyncio.create_task(it.keep(OFTEN_S)) for it in (nodes.here, nodes.there)]
    try:
        yield nodes
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await nodes.here.close()
        await nodes.there.close()


async def test_a_command_and_its_reply_cross_nodes(nodes: Nodes) -> None:
    await nodes.attached()
    called = await nodes.call(command())
    delivery = await nodes.sent()
    assert delivery.command == command()
    nodes.there.delivered(DEVICE, delivery.id)
    await nodes.there.reply(DEVICE, delivery.id, b'"done"')
    assert await called == Outcome(End.REPLIED, b'"done"')


async def test_a_device_that_comes_later_gets_what_waits_on_another_node(nodes: Nodes) -> None:
    called = await nodes.call(command(one_way=True))
    await settled(*nodes.buses)
    await nodes.attached()
    nodes.there.delivered(DEVICE, (await nodes.sent()).id)
    assert (await called).end is End.DELIVERED


async def test_of_two_nodes_one_delivers_each_command(nodes: Nodes) -> None:
    await nodes.attached()
    nodes.here.attach(DEVICE, nodes.heard.append)
    await settled(*nodes.buses)
    calls = [await nodes.call(command(f"m{number}")) for number in range(10)]
    await nodes.sent(10)
    await settled(*nodes.buses)
    assert sorted(it.command.method for it in nodes.heard) == [f"m{number}" for number in range(10)]
    nodes.there.cancel_device(DEVICE)
    assert {(await it).end for it in calls} == {End.CANCELLED}


async def test_a_large_command_and_a_large_reply_cross_nodes(nodes: Nodes) -> None:
    await nodes.attached()
    large = "x" * 65_000
    called = await nodes.call(Command(DEVICE, 1, "m", large, False))
    delivery = await nodes.sent()
    assert delivery.command.params == large
    await nodes.there.reply(DEVICE, delivery.id, large.encode())
    assert (await called).reply == large.encode()


async def test_a_call_that_waits_reaches_the_device_when_nats_is_back(nodes: Nodes) -> None:
    await nodes.attached()
    await nodes.away()
    called = await nodes.call(command(one_way=True))
    await asyncio.sleep(2 * OFTEN_S)
    assert nodes.heard == []
    await nodes.back()
    nodes.there.delivered(DEVICE, (await nodes.sent()).id)
    assert (await called).end is End.DELIVERED


async def test_while_nats_is_away_calls_to_other_nodes_time_out(nodes: Nodes) -> None:
    await nodes.attached()
    await nodes.away()
    assert (await (await nodes.call(command(), timeout_ms=50))).end is End.NOT_DELIVERED


async def test_while_nats_is_away_calls_to_the_same_node_go_on(nodes: Nodes) -> None:
    await nodes.away()
    nodes.here.attach(DEVICE, nodes.heard.append)
    called = await nodes.call(command())
    await nodes.here.reply(DEVICE, (await nodes.sent()).id, b"1")
    assert (await called).reply == b"1"


async def test_while_nats_is_away_stored_commands_are_found(nodes: Nodes) -> None:
    await nodes.attached()
    await nodes.away()
    command_id = await nodes.add("stored")
    nodes.here.wake(DEVICE)
    nodes.there.delivered(DEVICE, (await nodes.sent()).id)
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while await nodes.status(command_id) != "DELIVERED":  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.005)


async def test_a_reply_that_was_lost_ends_as_no_reply(nodes: Nodes) -> None:
    await nodes.attached()
    called = await nodes.call(command(), timeout_ms=2_000)
    delivery = await nodes.sent()
    await nodes.away()
    await nodes.there.reply(DEVICE, delivery.id, b"lost")
    await nodes.back()
    assert (await called).end is End.NOT_REPLIED
    assert len(nodes.heard) == 1, "what may have been done is not asked for twice"


async def test_only_devices_that_listen_are_looked_for(nodes: Nodes) -> None:
    stop = nodes.there.attach(DEVICE, nodes.heard.append)
    assert list(nodes.there._served._listening) == [DEVICE]
    stop()
    stop()
    assert not nodes.there._served._listening
