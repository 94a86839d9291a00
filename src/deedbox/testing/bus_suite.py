"""The exam that every bus takes: what its promises mean, seen by two nodes.

Subclass `BusSuite` in a test module with a pytest fixture named `buses`: two `Bus` that reach each other, or
one of a server that runs alone, twice.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol
from uuid import UUID, uuid4

_PATIENCE_S = 20.0
_SUBJECT = "deedbox.exam.plain"

Stop = Callable[[], None]


class Bus(Protocol):
    """What is examined; the words are those of the server's own Protocol."""

    @property
    def is_whole(self) -> bool:
        """Tell whether other nodes can be reached."""
        ...

    def when_back(self, act: Callable[[], None]) -> Stop:
        """Call `act` each time other nodes are in reach again."""
        ...

    def publish(self, subject: str, message: bytes = b"") -> None:
        """Send a message."""
        ...

    def subscribe(self, subject: str, receive: Callable[[bytes], None]) -> Stop:
        """Listen."""
        ...

    def respond(self, subject: str, respond: Callable[[bytes], bytes]) -> Stop:
        """Answer requests."""
        ...

    async def request(self, subject: str, message: bytes = b"", timeout_s: float = 5.0) -> bytes | None:
        """Ask."""
        ...


Buses = tuple[Bus, Bus]


def subject_of(device_id: UUID) -> str:
    """Return a subject that ends in an id, as most do."""
    return f"deedbox.exam.{device_id.hex}"


async def settled(*buses: Bus) -> None:
    """Return when all that was asked of the buses so far has had its effect on the others."""
    for bus in buses:
        for other in buses:
            await _heard_by(bus, other)


async def _heard_by(bus: Bus, other: Bus) -> None:
    """Publish until it is heard: what one bus was asked before is done before, in order."""
    heard, subject = asyncio.Event(), f"deedbox.exam.settled.{uuid4().hex}"
    stop = other.subscribe(subject, lambda _: heard.set())
    async with asyncio.timeout(_PATIENCE_S):
        while not heard.is_set():
            bus.publish(subject)
            await asyncio.sleep(0.005)
    stop()


async def until(done: Callable[[], bool]) -> None:
    """Return when it is done. Raises TimeoutError when that takes far too long."""
    async with asyncio.timeout(_PATIENCE_S):
        while not done():  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.005)


class MessageExam:
    """Messages to whoever listens."""

    async def test_a_message_reaches_listeners_on_every_node_as_it_was_sent(self, buses: Buses) -> None:
        here, there = buses
        heard: list[tuple[str, bytes]] = []
        for subject in (_SUBJECT, subject_of(UUID(int=5))):
            here.subscribe(subject, lambda it: heard.append(("here", it)))
            there.subscribe(subject, lambda it: heard.append(("there", it)))
            await settled(here, there)
            for message in (b"", b"text", bytes(range(256)) * 2000):
                here.publish(subject, message)
                await until(lambda: len(heard) == 2)
                assert sorted(heard) == [("here", message), ("there", message)]
                heard.clear()

    async def test_messages_under_a_subject_keep_their_order(self, buses: Buses) -> None:
        here, there = buses
        heard: list[bytes] = []
        there.subscribe(_SUBJECT, heard.append)
        await settled(here, there)
        sent = [str(number).encode() for number in range(500)]
        for message in sent:
            here.publish(_SUBJECT, message)
        await until(lambda: len(heard) == len(sent))
        assert heard == sent

    async def test_whoever_listens_to_something_else_hears_nothing(self, buses: Buses) -> None:
        here, there = buses
        # The last digits are the same: some buses carry them together.
        listened, other = UUID(int=0x1_00AB), UUID(int=0x2_00AB)
        heard: list[bytes] = []
        there.subscribe(subject_of(listened), heard.append)
        await settled(here, there)
        here.publish(subject_of(other), b"other")
        here.publish(_SUBJECT, b"plain")
        here.publish(subject_of(listened), b"listened")
        await until(lambda: bool(heard))
        await settled(here, there)
        assert heard == [b"listened"]

    async def test_whoever_stopped_hears_nothing_and_the_others_still_do(self, buses: Buses) -> None:
        here, there = buses
        left: list[bytes] = []
        stayed: list[bytes] = []
        stop = there.subscribe(_SUBJECT, left.append)
        there.subscribe(_SUBJECT, stayed.append)
        stop()
        stop()
        await settled(here, there)
        here.publish(_SUBJECT, b"1")
        await until(lambda: bool(stayed))
        assert (left, stayed) == ([], [b"1"])

    async def test_a_listener_may_leave_and_come_back(self, buses: Buses) -> None:
        here, there = buses
        subject, heard = subject_of(UUID(int=7)), list[bytes]()
        for _ in range(3):
            there.subscribe(subject, heard.append)()
        there.subscribe(subject, heard.append)
        await settled(here, there)
        here.publish(subject, b"1")
        await until(lambda: bool(heard))
        assert heard == [b"1"]

    async def test_a_listener_on_the_same_node_hears_at_once(self, buses: Buses) -> None:
        here, _ = buses
        heard: list[bytes] = []
        here.subscribe(_SUBJECT, heard.append)
        here.publish(_SUBJECT, b"1")
        assert heard == [b"1"]

    async def test_all_of_many_subjects_are_heard_and_left(self, buses: Buses) -> None:
        here, there = buses
        devices = [uuid4() for _ in range(5_000)]
        heard: list[bytes] = []
        stops = [there.subscribe(subject_of(it), heard.append) for it in devices]
        await settled(here, there)
        for device_id in devices:
            here.publish(subject_of(device_id), device_id.bytes)
        await until(lambda: len(heard) == len(devices))
        assert set(heard) == {it.bytes for it in devices}
        for stop in stops:
            stop()
        await settled(here, there)
        here.publish(subject_of(devices[0]), b"late")
        await settled(here, there)
        assert len(heard) == len(devices)


class RequestExam:
    """Requests, and their answers."""

    async def test_a_request_is_answered_wherever_the_responder_is(self, buses: Buses) -> None:
        here, there = buses
        subject = f"deedbox.exam.take.{uuid4().hex}"
        assert await here.request(subject, b"x", 0.5) is None
        stop = there.respond(subject, lambda it: it + b"!")
        await settled(here, there)
        assert [await it.request(subject, b"x") for it in buses] == [b"x!", b"x!"]
        stop()
        stop()
        await settled(here, there)
        assert await here.request(subject, b"x", 0.5) is None

    async def test_an_empty_answer_is_an_answer(self, buses: Buses) -> None:
        here, there = buses
        there.respond(_SUBJECT, lambda _: b"")
        await settled(here, there)
        assert await here.request(_SUBJECT, b"") == b""

    async def test_many_requests_at_a_time_get_each_its_own_answer(self, buses: Buses) -> None:
        here, there = buses
        there.respond(_SUBJECT, lambda it: it)
        await settled(here, there)
        asked = [str(number).encode() for number in range(200)]
        assert await asyncio.gather(*(here.request(_SUBJECT, it, 20.0) for it in asked)) == asked

    async def test_a_node_responds_to_a_subject_once(self, buses: Buses) -> None:
        here, _ = buses
        stop = here.respond(_SUBJECT, lambda _: b"1")
        try:
            here.respond(_SUBJECT, lambda _: b"2")
        except ValueError as error:
            assert "has a responder already" in str(error)
        else:
            raise AssertionError("a second responder was taken")
        stop()
        here.respond(_SUBJECT, lambda _: b"3")
        assert await here.request(_SUBJECT) == b"3"


class BusSuite(MessageExam, RequestExam):
    """The whole exam."""

    async def test_buses_that_reach_each_other_are_whole(self, buses: Buses) -> None:
        here, there = buses
        await settled(here, there)
        assert here.is_whole
        assert there.is_whole
