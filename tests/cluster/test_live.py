"""Live changes reach whoever watches, whole and for as long as they watch."""

from uuid import UUID

import pytest

from deedbox.cluster.live import BusLiveChanges
from deedbox.cluster.local import LocalBus
from deedbox.core.attributes import Scope
from deedbox.core.live import AttributesChanged, Change, OwnershipChanged, PointsArrived
from deedbox.core.telemetry import Point

DEVICE, OTHER = UUID(int=1), UUID(int=2)
CHANGES: list[Change] = [
    PointsArrived(DEVICE, 3, (Point("t", 1, 21.5), Point("s", 2, "warm"), Point("j", 3, {"a": [1, True]}))),
    AttributesChanged(DEVICE, 3, Scope.SHARED_SCOPE, ("on", "off")),
    OwnershipChanged(DEVICE),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_arrives_as_it_was_told(change: Change) -> None:
    live, heard = BusLiveChanges(LocalBus()), list[Change]()
    live.watch(DEVICE, heard.append)
    live.tell(change)
    assert heard == [change]


def test_everybody_who_watches_a_device_hears_of_it_and_nobody_else() -> None:
    live = BusLiveChanges(LocalBus())
    first, second, other = list[Change](), list[Change](), list[Change]()
    live.watch(DEVICE, first.append)
    live.watch(DEVICE, second.append)
    live.watch(OTHER, other.append)
    live.tell(OwnershipChanged(DEVICE))
    assert (len(first), len(second), len(other)) == (1, 1, 0)


def test_a_device_is_watched_until_the_last_watcher_leaves() -> None:
    live, heard = BusLiveChanges(LocalBus()), list[Change]()
    assert not live.is_watched(DEVICE)
    stop_first, stop_second = live.watch(DEVICE, heard.append), live.watch(DEVICE, lambda _: None)
    stop_second()
    stop_second()
    assert live.is_watched(DEVICE)
    stop_first()
    assert not live.is_watched(DEVICE)
    live.tell(OwnershipChanged(DEVICE))
    assert heard == []


def test_who_leaves_while_it_is_told_spoils_nothing_for_others() -> None:
    live, heard = BusLiveChanges(LocalBus()), list[Change]()

    def leave(_: Change) -> None:
        stop()

    stop = live.watch(DEVICE, leave)
    live.watch(DEVICE, heard.append)
    live.tell(OwnershipChanged(DEVICE))
    live.tell(OwnershipChanged(DEVICE))
    assert len(heard) == 2


def test_a_watcher_that_came_back_is_not_stopped_by_its_former_self() -> None:
    live, heard = BusLiveChanges(LocalBus()), list[Change]()
    stop = live.watch(DEVICE, lambda _: None)
    stop()
    live.watch(DEVICE, heard.append)
    stop()
    live.tell(OwnershipChanged(DEVICE))
    assert len(heard) == 1
