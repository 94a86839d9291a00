"""What waits for a client: merged, in order, and never more than its limit."""

import asyncio
import json
from typing import Any

from deedbox.api.live.outbox import Outbox, Told, Values

ROOMY = 1_000_000


class Reader:
    """A client that reads when it is let."""

    def __init__(self) -> None:
        self.read: asyncio.Queue[Any] = asyncio.Queue()
        self.lets = asyncio.Semaphore(0)

    async def send(self, text: str) -> None:
        """Take a message once it is let to."""
        await self.lets.acquire()
        self.read.put_nowait(json.loads(text))

    async def reads(self, count: int) -> list[Any]:
        """Let so many messages through and return them."""
        for _ in range(count):
            self.lets.release()
        return [await self.read.get() for _ in range(count)]


def _shape(values: Values) -> Any:
    return {str(place): [it.text for it in told] for place, told in values.items()}


async def test_updates_of_a_subscription_are_merged_while_the_client_is_busy() -> None:
    reader = Reader()
    outbox = Outbox(reader.send, ROOMY, lambda: None)
    running = asyncio.create_task(outbox.run())
    outbox.update(1, _shape, "a", Told(1, "first"))
    await asyncio.sleep(0)
    for number in range(3):
        outbox.update(1, _shape, "a", Told(2 + number, str(number)))
        outbox.update(1, _shape, "b", Told(2 + number, str(number)), only_newest=True)
        outbox.update(2, _shape, "a", Told(2 + number, str(number)))
    assert await reader.reads(3) == [
        {"a": ["first"]},
        {"a": ["0", "1", "2"], "b": ["2"]},
        {"a": ["0", "1", "2"]},
    ]
    assert outbox.pending_bytes == 0
    running.cancel()


async def test_answers_come_first_and_are_waited_for() -> None:
    reader = Reader()
    outbox = Outbox(reader.send, ROOMY, lambda: None)
    outbox.update(1, _shape, "a", Told(1, "update"))
    outbox.put(2, "message")
    answering = asyncio.create_task(outbox.answer("answer"))
    await asyncio.sleep(0)
    running = asyncio.create_task(outbox.run())
    assert await reader.reads(1) == ["answer"]
    await answering
    assert await reader.reads(2) == ["message", {"a": ["update"]}]
    running.cancel()


async def test_a_message_takes_the_place_of_what_waits_of_its_subscription() -> None:
    reader = Reader()
    outbox = Outbox(reader.send, ROOMY, lambda: None)
    outbox.update(1, _shape, "a", Told(1, "old"))
    outbox.put(1, "older")
    outbox.put(1, "whole")
    outbox.update(1, _shape, "a", Told(2, "new"))
    running = asyncio.create_task(outbox.run())
    assert await reader.reads(2) == ["whole", {"a": ["new"]}]
    running.cancel()


async def test_for_a_slow_client_only_newest_values_wait() -> None:
    reader, overflows = Reader(), list[bool]()
    outbox = Outbox(reader.send, 1000, lambda: overflows.append(True))
    for number in range(1000):
        outbox.update(1, _shape, "a", Told(number, str(number)))
        outbox.update(1, _shape, "b", Told(-number, str(number)))
        assert outbox.pending_bytes <= 1000
    running = asyncio.create_task(outbox.run())
    (update,) = await reader.reads(1)
    assert (update["a"][-1], update["b"][0]) == ("999", "0")
    assert not overflows
    running.cancel()


async def test_where_newest_values_are_too_many_the_connection_ends() -> None:
    overflows = list[bool]()
    outbox = Outbox(Reader().send, 1000, lambda: overflows.append(True))
    for number in range(100):
        outbox.update(number, _shape, "a", Told(number, "x" * 10))
    assert overflows
    assert outbox.pending_bytes <= 1000


async def test_a_subscription_that_ended_sends_nothing_more() -> None:
    reader = Reader()
    outbox = Outbox(reader.send, ROOMY, lambda: None)
    outbox.update(1, _shape, "a", Told(1, "x"))
    outbox.put(2, "y")
    outbox.forget(1)
    outbox.forget(2)
    outbox.update(3, _shape, "a", Told(1, "z"))
    running = asyncio.create_task(outbox.run())
    assert await reader.reads(1) == [{"a": ["z"]}]
    running.cancel()
