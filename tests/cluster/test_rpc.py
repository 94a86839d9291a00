"""Commands between nodes: the caller's and the device's need not be the same."""

import asyncio
from uuid import UUID

import pytest

from deedbox.cluster.local import LocalBus
from deedbox.cluster.rpc import CommandExchange
from deedbox.core.errors import LimitReached
from deedbox.core.rpc import Command, Delivery, End, Outcome

DEVICE, OTHER = UUID(int=1), UUID(int=2)
PATIENCE_MS = 20_000


def command(method: str = "m", one_way: bool = False, device_id: UUID = DEVICE) -> Command:
    return Command(device_id, 3, method, {"a": [1, None]}, one_way)


class Nodes:
    """Two nodes on one bus: somebody calls here, the device is there."""

    def __init__(self) -> None:
        self.bus = LocalBus()
        self.here = CommandExchange(self.bus, "here", 3)
        self.there = CommandExchange(self.bus, "there", 3)

    async def offered(self, it: Command, timeout_ms: int = PATIENCE_MS) -> "asyncio.Task[Outcome]":
        task = asyncio.create_task(self.here.call(it, timeout_ms))
        await asyncio.sleep(0)
        return task

    async def polling(self, node: CommandExchange) -> "asyncio.Task[Delivery]":
        task = asyncio.create_task(node.next_command(DEVICE))
        await asyncio.sleep(0)
        return task


@pytest.fixture
def nodes() -> Nodes:
    return Nodes()


async def test_a_command_that_waits_is_taken_by_the_first_poll_anywhere(nodes: Nodes) -> None:
    called = await nodes.offered(command())
    delivery = await nodes.there.next_command(DEVICE)
    assert delivery.command == command()
    nodes.there.reply(DEVICE, delivery.id, b'"done"')
    assert await called == Outcome(End.REPLIED, b'"done"')


async def test_a_poll_that_waits_takes_the_command(nodes: Nodes) -> None:
    polling = await nodes.polling(nodes.there)
    called = await nodes.offered(command(one_way=True))
    assert (await polling).command.one_way
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
    methods = [(await nodes.there.next_command(DEVICE)).command.method for _ in calls]
    assert methods == ["a", "b", "c"]
    await asyncio.gather(*calls)


async def test_replies_to_what_was_not_asked_are_dropped(nodes: Nodes) -> None:
    nodes.there.reply(DEVICE, 1, b"1")
    called = await nodes.offered(command())
    delivery = await nodes.there.next_command(DEVICE)
    nodes.there.reply(DEVICE, delivery.id + 1, b"1")
    nodes.there.reply(OTHER, delivery.id, b"2")
    nodes.there.reply(DEVICE, delivery.id, b"3")
    nodes.there.reply(DEVICE, delivery.id, b"4")
    assert (await called).reply == b"3"


async def test_a_command_that_nobody_took_can_not_be_replied_to(nodes: Nodes) -> None:
    called = await nodes.offered(command(), timeout_ms=20)
    for command_id in list(nodes.here._calls[DEVICE]):
        nodes.there.reply(DEVICE, command_id, b"1")
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
