"""Follows one thing for one subscription: asks the database who may see what, then passes on what is told.

A change of an epoch that the last answer covers needs no question. One of a newer epoch, and the news that a
deed was opened or closed, do: until the answer is there, nothing is passed on (behaviour §5.4).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from deedbox.core.errors import Refusal
from deedbox.core.holders import Extent
from deedbox.core.live import AttributesChanged, Change, LiveChanges, PointsArrived, Stop, is_shown
from deedbox.core.permissions import Resource

#: So many changes wait for an answer of the database; then it is asked for all that came instead.
_MOST_WAITING = 100

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wishes:
    """What a subscription wants to hear of one thing.

    `look` reads it, sends what is new and returns what may be seen of it; raises what permissions raise.
    `takes` passes points on. `concerns` tells whether changed attributes are worth a look. `lost` hears why
    there will be nothing more.
    """

    look: Callable[[], Awaitable[Extent]]
    takes: Callable[[PointsArrived], None]
    concerns: Callable[[AttributesChanged], bool]
    lost: Callable[[Exception], None]


class Following:
    """Begun with `begin`, or with `listen` and `see` where many are looked at together; until `stop`."""

    def __init__(self, live: LiveChanges, kind: Resource, entity_id: UUID, wishes: Wishes) -> None:
        self._live = live
        self._entity_id = entity_id
        self._wishes = wishes
        # Only devices have deeds: the epoch of anything else says nothing about who may see it now.
        self._asks_always = kind is not Resource.DEVICE
        self._extent = Extent(0, -1)
        #: Points that came while it was not known whether they may be seen.
        self._waiting: list[PointsArrived] = []
        self._is_looking = self._look_again = False
        self._task: asyncio.Task[None] | None = None
        self._leave: Stop = lambda: None

    async def begin(self) -> None:
        """Look for the first time, and listen from before that on. Raises what `look` raises."""
        self.listen()
        try:
            await self._catch_up()
        except BaseException:
            self.stop()
            raise

    def listen(self) -> None:
        """Keep what is told from now on, until it was looked."""
        self._is_looking = True
        self._leave = self._live.watch(self._entity_id, self._hear)

    def see(self, extent: Extent) -> None:
        """Go on with what a look found that somebody made after `listen`."""
        self._is_looking = False
        self._pass_on_all(extent)
        if self._look_again:
            self._look_soon()

    def stop(self) -> None:
        """Listen no more."""
        self._leave()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    def _hear(self, change: Change) -> None:
        if isinstance(change, PointsArrived):
            if not self._asks_always and self._passes_on(change):
                return
            self._keep(change)
            self._look_again = self._look_again or not self._is_looking
        elif not isinstance(change, AttributesChanged) or self._wishes.concerns(change):
            self._look_again = True
        if self._look_again and not self._is_looking:
            self._look_soon()

    def _passes_on(self, change: PointsArrived) -> bool:
        """Tell whether it is settled what to do with a change, having done it."""
        shown = is_shown(change.epoch, self._extent)
        if shown:
            self._wishes.takes(change)
        return shown is not None

    def _keep(self, change: PointsArrived) -> None:
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.append(change)
        else:
            self._look_again = True

    def _pass_on_all(self, extent: Extent) -> None:
        self._extent = extent
        waiting, self._waiting = self._waiting, []
        for change in waiting:
            if self._asks_always or not self._passes_on(change):
                self._keep(change)
                self._look_again = True

    async def _catch_up(self) -> None:
        """Look until nothing was told meanwhile that asks for another look."""
        self._is_looking = True
        try:
            while True:
                known, self._waiting, self._look_again = self._waiting, [], False
                extent = await self._wishes.look()
                # What was told before the look is of an epoch that it saw, or of none that there is.
                self._extent = extent
                for change in known:
                    self._passes_on(change)
                self._pass_on_all(extent)
                if not self._look_again:
                    return
        finally:
            self._is_looking = False

    def _look_soon(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        try:
            await self._catch_up()
        except Exception as error:
            if not isinstance(error, Refusal):
                _log.exception("a live subscription ended by a mistake of ours")
            self.stop()
            self._wishes.lost(error)
