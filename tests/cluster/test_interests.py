"""Nodes know what is watched on others: told at once, told again, and forgotten with those who are silent."""

import asyncio
from collections.abc import Collection
from uuid import UUID, uuid4

from deedbox.cluster.bus import LARGEST_MESSAGE_BYTES
from deedbox.cluster.interests import FORGOTTEN_AFTER_S, MISSED_AFTER_S, MISSED_FOR_S, Interests
from deedbox.cluster.local import LocalBus
from deedbox.testing.bus_suite import until

DEVICE, OTHER = UUID(int=1), UUID(int=2)


class Deaf(LocalBus):
    """A bus that loses what is published while it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.is_deaf = False
        self.largest = 0

    def publish(self, subject: str, message: bytes = b"") -> None:
        self.largest = max(self.largest, len(message))
        if not self.is_deaf:
            super().publish(subject, message)


class Watchers:
    """A node's interests, and what it watches."""

    def __init__(self, bus: Deaf, name: str) -> None:
        self.now_s = 0.0
        self.watched: set[UUID] = set()
        self.interests = Interests(bus, name, self._watched, lambda: self.now_s)

    def watch(self, device_id: UUID) -> None:
        self.watched.add(device_id)
        self.interests.begin(device_id)

    def leave(self, device_id: UUID) -> None:
        self.watched.discard(device_id)
        self.interests.end(device_id)

    def wants(self, *device_ids: UUID) -> list[bool]:
        return [self.interests.is_wanted(it) for it in device_ids]

    def _watched(self) -> Collection[UUID]:
        return self.watched


def three() -> tuple[Deaf, Watchers, Watchers, Watchers]:
    bus = Deaf()
    return bus, Watchers(bus, "a"), Watchers(bus, "b"), Watchers(bus, "c")


def test_others_know_at_once_who_watches_what() -> None:
    _, here, there, third = three()
    there.watch(DEVICE)
    third.watch(DEVICE)
    assert here.interests.nodes_of(DEVICE) == ("b", "c")
    assert here.wants(DEVICE, OTHER) == [True, False]
    assert there.interests.nodes_of(DEVICE) == ("c",), "nobody counts himself"
    third.leave(DEVICE)
    third.leave(DEVICE)
    assert here.interests.nodes_of(DEVICE) == ("b",)
    there.leave(DEVICE)
    assert here.wants(DEVICE) == [False]
    assert not here.interests._nodes


async def test_a_node_that_comes_later_asks_and_is_told() -> None:
    bus, here, there, _ = three()
    here.watch(DEVICE)
    there.watch(OTHER)
    late = Watchers(bus, "late")
    assert late.wants(DEVICE, OTHER) == [False, False]
    late.watched.add(DEVICE)
    late.interests.introduce()
    assert there.interests.nodes_of(DEVICE) == ("a", "late")
    await until(lambda: late.wants(DEVICE, OTHER) == [True, True])
    here.interests.close()
    assert late.wants(DEVICE) == [False]
    there.interests.close()


def test_what_was_lost_is_made_good_by_the_next_announcement() -> None:
    bus, here, there, third = three()
    there.watch(DEVICE)
    third.watch(DEVICE)
    bus.is_deaf = True
    there.leave(DEVICE)
    there.watch(OTHER)
    bus.is_deaf = False
    assert here.wants(DEVICE, OTHER) == [True, False]
    there.interests.announce()
    assert here.interests.nodes_of(DEVICE) == ("c",)
    assert here.wants(OTHER) == [True]
    there.leave(OTHER)
    there.interests.announce()
    assert here.wants(OTHER) == [False]


def test_a_silent_node_is_forgotten_and_a_talking_one_is_not() -> None:
    _, here, there, third = three()
    there.watch(DEVICE)
    third.watch(OTHER)
    here.now_s = FORGOTTEN_AFTER_S - 1
    third.interests.announce()
    here.interests.forget_silent()
    assert here.wants(DEVICE, OTHER) == [True, True]
    here.now_s += 2
    here.interests.forget_silent()
    assert here.wants(DEVICE, OTHER) == [False, True]
    there.interests.announce()
    assert here.wants(DEVICE) == [True]


def test_a_great_many_watched_devices_are_told_in_parts() -> None:
    bus, here, there, _ = three()
    devices = [uuid4() for _ in range(50_000)]
    there.watched.update(devices)
    there.interests.announce()
    assert all(here.interests.is_wanted(it) for it in devices)
    assert bus.largest < LARGEST_MESSAGE_BYTES
    there.watched = {devices[0]}
    there.interests.announce()
    assert [it for it in devices if here.interests.is_wanted(it)] == devices[:1]


async def test_all_who_ask_together_are_answered_once() -> None:
    bus, here, _, _ = three()
    told: list[bytes] = []
    asking = [Watchers(bus, f"n{number}") for number in range(5)]
    for it in asking:
        it.interests.introduce()
    here.watched.add(DEVICE)
    turn = here.interests._turn
    bus.subscribe("deedbox.live.interests", told.append)
    await until(lambda: all(it.interests.is_wanted(DEVICE) for it in asking))
    await asyncio.sleep(0)
    assert here.interests._turn == turn + 1


def test_who_falls_silent_without_a_farewell_is_missed_for_a_while() -> None:
    """Issue 4: a node that is cut off serves devices, and what it tells does not arrive."""
    _, here, there, third = three()
    returned: list[str] = []
    here.interests.when_returned = lambda: returned.append("somebody")
    there.interests.announce()
    third.interests.announce()
    here.now_s = MISSED_AFTER_S + 1
    assert here.interests.misses_somebody
    third.interests.announce()
    assert (here.interests.misses_somebody, returned) == (True, ["somebody"])
    third.interests.close()
    there.interests.announce()
    assert (here.interests.misses_somebody, len(returned)) == (False, 2)
    here.now_s += FORGOTTEN_AFTER_S + 1
    here.interests.forget_silent()
    assert (here.interests.misses_somebody, here.interests.has_others) == (True, False)
    there.interests.announce()
    assert (here.interests.misses_somebody, len(returned)) == (False, 3)
    here.now_s += MISSED_FOR_S + 1
    here.interests.forget_silent()
    assert not here.interests.misses_somebody


async def test_who_was_away_for_a_moment_says_so() -> None:
    _, here, there, third = three()
    returned: list[str] = []
    here.interests.when_returned = lambda: returned.append("somebody")
    there.interests.introduce()
    assert returned == ["somebody"]
    for it in (here, there, third):
        it.interests.close()
