"""The bus of a server that runs alone."""

import pytest

from deedbox.cluster.local import LocalBus


def test_messages_reach_whoever_listens_then_newest_first() -> None:
    bus = LocalBus()
    heard: list[tuple[str, bytes]] = []
    stop = bus.subscribe("a", lambda it: heard.append(("first", it)))
    bus.subscribe("a", lambda it: heard.append(("second", it)))
    bus.publish("a", b"1")
    bus.publish("b", b"2")
    stop()
    stop()
    bus.publish("a", b"3")
    assert heard == [("second", b"1"), ("first", b"1"), ("second", b"3")]


def test_a_listener_may_leave_while_it_is_told() -> None:
    bus = LocalBus()
    heard: list[bytes] = []

    def once(message: bytes) -> None:
        heard.append(message)
        stop()

    stop = bus.subscribe("a", once)
    bus.publish("a", b"1")
    bus.publish("a", b"2")
    assert heard == [b"1"]


async def test_requests_have_one_responder() -> None:
    bus = LocalBus()
    assert await bus.request("a", b"x") is None
    stop = bus.respond("a", lambda it: it + b"!")
    assert await bus.request("a", b"x") == b"x!"
    with pytest.raises(ValueError, match="a has a responder already"):
        bus.respond("a", lambda it: it)
    stop()
    assert await bus.request("a", b"x") is None
