"""Whose access tokens these are. Requests that come in the same turn of the event loop share a look-up.

Nothing is remembered: a token that was changed stops working with the commit that did it, on every node.
"""

import asyncio
from collections.abc import Sequence
from contextvars import Context
from uuid import UUID

from deedbox.core.credentials import Login, find_logins
from deedbox.core.keys import KeyRing
from deedbox.core.storage import Storage, Stores

#: Looked up at once, on the event loop: some hundred microseconds.
_MOST_TOGETHER = 64

_Asked = tuple[str, "asyncio.Future[UUID | None]"]


class TokenLookups:
    """Finds devices by their access tokens; to be used on the event loop."""

    def __init__(self, storage: Storage, keys: KeyRing) -> None:
        self._storage = storage
        self._keys = keys
        self._asked: list[_Asked] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def device_of(self, token: str) -> UUID | None:
        """Return the device whose token this is, None when there is none. Raises StorageUnavailable."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[UUID | None] = loop.create_future()
        self._asked.append((token, found))
        if len(self._asked) == 1:
            # For many requests: lines of the log must not name the one that happened to be first.
            task = loop.create_task(self._answer_all(), context=Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await found

    async def _answer_all(self) -> None:
        asked, self._asked = self._asked, []
        for start in range(0, len(asked), _MOST_TOGETHER):
            await self._answer(asked[start : start + _MOST_TOGETHER])

    async def _answer(self, asked: Sequence[_Asked]) -> None:
        tokens = [token for token, _ in asked]

        async def work(stores: Stores) -> Sequence[Login | None]:
            return await find_logins(stores.credentials, self._keys, tokens)

        try:
            logins = await self._storage.look(work)
        except Exception as error:  # all of them have asked for it, and each says what that means
            for _, found in asked:
                if not found.done():
                    found.set_exception(error)
            return
        for (_, found), login in zip(asked, logins, strict=True):
            if not found.done():
                found.set_result(login.device_id if login else None)
