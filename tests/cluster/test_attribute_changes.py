"""Hints that shared attributes changed, between nodes and between polls."""

import asyncio
from pathlib import Path
from uuid import UUID

from deedbox.cluster.attribute_changes import AttributeHints
from deedbox.cluster.local import LocalBus
from deedbox.cluster.recent_hints import RecentHints
from deedbox.core.attribute_changes import MOST_NAMES
from deedbox.testing.bus_suite import until
from tests.cluster.nats_server import NatsServer, opened_nodes

TOLD_AGAIN_S = 30.0
DEVICE, OTHER = UUID(int=1), UUID(int=2)


async def listening(hints: AttributeHints) -> "asyncio.Task[frozenset[str]]":
    task = asyncio.create_task(hints.next_change(DEVICE))
    await asyncio.sleep(0)
    return task


async def test_a_hint_reaches_every_node_where_the_device_polls() -> None:
    bus = LocalBus()
    here, there = AttributeHints(bus), AttributeHints(bus)
    waiting = [await listening(here), await listening(there)]
    here.tell(OTHER, ["x"])
    here.tell(DEVICE, [])
    here.tell(DEVICE, ["a", "b"])
    assert [await it for it in waiting] == [{"a", "b"}, {"a", "b"}]


async def test_what_comes_between_two_polls_is_kept_a_while() -> None:
    hints = AttributeHints(LocalBus(), remembered_for_s=0.05)
    hints.tell(DEVICE, ["before the first poll"])
    waiting = await listening(hints)
    hints.tell(DEVICE, ["a"])
    assert await waiting == {"a"}
    hints.tell(DEVICE, ["b"])
    hints.tell(DEVICE, ["c"])
    assert await hints.next_change(DEVICE) == {"b", "c"}


async def test_a_device_that_does_not_come_back_is_forgotten() -> None:
    bus = LocalBus()
    hints = AttributeHints(bus, remembered_for_s=0)
    waiting = await listening(hints)
    waiting.cancel()
    await asyncio.wait([waiting])
    await asyncio.sleep(0.01)
    assert not bus._receivers
    assert not hints._watches


async def test_a_second_poll_keeps_the_watch() -> None:
    hints = AttributeHints(LocalBus(), remembered_for_s=0)
    first, second = await listening(hints), await listening(hints)
    first.cancel()
    await asyncio.wait([first])
    await asyncio.sleep(0.01)
    hints.tell(DEVICE, ["a"])
    assert await second == {"a"}


async def test_names_are_bounded() -> None:
    hints = AttributeHints(LocalBus())
    waiting = await listening(hints)
    hints.tell(DEVICE, [f"k{number}" for number in range(2 * MOST_NAMES)])
    hints.tell(DEVICE, ["one more"])
    assert len(await waiting) == MOST_NAMES


async def test_what_changed_while_nats_was_away_is_told_when_it_is_back(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "nats.log")
    server.start()
    try:
        async with opened_nodes(server.url) as nodes:
            here, there = (AttributeHints(it.bus) for it in nodes)
            stops = [it.join() for it in (here, there)]
            heard: list[frozenset[str]] = []
            there.attach(DEVICE, heard.append)
            server.kill()
            await until(lambda: not any(it.bus.is_whole for it in nodes))
            here.tell(DEVICE, ["missed"])
            here.tell(OTHER, ["somebody else's"])
            server.start()
            await until(lambda: {"missed"} in heard)
            assert {it for names in heard for it in names} == {"missed"}
            for stop in stops:
                stop()
    finally:
        server.kill()


def test_recent_hints_are_told_again_each_once_and_old_ones_are_not() -> None:
    now_s = 0.0
    recent = RecentHints(lambda: now_s, most=3)
    recent.add("old", b"1", True)
    now_s = TOLD_AGAIN_S + 1
    recent.add("a", b"1", True)
    recent.add("a", b"1", True)
    assert list(recent.again()) == [("a", b"1")]
    now_s += TOLD_AGAIN_S + 1
    recent.add("b", b"2", False)
    assert list(recent.again()) == [("a", b"1"), ("b", b"2")], "while others are away nothing is forgotten"
    for name in "cdef":
        recent.add(name, b"", False)
    assert [subject for subject, _ in recent.again()] == ["d", "e", "f"]
