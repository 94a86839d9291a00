"""Stored commands reach polls and sessions on any node, one by one; what becomes of them is stored."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from deedbox.cluster.local import LocalBus
from deedbox.cluster.rpc import CommandExchange
from deedbox.core.rpc import Command, Delivery, End
from deedbox.testing.claim_scene import ALICE
from tests.storage.command_site import DEVICE, GADGET, CommandSite
from tests.storage.sqlite_bench import SQLiteBench, new_database

PATIENCE_S = 20


class Nodes(CommandSite):
    """Two nodes on one bus, over one database."""

    def __init__(self, sqlite: SQLiteBench) -> None:
        super().__init__(sqlite)
        self.bus = LocalBus()
        self.here = CommandExchange(self.bus, "here", sqlite.storage)
        self.there = CommandExchange(self.bus, "there", sqlite.storage)

    async def stored(self, method: str, one_way: bool = True) -> UUID:
        """Somebody stores a command here."""
        command_id = await self.add(method, one_way=one_way)
        self.here.wake(DEVICE)
        return command_id

    async def until(self, command_id: UUID, status: str) -> None:
        """Wait until the command is there."""
        async with asyncio.timeout(PATIENCE_S):
            while await self.status(command_id) != status:  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0.002)


class Session:
    """A device that stays connected and keeps what it was sent."""

    def __init__(self, node: CommandExchange) -> None:
        self.node = node
        self.heard: asyncio.Queue[Delivery] = asyncio.Queue()
        self.stop = node.attach(DEVICE, self.heard.put_nowait)

    async def next(self) -> Delivery:
        """What it is sent next."""
        return await asyncio.wait_for(self.heard.get(), PATIENCE_S)


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[Nodes]:
    sqlite = SQLiteBench(new_database(tmp_path))
    nodes = Nodes(sqlite)
    await nodes.prepare()
    yield nodes
    await nodes.here.close()
    await nodes.there.close()
    await sqlite.close()


async def test_a_poll_takes_what_is_stored(nodes: Nodes) -> None:
    first = await nodes.stored("ask", one_way=False)
    delivery = await nodes.there.next_command(DEVICE)
    nodes.there.delivered(DEVICE, delivery.id)
    await nodes.there.reply(DEVICE, delivery.id, b'"done"')
    assert (await nodes.command(first)).response == '"done"'


async def test_a_poll_that_waits_hears_of_what_is_stored(nodes: Nodes) -> None:
    polling = asyncio.create_task(nodes.there.next_command(DEVICE))
    await asyncio.sleep(0.01)
    await nodes.stored("go")
    assert (await asyncio.wait_for(polling, PATIENCE_S)).command.method == "go"


async def test_a_session_gets_one_after_the_other(nodes: Nodes) -> None:
    waiting = [await nodes.stored(it) for it in ("a", "b")]
    session = Session(nodes.there)
    coming = await nodes.stored("c")
    for method, command_id in zip("abc", [*waiting, coming], strict=True):
        delivery = await session.next()
        assert delivery.command.method == method
        assert session.heard.empty()
        nodes.there.delivered(DEVICE, delivery.id)
        await nodes.until(command_id, "DELIVERED")


async def test_of_two_sessions_and_a_poll_one_gets_each_command(nodes: Nodes) -> None:
    sessions = [Session(nodes.here), Session(nodes.there)]
    polling = asyncio.create_task(nodes.there.next_command(DEVICE))
    await asyncio.sleep(0.01)
    command_id = await nodes.stored("once")
    await nodes.until(command_id, "SENT")
    await asyncio.sleep(0.05)
    assert [it.heard.qsize() for it in sessions].count(1) + polling.done() == 1
    polling.cancel()


async def test_both_kinds_come_through_one_attachment(nodes: Nodes) -> None:
    session = Session(nodes.there)
    await nodes.stored("stored")
    stored = await session.next()
    called = asyncio.create_task(nodes.here.call(Command(DEVICE, 1, "called", None, True), 20_000))
    waited_for = await session.next()
    assert [it.command.method for it in (stored, waited_for)] == ["stored", "called"]
    nodes.there.delivered(DEVICE, waited_for.id)
    assert (await called).end is End.DELIVERED


async def test_what_failed_comes_again_after_a_pause(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deedbox.cluster.persistent_commands._PAUSE_S", 0.01)
    session = Session(nodes.there)
    command_id = await nodes.stored("m")
    first = await session.next()
    nodes.there.failed(DEVICE, first.id)
    again = await session.next()
    assert again == first
    nodes.there.delivered(DEVICE, again.id)
    await nodes.until(command_id, "DELIVERED")


async def test_a_poll_that_gives_up_while_it_takes_gives_the_command_back(nodes: Nodes) -> None:
    command_id = await nodes.add(retries=0)
    polling = asyncio.create_task(nodes.there.next_command(DEVICE))
    for _ in range(3):
        await asyncio.sleep(0)
    polling.cancel()
    await asyncio.wait([polling])
    delivery = await asyncio.wait_for(nodes.here.next_command(DEVICE), PATIENCE_S)
    nodes.here.delivered(DEVICE, delivery.id)
    await nodes.until(command_id, "DELIVERED")


async def test_a_session_that_stops_while_it_takes_gives_the_command_back(nodes: Nodes) -> None:
    command_id = await nodes.add(retries=0)
    leaving = Session(nodes.there)
    for _ in range(3):
        await asyncio.sleep(0)
    leaving.stop()
    staying = Session(nodes.here)
    delivery = await staying.next()
    nodes.here.delivered(DEVICE, delivery.id)
    await nodes.until(command_id, "DELIVERED")
    assert leaving.heard.empty()


async def test_what_a_node_left_unfinished_another_finishes(nodes: Nodes) -> None:
    """The node that sent it is gone; the device is connected elsewhere."""
    command_id = await nodes.add()
    lost = await nodes.here.next_command(DEVICE)
    session = Session(nodes.there)
    await nodes.there.time_out()
    assert session.heard.empty()
    nodes.sqlite.now_ms += 30_000
    await nodes.there.time_out()
    again = await session.next()
    assert (again.id, again.command) == (lost.id, lost.command)
    assert (lost.lasts_ms or 0) - (again.lasts_ms or 0) == 30_000
    nodes.there.delivered(DEVICE, again.id)
    await nodes.until(command_id, "DELIVERED")


async def test_the_former_owners_commands_reach_no_session(nodes: Nodes) -> None:
    """Behaviour §5.2: the device stays connected while its owner changes."""
    await nodes.add("old")
    await nodes.scene.reclaim(ALICE, GADGET)
    session = Session(nodes.there)
    nodes.here.wake(DEVICE)
    await nodes.stored("new")
    assert (await session.next()).command.method == "new"
    assert session.heard.empty()
