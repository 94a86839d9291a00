"""Coalescing: items of one kind that wait while a transaction runs go together into the next one.

There is no timer: a lone item starts at once, a crowd shares one transaction.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import Context
from typing import Any, NamedTuple

from deedbox.core.errors import StorageUnavailable

#: Each locks its device and budgets: many in one transaction fill the database's table of locks.
MOST_ITEMS = 256


class _Waiting(NamedTuple):
    item: Any
    answer: "asyncio.Future[Any]"


class Coalescer:
    """Takes items of one kind. `store(items, waiting)` runs their transaction and returns their answers."""

    def __init__(self, store: Callable[[Sequence[Any], int], Awaitable[Sequence[Any]]]) -> None:
        self._store = store
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False

    @property
    def waiting(self) -> int:
        """How many items wait for the next transaction."""
        return len(self._waiting)

    async def submit(self, item: Any) -> Any:
        """Return the item's answer after the commit, or raise what its work raised."""
        if self._is_closing:
            raise StorageUnavailable("The server is stopping. Nothing was changed; try again later.")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(item, loop.create_future())
        self._waiting.append(waiting)
        if self._task is None:
            # It goes on for others, too: the log must not name the request that happened to be first.
            self._task = loop.create_task(self._run(), context=Context())
        # A caller that goes away cancels its future only: its item may be in a transaction already.
        return await waiting.answer

    async def close(self) -> None:
        """Store what waits, then take no more."""
        self._is_closing = True
        if self._task:
            await self._task

    async def _run(self) -> None:
        while self._waiting:
            count = min(len(self._waiting), MOST_ITEMS)
            await self._apply([self._waiting.popleft() for _ in range(count)])
        self._task = None

    async def _apply(self, group: Sequence[_Waiting]) -> None:
        try:
            answers = await self._store([it.item for it in group], len(self._waiting))
            if len(answers) != len(group):
                raise RuntimeError(f"{len(group)} items got {len(answers)} answers")
        except Exception as error:
            await self._after_failure(group, error)
        else:
            for it, answer in zip(group, answers, strict=True):
                with suppress(asyncio.InvalidStateError):
                    it.answer.set_result(answer)

    async def _after_failure(self, group: Sequence[_Waiting], error: Exception) -> None:
        if len(group) > 1 and not isinstance(error, StorageUnavailable):
            # One bad item must not spoil the others that happened to wait beside it: halves find it soon.
            for half in (group[: len(group) // 2], group[len(group) // 2 :]):
                await self._apply(half)
            return
        for it in group:
            with suppress(asyncio.InvalidStateError):
                it.answer.set_exception(error)
