"""Commands between nodes: the caller's and the device's need not be the same."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from deedbox.cluster.local import LocalBus
from deedbox.cluster.rpc import CommandExchange
from deedbox.core.errors import LimitReached
from deedbox.core.rpc import FIRST_STORED_ID, Command, Delivery, End, Outcome
from deedbox.testing.claim_scene import ACME, ClaimScene, made_device
from tests.storage.sqlite_bench import SQLiteBench, new_database

DEVICE, OTHER = made_device(1).id, made_device(2).id
PATIENCE_MS = 20_000


def command(method: str = "m", one_way: bool = False, device_id: UUID = DEVICE) -> Command:
    return Command(device_id, 0, method, {"a": [1, None]}, one_way)


class Nodes:
    """Two nodes on one bus, over one database: somebody calls here, the device is there."""

    def __init__(self, sqlite: SQLiteBench) -> None:
        self.bus = LocalBus()
        self.scene = ClaimScene(sqlite)
        self.here = CommandExchange(self.bus, "here", sqlite.storage, 3)
        self.there = CommandExchange(self.bus, "there", sqlite.storage, 3)

    async def offered(self, it: Command, timeout_ms: int = PATIENCE_MS) -> "asyncio.Task[Outcome]":
        task = asyncio.create_task(self.here.call(it, timeout_ms))
        await asyncio.sleep(0)
        return task

    async def polling(self, node: CommandExchange) -> "asyncio.Task[Delivery]":
        task = asyncio.create_task(node.next_command(DEVICE))
        await asyncio.sleep(0.01)
        return task

    async def polled(self) -> Delivery:
        """What the device's next poll gets; it counts as delivered."""
        delivery = await self.there.next_command(DEVICE)
        self.there.delivered(DEVICE, delivery.id)
        return delivery


class Session:
    """A device that stays connected and keeps what it was sent."""

    def __init__(self, node: CommandExchange) -> None:
        self.node = node
        self.heard: asyncio.Queue[Delivery] = asyncio.Queue()
        self.stop = node.attach(DEVICE, self.heard.put_nowait)

    async def next(self) -> Delivery:
        return await asyncio.wait_for(self.heard.get(), PATIENCE_MS / 1000)


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[Nodes]:
    sqlite = SQLiteBench(new_database(tmp_path))
    nodes = Nodes(sqlite)
    await nodes.scene.prepare(2)
    yield nodes
    await sqlite.close()


async def test_a_command_that_waits_is_taken_by_the_first_poll_anywhere(nodes: Nodes) -> None:
    called = await nodes.offered(command())
    delivery = await nodes.there.next_command(DEVICE)
    assert delivery.command == command()
    await nodes.there.reply(DEVICE, delivery.id, b'"done"')
    assert await called == Outcome(End.REPLIED, b'"done"')


async def test_a_poll_that_waits_takes_the_command(nodes: Nodes) -> None:
    polling = await nodes.polling(nodes.there)
    called = await nodes.offered(command(one_way=True))
    delivery = await polling
    assert delivery.command.one_way
    assert not called.done()
    nodes.there.delivered(DEVICE, delivery.id)
    assert (await called).end is End.DELIVERED


async def test_a_command_is_delivered_once_however_many_nodes_poll(nodes: Nodes) -> None:
    polls = [await nodes.polling(node) for node in (nodes.here, nodes.there, nodes.there)]
    await nodes.offered(command("one", one_way=True))
    await asyncio.sleep(0.01)
    assert [it.done() for it in polls].count(True) == 1
    assert polls[-1].done(), "the newest poll is the one that is alive"
    for poll in polls:
        poll.cancel()


async def test_commands_come_in_their_order(nodes: Nodes) -> None:
    calls = [await nodes.offered(command(name, one_way=True)) for name in ("a", "b", "c")]
    methods = [(await nodes.polled()).command.method for _ in calls]
    assert methods == ["a", "b", "c"]
    await asyncio.gather(*calls)


async def test_replies_to_what_was_not_asked_are_dropped(nodes: Nodes) -> None:
    await nodes.there.reply(DEVICE, 1, b"1")
    called = await nodes.offered(command())
    delivery = await nodes.there.next_command(DEVICE)
    await nodes.there.reply(DEVICE, delivery.id + 1, b"1")
    await nodes.there.reply(OTHER, delivery.id, b"2")
    await nodes.there.reply(DEVICE, delivery.id, b"3")
    await nodes.there.reply(DEVICE, delivery.id, b"4")
    assert (await called).reply == b"3"


async def test_a_command_that_nobody_took_can_not_be_replied_to(nodes: Nodes) -> None:
    called = await nodes.offered(command(), timeout_ms=20)
    for command_id in list(nodes.here._calls._calls[DEVICE]):
        await nodes.there.reply(DEVICE, command_id, b"1")
    assert (await called).end is End.NOT_DELIVERED


async def test_a_cancel_ends_calls_on_every_node(nodes: Nodes) -> None:
    called = [await nodes.offered(command()), await nodes.offered(command())]
    other = await nodes.offered(command(device_id=OTHER), timeout_ms=1)
    await nodes.there.next_command(DEVICE)
    nodes.there.cancel_device(DEVICE)
    assert {(await it).end for it in called} == {End.CANCELLED}
    assert (await other).end is End.NOT_DELIVERED
    polling = await nodes.polling(nodes.there)
    assert not polling.done()
    polling.cancel()


async def test_what_waits_is_bounded_and_forgotten(nodes: Nodes) -> None:
    calls = [await nodes.offered(command()) for _ in range(3)]
    with pytest.raises(LimitReached, match="3 commands wait"):
        await nodes.here.call(command(), PATIENCE_MS)
    calls[0].cancel()
    await asyncio.wait(calls[:1])
    assert nodes.here.waiting(DEVICE) == 2
    nodes.here.cancel_device(DEVICE)
    await asyncio.gather(*calls[1:])
    assert nodes.here.waiting(DEVICE) == 0
    assert not nodes.bus._receivers


async def test_a_poll_that_ends_leaves_nothing_behind(nodes: Nodes) -> None:
    polling = await nodes.polling(nodes.there)
    polling.cancel()
    await asyncio.wait([polling])
    assert not nodes.bus._receivers


async def test_ids_of_calls_leave_room_for_those_of_stored_commands(nodes: Nodes) -> None:
    calls = [await nodes.offered(command()) for _ in range(3)]
    for _ in calls:
        assert 0 < (await nodes.polled()).id < FIRST_STORED_ID
    nodes.here.cancel_device(DEVICE)
    await asyncio.gather(*calls)


async def test_a_session_gets_what_waits_and_what_comes(nodes: Nodes) -> None:
    waiting = await nodes.offered(command("waits"))
    session = Session(nodes.there)
    first = await session.next()
    coming = await nodes.offered(command("comes", one_way=True))
    second = await session.next()
    assert [it.command.method for it in (first, second)] == ["waits", "comes"]
    nodes.there.delivered(DEVICE, second.id)
    await nodes.there.reply(DEVICE, first.id, b"1")
    assert ((await waiting).reply, (await coming).end) == (b"1", End.DELIVERED)


async def test_of_two_sessions_one_gets_each_command(nodes: Nodes) -> None:
    sessions = [Session(nodes.here), Session(nodes.there)]
    calls = [await nodes.offered(command(f"m{n}")) for n in range(3)]
    await asyncio.sleep(0.05)
    heard = [it.heard.get_nowait() for it in sessions for _ in range(it.heard.qsize())]
    assert sorted(it.command.method for it in heard) == ["m0", "m1", "m2"]
    nodes.here.cancel_device(DEVICE)
    await asyncio.gather(*calls)


async def test_a_session_that_stopped_gets_nothing(nodes: Nodes) -> None:
    """Not even what was taken for it at that very moment: that is offered again."""
    stopped = Session(nodes.there)
    called = await nodes.offered(command(one_way=True))
    stopped.stop()
    other = Session(nodes.there)
    delivery = await other.next()
    other.node.delivered(DEVICE, delivery.id)
    assert (await called).end is End.DELIVERED
    assert stopped.heard.empty()
    other.stop()
    assert not nodes.bus._receivers


async def test_what_failed_is_offered_to_another_session(nodes: Nodes) -> None:
    leaving = Session(nodes.there)
    called = await nodes.offered(command())
    delivery = await leaving.next()
    staying = Session(nodes.here)
    leaving.stop()
    nodes.there.failed(DEVICE, delivery.id)
    again = await staying.next()
    assert again == delivery
    await nodes.here.reply(DEVICE, again.id, b"2")
    assert (await called).reply == b"2"


async def test_a_connection_that_always_fails_is_not_asked_forever(nodes: Nodes) -> None:
    attempts: list[int] = []

    def fail(delivery: Delivery) -> None:
        attempts.append(delivery.id)
        nodes.there.failed(DEVICE, delivery.id)

    stop = nodes.there.attach(DEVICE, fail)
    called = await nodes.offered(command(), timeout_ms=200)
    assert (await called).end is End.NOT_DELIVERED
    assert len(attempts) == 5
    stop()


async def test_a_delivery_that_raises_ends_its_attachment_only(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Delivery) -> None:
        raise OSError("the connection is gone")

    nodes.there.attach(DEVICE, broken)
    called = await nodes.offered(command())
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while "could not be handed" not in caplog.text:  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.002)
    delivery = await nodes.there.next_command(DEVICE)
    await nodes.there.reply(DEVICE, delivery.id, b"1")
    assert (await called).reply == b"1"


async def test_commands_of_a_former_owner_reach_no_session(nodes: Nodes) -> None:
    """Behaviour §5.2, also where nobody cancelled them; a device stays connected while its owner changes."""
    session = Session(nodes.there)
    await nodes.scene.assign(made_device(1), ACME)
    old = Command(DEVICE, 0, "old", None, False)
    assert (await (await nodes.offered(old))).end is End.CANCELLED
    new = await nodes.offered(Command(DEVICE, 1, "new", None, True))
    delivery = await session.next()
    assert delivery.command.method == "new"
    nodes.there.delivered(DEVICE, delivery.id)
    assert (await new).end is End.DELIVERED


async def test_a_poll_that_gives_up_while_it_takes_gives_the_command_back(nodes: Nodes) -> None:
    polling = asyncio.create_task(nodes.there.next_command(DEVICE))
    called = await nodes.offered(command())
    for _ in range(3):
        await asyncio.sleep(0)
    polling.cancel()
    await asyncio.wait([polling])
    delivery = await nodes.there.next_command(DEVICE)
    await nodes.there.reply(DEVICE, delivery.id, b"1")
    assert (await called).reply == b"1"
