"""A subscription asks before it passes on what it may not show, and asks no more often than it must."""

import asyncio
from uuid import UUID

from deedbox.api.live.following import Following, Wishes
from deedbox.cluster.live import BusLiveChanges
from deedbox.cluster.local import LocalBus
from deedbox.core.attributes import Scope
from deedbox.core.errors import NotPermitted
from deedbox.core.holders import Extent
from deedbox.core.live import AttributesChanged, OwnershipChanged, PointsArrived
from deedbox.core.permissions import Resource
from deedbox.core.telemetry import Point

DEVICE = UUID(int=1)


class Watcher:
    """A subscription whose database answers when it is let; `extent` None means no."""

    def __init__(self, extent: Extent | None, kind: Resource = Resource.DEVICE) -> None:
        self.live = BusLiveChanges(LocalBus())
        self.extent = extent
        self.looks = 0
        self.taken: list[int] = []
        self.ends: list[Exception] = []
        self.answers = asyncio.Event()
        self.answers.set()
        wishes = Wishes(self._look, self._take, lambda change: "wanted" in change.names, self.ends.append)
        self.following = Following(self.live, kind, DEVICE, wishes)

    async def _look(self) -> Extent:
        self.looks += 1
        seen = self.extent
        await self.answers.wait()
        if seen is None:
            raise NotPermitted
        return seen

    def _take(self, change: PointsArrived) -> None:
        self.taken.append(change.points[0].ts)

    def points(self, ts: int, epoch: int) -> None:
        """Tell of a point."""
        self.live.tell(PointsArrived(DEVICE, epoch, (Point("a", ts, 1),)))

    async def settled(self) -> None:
        """Let all that is under way happen."""
        for _ in range(20):
            await asyncio.sleep(0)


async def test_points_of_the_epoch_that_was_granted_need_no_question() -> None:
    watcher = Watcher(Extent(2, 4))
    await watcher.following.begin()
    for ts, epoch in enumerate((4, 3, 2, 1, 4)):
        watcher.points(ts, epoch)
    assert watcher.taken == [0, 1, 2, 4]
    assert watcher.looks == 1


async def test_points_that_come_during_the_first_look_wait_for_it() -> None:
    watcher = Watcher(Extent(2, 4))
    watcher.answers.clear()
    beginning = asyncio.create_task(watcher.following.begin())
    await watcher.settled()
    watcher.points(1, 4)
    watcher.points(2, 1)
    assert watcher.taken == []
    watcher.answers.set()
    await beginning
    assert watcher.taken == [1]
    assert watcher.looks == 1


async def test_a_newer_epoch_waits_for_an_answer_and_a_no_ends_it() -> None:
    watcher = Watcher(Extent(2, 4))
    await watcher.following.begin()
    watcher.extent = None
    watcher.points(1, 5)
    watcher.points(2, 4)
    await watcher.settled()
    assert watcher.taken == [2]
    assert [type(it) for it in watcher.ends] == [NotPermitted]
    watcher.points(3, 4)
    assert watcher.taken == [2]
    assert not watcher.live.is_watched(DEVICE)


async def test_a_newer_epoch_that_is_granted_is_passed_on_in_order() -> None:
    watcher = Watcher(Extent(2, 4))
    await watcher.following.begin()
    watcher.extent = Extent(2, 5)
    for ts in (1, 2, 3):
        watcher.points(ts, 5)
    await watcher.settled()
    assert watcher.taken == [1, 2, 3]
    assert watcher.looks == 2


async def test_a_deed_that_ends_during_a_look_asks_for_another() -> None:
    watcher = Watcher(Extent(2, 4))
    await watcher.following.begin()
    watcher.answers.clear()
    watcher.live.tell(OwnershipChanged(DEVICE))
    await watcher.settled()
    watcher.extent = None
    watcher.live.tell(OwnershipChanged(DEVICE))
    watcher.answers.set()
    await watcher.settled()
    assert watcher.looks == 3
    assert watcher.ends


async def test_only_attributes_that_concern_it_ask_for_a_look() -> None:
    watcher = Watcher(Extent(2, 4))
    await watcher.following.begin()
    watcher.live.tell(AttributesChanged(DEVICE, 4, Scope.SHARED_SCOPE, ("other",)))
    watcher.live.tell(AttributesChanged(DEVICE, 4, Scope.SHARED_SCOPE, ("wanted",)))
    await watcher.settled()
    assert watcher.looks == 2


async def test_an_epoch_that_there_never_was_asks_once_not_for_ever() -> None:
    watcher = Watcher(Extent(2, 4))
    await watcher.following.begin()
    watcher.points(1, 99)
    await watcher.settled()
    assert watcher.looks == 2
    assert watcher.taken == []


async def test_a_flood_during_a_look_ends_in_another_look_not_in_memory() -> None:
    watcher = Watcher(Extent(2, 4))
    await watcher.following.begin()
    watcher.answers.clear()
    watcher.points(0, 5)
    await watcher.settled()
    watcher.extent = Extent(2, 5)
    for ts in range(1, 1000):
        watcher.points(ts, 5)
    assert len(watcher.following._waiting) <= 100
    watcher.answers.set()
    await watcher.settled()
    assert watcher.looks == 3
    assert watcher.taken[0] == 1


async def test_what_has_no_deeds_is_asked_about_each_time() -> None:
    watcher = Watcher(Extent(0, 0), Resource.ASSET)
    await watcher.following.begin()
    watcher.points(1, 0)
    watcher.points(2, 0)
    assert watcher.taken == []
    await watcher.settled()
    assert watcher.taken == [1, 2]
    watcher.extent = None
    watcher.points(3, 0)
    await watcher.settled()
    assert watcher.taken == [1, 2]
    assert watcher.ends


async def test_who_stops_is_told_nothing_more() -> None:
    watcher = Watcher(Extent(2, 4))
    await watcher.following.begin()
    watcher.answers.clear()
    watcher.live.tell(OwnershipChanged(DEVICE))
    watcher.following.stop()
    watcher.answers.set()
    watcher.points(1, 4)
    await watcher.settled()
    assert watcher.taken == []
    assert watcher.ends == []
