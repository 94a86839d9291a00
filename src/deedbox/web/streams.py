"""Streams that keep open pages current: how many there may be, what wakes them, when they end."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator
from uuid import UUID

from deedbox.core.errors import TooBusy
from deedbox.core.live import LiveChanges
from deedbox.web.settings import PagesSettings

#: A page is not changed more often than eyes can follow.
SHORTEST_PAUSE_S = 0.25
#: Ages on a page grow while nothing happens, and a session may have ended.
LONGEST_PAUSE_S = 5.0


class PageStreams:
    """The streams of this process."""

    def __init__(self, settings: PagesSettings, live: LiveChanges) -> None:
        self._settings = settings
        self._live = live
        self._alarms: set[asyncio.Event] = set()
        self._of_user: dict[UUID, int] = {}
        self._is_over = False

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self._of_user.values())

    def end(self) -> None:
        """End all streams, and those that still come."""
        self._is_over = True
        for alarm in self._alarms:
            alarm.set()

    @contextlib.contextmanager
    def place(self, user_id: UUID) -> Iterator[None]:
        """Take a place for a stream of that user. Raises TooBusy where there is none."""
        mine = self._of_user.get(user_id, 0)
        if self.count >= self._settings.streams or mine >= self._settings.streams_per_user:
            raise TooBusy("Too many pages are kept current at this moment.")
        self._of_user[user_id] = mine + 1
        try:
            yield
        finally:
            self._of_user[user_id] -= 1
            if not self._of_user[user_id]:
                del self._of_user[user_id]

    async def turns(self, device_id: UUID) -> AsyncGenerator[None, None]:
        """Yield when it is time to look at the device: at once, when something happens, and now and then."""
        alarm = asyncio.Event()
        self._alarms.add(alarm)
        stop = self._live.watch(device_id, lambda _: alarm.set())
        try:
            while not self._is_over:
                alarm.clear()
                yield
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LONGEST_PAUSE_S):
                        await alarm.wait()
                if not self._is_over:
                    await asyncio.sleep(SHORTEST_PAUSE_S)
        finally:
            stop()
            self._alarms.discard(alarm)
