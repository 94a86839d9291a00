"""Long polls: requests that wait until something comes for the device, within limits on how many may wait."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID

from deedbox.core.errors import LimitReached
from deedbox.transports.http.answers import Receive
from deedbox.transports.http.requests import ClientGone

T = TypeVar("T")
_Key = tuple[str, UUID]


class Polls:
    """All long polls that wait now, `count` in number; per device and kind the newest win over dead ones."""

    def __init__(self, most: int, most_per_device: int) -> None:
        self._most = most
        self._most_per_device = most_per_device
        self._waiting: dict[_Key, list[asyncio.Task[Any]]] = {}
        self.count = 0
        self._is_closed = False

    async def wait(
        self, key: _Key, arrival: Coroutine[Any, Any, T], receive: Receive, wait_s: float
    ) -> T | None:
        """Return what arrives, None when nothing comes in time or newer polls take this one's place.

        Raises ClientGone, and LimitReached when too many wait already.
        """
        if self.count >= self._most:
            arrival.close()
            raise LimitReached("Too many devices wait here for news. Try again in some seconds.")
        arriving = asyncio.create_task(arrival)
        leaving = asyncio.create_task(_disconnected(receive))
        self._enter(key, arriving)
        try:
            await asyncio.wait({arriving, leaving}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            if arriving.done():
                return None if arriving.cancelled() else arriving.result()
            if leaving.done():
                raise ClientGone
            return None
        finally:
            self._leave(key, arriving)
            arriving.cancel()
            leaving.cancel()

    def close(self) -> None:
        """End all polls, and those to come, as if their time were over."""
        self._is_closed = True
        for waiting in self._waiting.values():
            for arriving in waiting:
                arriving.cancel()

    def _enter(self, key: _Key, arriving: asyncio.Task[Any]) -> None:
        waiting = self._waiting.setdefault(key, [])
        waiting.append(arriving)
        self.count += 1
        if len(waiting) > self._most_per_device:
            waiting[0].cancel()
        if self._is_closed:
            arriving.cancel()

    def _leave(self, key: _Key, arriving: asyncio.Task[Any]) -> None:
        waiting = self._waiting[key]
        waiting.remove(arriving)
        self.count -= 1
        if not waiting:
            del self._waiting[key]


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
